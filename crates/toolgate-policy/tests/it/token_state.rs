//! Who counts as the holder of a token, and until when (S-35, S-36, S-38).

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;
use toolgate_policy::{
    MemberId, Principal, RawToken, Role, Token, TokenDigest, TokenId, TokenStatus, ToolRules,
};

use crate::support::{fixed, token};

fn dated(expires_at: Option<u64>, revoked_at: Option<u64>) -> Arc<Token> {
    Arc::new(Token {
        expires_at,
        revoked_at,
        ..token(Role::Developer, ToolRules::all())
    })
}

#[test]
fn s38_a_token_works_until_its_time_and_not_at_it() {
    #[track_caller]
    fn check(expires_at: Option<u64>, revoked_at: Option<u64>, now_ms: u64, expected: TokenStatus) {
        let token = dated(expires_at, revoked_at);
        assert_eq!(token.status(now_ms), expected);
        let principal = Principal::authenticate(&token, &token.digest, now_ms);
        assert_eq!(principal.is_some(), expected == TokenStatus::Active);
    }
    check(None, None, 0, TokenStatus::Active);
    check(None, None, u64::MAX, TokenStatus::Active);
    check(Some(5_000), None, 4_999, TokenStatus::Active);
    check(Some(5_000), None, 5_000, TokenStatus::Expired);
    check(Some(0), None, 0, TokenStatus::Expired);
    check(None, Some(3_000), 3_000, TokenStatus::Revoked);
    check(Some(5_000), Some(3_000), 9_000, TokenStatus::Revoked);
    // A revocation dated in the future by a clock that was wrong is still one.
    check(None, Some(9_000), 1_000, TokenStatus::Revoked);
}

#[test]
fn s35_a_lookup_that_went_wrong_lets_nobody_in() {
    let token = dated(None, None);
    let other = RawToken::from_random([8; 32]).digest();
    assert!(Principal::authenticate(&token, &other, 2_000).is_none());
    let principal = Principal::authenticate(&token, &token.digest, 2_000).expect("the right one");
    assert_eq!(principal.token(), &*token);
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn s35_digests_are_equal_exactly_if_their_bytes_are(bytes in any::<[u8; 32]>(), bit in 0_usize..256) {
        let digest = TokenDigest(bytes);
        let mut changed = bytes;
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(digest, TokenDigest(bytes));
        prop_assert_ne!(digest, TokenDigest(changed));

        let index = HashSet::from([digest]);
        prop_assert!(index.contains(&TokenDigest(bytes)));
        prop_assert!(!index.contains(&TokenDigest(changed)));
    }
}

#[test]
fn ids_of_tokens_and_members_are_not_mixed_up() {
    let token = TokenId::from_random([1; 16]);
    assert!(token.as_str().starts_with("tok_"));
    assert_eq!(TokenId::try_from(token.as_str()), Ok(token.clone()));
    assert!(MemberId::try_from(token.as_str()).is_err());
    assert!(
        MemberId::from_random([1; 16])
            .to_string()
            .starts_with("mem_")
    );
}

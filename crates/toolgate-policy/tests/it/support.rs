//! Tokens and random numbers for tests.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use toolgate_namespace::WorkspaceId;
use toolgate_policy::{Principal, RateLimit, RawToken, Role, Token, TokenId, ToolRules};

/// The same cases on every run: what fails here fails for everyone.
pub(crate) fn fixed() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(40),
        ..ProptestConfig::default()
    }
}

/// A token that works for ever, made from `[7; 32]`.
pub(crate) fn token(role: Role, rules: ToolRules) -> Token {
    Token {
        id: TokenId::from_random([1; 16]),
        workspace: WorkspaceId::from_random([2; 16]),
        name: "test".into(),
        role,
        rules,
        rate_limit: RateLimit::default(),
        digest: RawToken::from_random([7; 32]).digest(),
        member: None,
        created_at: 1_000,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

/// Its holder.
pub(crate) fn principal(role: Role, rules: ToolRules) -> Principal {
    let token = Arc::new(token(role, rules));
    Principal::authenticate(&token, &token.digest, 2_000).expect("the token is active")
}

/// Rules that must parse.
#[track_caller]
pub(crate) fn rules(globs: &[&str]) -> ToolRules {
    ToolRules::parse(globs.iter().copied()).expect("the case names valid patterns")
}

/// Sebastiano Vigna's `SplitMix64`: enough randomness for a test, the same on every run.
pub(crate) struct SplitMix(pub u64);

impl SplitMix {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes());
        }
        bytes
    }
}

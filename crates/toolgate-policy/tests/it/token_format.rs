//! `token_format`: the form of tokens, and that nothing else passes for one (S-34).

use std::collections::HashSet;

use toolgate_policy::{InvalidToken, RawToken};

use crate::support::SplitMix;

const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Computed by an independent implementation; the form never changes.
#[test]
fn s34_known_tokens() {
    #[track_caller]
    fn check(bytes: [u8; 32], expected: &str) {
        assert_eq!(RawToken::from_random(bytes).expose(), expected);
    }
    check(
        [0; 32],
        "mwt_00000000000000000000000000000000000000000004aSeP4",
    );
    check(
        [0xff; 32],
        "mwt_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp11TznaU",
    );
    check(
        std::array::from_fn(|i| u8::try_from(i).expect("below 32")),
        "mwt_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3whBSs",
    );
}

#[test]
fn s34_every_token_has_the_published_form_and_is_accepted() {
    let mut random = SplitMix(34);
    let mut seen = HashSet::new();
    for _ in 0..10_000 {
        let token = RawToken::from_random(random.bytes());
        let text = token.expose();
        assert_eq!(text.len(), 53);
        assert_eq!(text.len(), RawToken::LEN);
        let rest = text.strip_prefix("mwt_").expect("the prefix");
        assert!(rest.bytes().all(|b| BASE62.contains(&b)), "the alphabet");
        let parsed = RawToken::parse(text).expect("its own tokens");
        assert_eq!(parsed.expose(), text);
        assert_eq!(RawToken::digest_of(text), Ok(token.digest()));
        assert_eq!(parsed.digest(), token.digest());
        assert!(seen.insert(text.to_owned()), "two tokens are equal");
    }
}

#[test]
fn s34_what_is_malformed_is_refused() {
    #[track_caller]
    fn check(text: &str) {
        assert_eq!(RawToken::parse(text).err(), Some(InvalidToken), "{text:?}");
        assert_eq!(RawToken::digest_of(text), Err(InvalidToken), "{text:?}");
    }
    let token = RawToken::from_random([7; 32]);
    let good = token.expose();
    check("");
    check("mwt_");
    check(&good[..52]);
    check(&format!("{good}0"));
    check(&format!(" {good}"));
    check(&format!("{good}\n"));
    check(&good.replace("mwt_", "MWT_"));
    check(&good.replace("mwt_", "mwt-"));
    check(&good.replace("mwt_", "ak_0"));
    check(&format!("mwt_{}", "!".repeat(49)));
    check(&format!("mwt_{}", "0".repeat(49)));
    // 53 bytes whose boundary between body and checksum lies inside a character.
    check(&format!("mwt_{}é{}", "0".repeat(42), "0".repeat(5)));
    check(&"é".repeat(26));
}

/// Above 2^256 there are numbers of 43 letters still; with a right checksum they are no tokens either (F-06).
#[test]
fn s34_what_no_32_bytes_make_is_refused() {
    let with_checksum = |body: &str| {
        let signed = format!("mwt_{body}");
        let mut number = crc32fast::hash(signed.as_bytes());
        let mut checksum = [0; 6];
        for place in checksum.iter_mut().rev() {
            *place = BASE62[(number % 62) as usize];
            number /= 62;
        }
        format!("{signed}{}", std::str::from_utf8(&checksum).unwrap())
    };
    let most = RawToken::from_random([0xff; 32]);
    let most = &most.expose()[4..47];
    assert!(RawToken::parse(&with_checksum(most)).is_ok());
    let one_more = format!("{}2", &most[..42]);
    assert_eq!(most.as_bytes()[42], b'1');
    for body in [one_more, "z".repeat(43), format!("z{}", "0".repeat(42))] {
        assert!(RawToken::parse(&with_checksum(&body)).is_err(), "{body}");
    }
}

/// All 53 × 61 ways to mistype one character, for each of some tokens.
#[test]
fn s34_one_character_off_is_never_accepted() {
    let mut random = SplitMix(61);
    for _ in 0..20 {
        let token = RawToken::from_random(random.bytes());
        for place in 0..RawToken::LEN {
            let mut text = token.expose().as_bytes().to_vec();
            let right = text[place];
            for wrong in BASE62.iter().filter(|character| **character != right) {
                text[place] = *wrong;
                let text = std::str::from_utf8(&text).expect("all ASCII");
                assert_eq!(RawToken::digest_of(text), Err(InvalidToken), "{text}");
            }
        }
    }
}

#[test]
fn s34_neighbours_swapped_are_never_accepted() {
    let mut random = SplitMix(62);
    for _ in 0..1_000 {
        let token = RawToken::from_random(random.bytes());
        for place in 4..RawToken::LEN - 1 {
            let mut text = token.expose().as_bytes().to_vec();
            if text[place] != text[place + 1] {
                text.swap(place, place + 1);
                let text = std::str::from_utf8(&text).expect("all ASCII");
                assert_eq!(RawToken::digest_of(text), Err(InvalidToken), "{text}");
            }
        }
    }
}

#[test]
fn s34_random_text_of_the_right_form_is_never_accepted() {
    let mut random = SplitMix(63);
    let mut text = *b"mwt_0000000000000000000000000000000000000000000000000";
    for _ in 0..200_000 {
        for character in &mut text[4..] {
            *character = BASE62[usize::try_from(random.below(62)).expect("below 62")];
        }
        let text = std::str::from_utf8(&text).expect("all ASCII");
        assert_eq!(RawToken::digest_of(text), Err(InvalidToken), "{text}");
    }
}

/// Chi-square with 61 degrees of freedom: above 118.6 once in 100,000 by chance.
///
/// The first character is left out: 62^43 is 2.8 % above 2^256, so it never reaches the last
/// letters of the alphabet. That costs no entropy, all 256 bits are in the text.
#[test]
fn s34_every_place_uses_the_alphabet_evenly() {
    const TOKENS: u32 = 62_000;
    let mut random = SplitMix(64);
    let mut counts = vec![[0_u32; 128]; 43];
    for _ in 0..TOKENS {
        let token = RawToken::from_random(random.bytes());
        for (place, character) in token.expose()[4..47].bytes().enumerate() {
            counts[place][usize::from(character)] += 1;
        }
    }
    let expected = f64::from(TOKENS) / 62.0;
    for (place, counts) in counts.iter().enumerate().skip(1) {
        let chi_square: f64 = BASE62
            .iter()
            .map(|character| {
                (f64::from(counts[usize::from(*character)]) - expected).powi(2) / expected
            })
            .sum();
        assert!(chi_square < 118.6, "place {place}: {chi_square}");
    }
}

/// S-20, S-35: no part of a token is printed by accident.
#[test]
fn s35_debug_shows_nothing_of_a_token() {
    let token = RawToken::from_random([7; 32]);
    assert_eq!(format!("{token:?}"), "mwt_…");
    assert_eq!(format!("{:?}", token.digest()), "TokenDigest(…)");
    assert_eq!(InvalidToken.to_string(), "not a Toolgate token");
}

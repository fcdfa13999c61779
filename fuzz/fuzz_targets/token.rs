//! F-06: only the one text that 32 bytes make is accepted as a token.
//!
//! Text is tried as it comes, and once more with the checksum put right, which chance never does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate_policy::RawToken;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fuzz_target!(|text: &str| {
    check(text);
    if let Some(signed) = text.get(..47) {
        let mut number = crc32fast::hash(signed.as_bytes());
        let mut checksum = [0; 6];
        for place in checksum.iter_mut().rev() {
            *place = BASE62[(number % 62) as usize];
            number /= 62;
        }
        let checksum = std::str::from_utf8(&checksum).expect("ASCII");
        check(&format!("{signed}{checksum}"));
    }
});

fn check(text: &str) {
    let Ok(token) = RawToken::parse(text) else {
        assert!(
            RawToken::digest_of(text).is_err(),
            "two ways to read disagree"
        );
        return;
    };
    assert_eq!(RawToken::digest_of(text), Ok(token.digest()));
    let bytes = bytes_of(&text[4..47]).expect("a token stands for 32 bytes");
    assert_eq!(
        RawToken::from_random(bytes).expose(),
        text,
        "another text for the same bytes"
    );
}

/// The number that a body stands for; `None` when it has more than 256 bits or another letter.
fn bytes_of(body: &str) -> Option<[u8; 32]> {
    let mut number = [0_u8; 32];
    for letter in body.bytes() {
        let digit = BASE62.iter().position(|known| *known == letter)?;
        let mut carry = u16::try_from(digit).ok()?;
        for byte in number.iter_mut().rev() {
            let product = u16::from(*byte) * 62 + carry;
            *byte = product.to_le_bytes()[0];
            carry = product >> 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

//! S-11: the Wycheproof vectors, and a second implementation that agrees with the one in use.
//!
//! `ring` is in security-only maintenance. That another library reads what it wrote, and writes what it reads, is
//! what makes replacing it a matter of one file.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};

use super::{HEADER_BYTES, SEALED_FORMAT, open, seal, seal_with_nonce};

/// Each line says whether it has to open; `-` is nothing.
const WYCHEPROOF: &str = include_str!("../../tests/vectors/wycheproof_aes_256_gcm.txt");

fn hex(text: &str) -> Vec<u8> {
    let text = if text == "-" { "" } else { text };
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

struct Case<'a> {
    id: &'a str,
    is_valid: bool,
    key: Vec<u8>,
    nonce: [u8; 12],
    associated: Vec<u8>,
    plaintext: Vec<u8>,
    /// Ciphertext and tag.
    body: Vec<u8>,
}

fn cases() -> Vec<Case<'static>> {
    let lines = WYCHEPROOF.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let [
                id,
                verdict,
                key,
                nonce,
                associated,
                plaintext,
                ciphertext,
                tag,
            ] = fields[..]
            else {
                panic!("not a case: {line}")
            };
            Case {
                id,
                is_valid: verdict == "valid",
                key: hex(key),
                nonce: hex(nonce).try_into().unwrap(),
                associated: hex(associated),
                plaintext: hex(plaintext),
                body: [hex(ciphertext), hex(tag)].concat(),
            }
        })
        .collect()
}

fn ring(key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap())
}

/// What the other library makes of a stored form.
fn other_open(key: &[u8], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let cipher = Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key));
    let (header, msg) = sealed.split_at(HEADER_BYTES);
    let payload = Payload {
        msg,
        aad: associated,
    };
    cipher
        .decrypt(Nonce::from_slice(&header[1..]), payload)
        .ok()
}

fn other_seal(key: &[u8], nonce: &[u8; 12], associated: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let cipher = Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key));
    let payload = Payload {
        msg: plaintext,
        aad: associated,
    };
    let body = cipher.encrypt(Nonce::from_slice(nonce), payload).unwrap();
    [&[SEALED_FORMAT], nonce.as_slice(), &body].concat()
}

#[test]
fn s11_wycheproof_vectors_with_both_providers() {
    let cases = cases();
    assert_eq!(cases.len(), 66, "the file is whole");
    for case in cases {
        let stored = [&[SEALED_FORMAT], case.nonce.as_slice(), &case.body].concat();
        let ours = open(&ring(&case.key), &case.associated, &stored).ok();
        let theirs = other_open(&case.key, &case.associated, &stored);
        assert_eq!(ours.as_deref(), theirs.as_ref(), "case {}", case.id);
        let expected = case.is_valid.then_some(&case.plaintext);
        assert_eq!(ours.as_deref(), expected, "case {}", case.id);
        if case.is_valid {
            let key = ring(&case.key);
            let sealed = seal_with_nonce(&key, case.nonce, &case.associated, &case.plaintext);
            assert_eq!(sealed.unwrap(), stored, "case {}", case.id);
            let sealed = other_seal(&case.key, &case.nonce, &case.associated, &case.plaintext);
            assert_eq!(sealed, stored, "case {}", case.id);
        }
    }
}

#[test]
fn s11_each_provider_opens_what_the_other_sealed() {
    let key: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 7 % 251).unwrap());
    for length in [0, 1, 15, 16, 17, 255, 4096, 16 * 1024] {
        let plaintext = vec![0x5a; length];
        let sealed = seal(&ring(&key), b"context", &plaintext).unwrap();
        assert_eq!(
            other_open(&key, b"context", &sealed),
            Some(plaintext.clone())
        );
        assert_eq!(other_open(&key, b"another", &sealed), None);
        let sealed = other_seal(&key, &[0x33; 12], b"context", &plaintext);
        assert_eq!(*open(&ring(&key), b"context", &sealed).unwrap(), plaintext);
    }
}

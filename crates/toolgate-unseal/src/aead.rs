//! The AEAD of this crate, in one place: `format | nonce | ciphertext | tag` as `toolgate-vault` stores it.
//!
//! The vault has the same two functions and keeps its `open` to itself: if it lent it out, the admin binary
//! could open secrets with one line.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};
use toolgate_vault::SEALED_FORMAT;
use zeroize::Zeroizing;

/// The key with its schedule expanded.
pub(crate) fn prepare(key: &[u8; 32]) -> LessSafeKey {
    let unbound =
        UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are the length of an AES-256 key");
    LessSafeKey::new(unbound)
}

/// `seal[key](associated; plaintext)` under 96 fresh random bits (S-10).
pub(crate) fn seal(
    key: &LessSafeKey,
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce)?;
    let body = 1 + NONCE_LEN;
    // The final size from the start: a buffer that grew would leave plaintext behind in freed memory.
    let mut sealed = Vec::with_capacity(body + plaintext.len() + AES_256_GCM.tag_len());
    sealed.push(SEALED_FORMAT);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let tag = key.seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(associated),
        &mut sealed[body..],
    )?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// `open[key](associated; sealed)`. One error for every cause, so that nobody learns which part was wrong (S-09).
pub(crate) fn open(
    key: &LessSafeKey,
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let (&[format], rest) = sealed.split_first_chunk().ok_or(Unspecified)?;
    let (&nonce, body) = rest.split_first_chunk().ok_or(Unspecified)?;
    if format != SEALED_FORMAT {
        return Err(Unspecified);
    }
    let mut buffer = Zeroizing::new(body.to_vec());
    let plaintext = key.open_in_place(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(associated),
        &mut buffer,
    )?;
    let length = plaintext.len();
    buffer.truncate(length);
    Ok(buffer)
}

//! The one AEAD construction, and its stored form.
//!
//! `seal[key](associated data; plaintext)` is stored as
//!
//! ```text
//! format (1 byte, = 1) | nonce (12 bytes) | ciphertext (as long as the plaintext) | tag (16 bytes)
//! ```
//!
//! Every nonce is 96 fresh bits of the operating system's generator (S-10). There is no counter that a fork or
//! a restored snapshot could repeat, and no caller can bring a nonce. Random nonces are safe for 2^32 messages
//! a key (NIST SP 800-38D, 8.3); the store counts and changes the data key at 2^30.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// First byte of everything sealed, and a field of its associated data: AES-256-GCM, random 96-bit nonce, 128-bit tag.
pub const SEALED_FORMAT: u8 = 1;

const HEADER_BYTES: usize = 1 + NONCE_LEN;

/// `seal[key](associated; plaintext)` in its stored form.
pub(crate) fn seal(
    key: &LessSafeKey,
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce)?;
    seal_with_nonce(key, nonce, associated, plaintext)
}

/// Apart from [`seal`] only for known answers: a repeated nonce gives away the plaintext and the tag key.
fn seal_with_nonce(
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let tag_bytes = AES_256_GCM.tag_len();
    // The final size from the start: a buffer that grew would leave plaintext behind in freed memory.
    let mut sealed = Vec::with_capacity(HEADER_BYTES + plaintext.len() + tag_bytes);
    sealed.push(SEALED_FORMAT);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let tag = key.seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(associated),
        &mut sealed[HEADER_BYTES..],
    )?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// The inverse of [`seal`], for data keys only. One error for every cause, so that nobody learns which part was wrong.
pub(crate) fn open(
    key: &LessSafeKey,
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let (&[SEALED_FORMAT], rest) = sealed.split_first_chunk().ok_or(Unspecified)? else {
        return Err(Unspecified);
    };
    let (&nonce, body) = rest.split_first_chunk().ok_or(Unspecified)?;
    let mut buffer = Zeroizing::new(body.to_vec());
    let plain_bytes = key
        .open_in_place(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(associated),
            &mut buffer,
        )?
        .len();
    buffer.truncate(plain_bytes);
    Ok(buffer)
}

#[cfg(test)]
mod second_provider;

#[cfg(test)]
mod tests {
    use ring::aead::UnboundKey;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    struct Vector {
        key: &'static str,
        nonce: &'static str,
        associated: &'static str,
        plaintext: &'static str,
        ciphertext: &'static str,
        tag: &'static str,
    }

    /// The stored form is the vector's parts in order, and it opens again.
    #[track_caller]
    fn check(vector: &Vector) {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &hex(vector.key)).unwrap());
        let nonce = hex(vector.nonce).try_into().unwrap();
        let associated = hex(vector.associated);
        let plaintext = hex(vector.plaintext);

        let sealed = seal_with_nonce(&key, nonce, &associated, &plaintext).unwrap();

        let expected = [
            vec![1],
            hex(vector.nonce),
            hex(vector.ciphertext),
            hex(vector.tag),
        ];
        assert_eq!(sealed, expected.concat());
        assert_eq!(*open(&key, &associated, &sealed).unwrap(), plaintext);
    }

    // Test cases 13 to 16 of "The Galois/Counter Mode of Operation" (McGrew and Viega), which NIST adopted.

    #[test]
    fn s11_case_13_nothing_to_seal() {
        check(&Vector {
            key: "0000000000000000000000000000000000000000000000000000000000000000",
            nonce: "000000000000000000000000",
            associated: "",
            plaintext: "",
            ciphertext: "",
            tag: "530f8afbc74536b9a963b4f1c4cb738b",
        });
    }

    #[test]
    fn s11_case_14_one_block() {
        check(&Vector {
            key: "0000000000000000000000000000000000000000000000000000000000000000",
            nonce: "000000000000000000000000",
            associated: "",
            plaintext: "00000000000000000000000000000000",
            ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
            tag: "d0d1c8a799996bf0265b98b5d48ab919",
        });
    }

    #[test]
    fn s11_case_15_four_blocks() {
        check(&Vector {
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888",
            associated: "",
            plaintext: concat!(
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
                "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
            ),
            ciphertext: concat!(
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
                "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
            ),
            tag: "b094dac5d93471bdec1a502270e3cc6c",
        });
    }

    #[test]
    fn s11_case_16_associated_data_and_a_short_block() {
        check(&Vector {
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888",
            associated: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            plaintext: concat!(
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
                "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            ),
            ciphertext: concat!(
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
                "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            ),
            tag: "76fc6ece0f4e1768cddf8853bb2d551b",
        });
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
        let sealed = seal(&key, b"context", b"plaintext").unwrap();
        assert!(open(&key, b"other context", &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(open(&key, b"context", &sealed[..length]).is_err());
        }
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key, b"context", &changed).is_err(), "bit {bit}");
        }
    }
}

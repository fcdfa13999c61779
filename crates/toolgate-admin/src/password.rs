//! Passwords of operators, as Argon2id strings (S-77).

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use toolgate_vault::Secret;

use crate::AdminError;

/// 64 MiB and three passes: what guessing costs somebody who has the file.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// Shorter ones are guessed; longer ones are no passwords.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=1024;

/// The string that is stored.
pub(crate) fn hash(password: &Secret<String>) -> Result<String, AdminError> {
    let bytes = password.expose().as_bytes();
    if !LENGTH.contains(&bytes.len()) {
        return Err(AdminError::WeakPassword);
    }
    let salt: [u8; 16] = crate::draw::bytes()?;
    let hash = argon2()?
        .hash_password_with_salt(bytes, &salt)
        .map_err(|_| AdminError::PasswordHash)?;
    Ok(hash.to_string())
}

/// Whether a password is the one a string was made of. Without a string it takes as long and is never the one, so that
/// time does not tell which addresses are known.
pub(crate) fn matches(password: &Secret<String>, stored: Option<&str>) -> bool {
    let bytes = password.expose().as_bytes();
    if !LENGTH.contains(&bytes.len()) {
        return false;
    }
    let parsed = stored.and_then(|stored| PasswordHash::new(stored).ok());
    let Ok(argon2) = argon2() else { return false };
    if let Some(hash) = parsed {
        return argon2.verify_password(bytes, &hash).is_ok();
    }
    let mut spent = [0; 32];
    let _ = argon2.hash_password_into(bytes, b"nobody's salt is", &mut spent);
    false
}

fn argon2() -> Result<Argon2<'static>, AdminError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|_| AdminError::PasswordHash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

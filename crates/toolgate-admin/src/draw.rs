//! Randomness for ids and tokens, from the operating system.

use crate::AdminError;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], AdminError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| AdminError::Random)?;
    Ok(bytes)
}

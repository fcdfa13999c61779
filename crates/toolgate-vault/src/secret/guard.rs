//! The wrapper that keeps a value from leaving by accident.

use std::fmt;

use zeroize::Zeroize;

/// A value that is wiped when dropped and leaves only through [`expose`](Secret::expose) (S-14).
///
/// `Debug` prints `[REDACTED]`. What could copy, print, save or compare it by accident is missing:
///
/// ```compile_fail,E0599
/// let secret = toolgate_vault::Secret::new("not a real secret".to_owned());
/// let copy = secret.clone();
/// ```
/// ```compile_fail,E0277
/// let secret = toolgate_vault::Secret::new("not a real secret".to_owned());
/// println!("{secret}");
/// ```
/// ```compile_fail,E0277
/// fn save<T: serde::Serialize>(_value: T) {}
/// save(toolgate_vault::Secret::new("not a real secret".to_owned()));
/// ```
/// ```compile_fail,E0369
/// let secret = toolgate_vault::Secret::new("not a real secret".to_owned());
/// let other = toolgate_vault::Secret::new("not a real secret".to_owned());
/// let same = secret == other;
/// ```
///
/// What this cannot do: wipe copies that the value's owner made before wrapping it (a `String` that grew), or
/// that the compiler left on the stack while moving a `T` that is not on the heap. Wrap a credential the moment
/// it is read, and prefer a `T` that owns heap memory.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value. Call it only where bytes leave the process: a search for `expose()` lists all exits.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

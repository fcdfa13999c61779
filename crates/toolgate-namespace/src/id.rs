//! Typed identifiers: a prefix that says what it names, then random text.

/// Text that is not an identifier of the expected kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an id of the form {prefix}… (letters and digits)")]
pub struct InvalidId {
    /// What was given.
    pub text: String,
    /// The prefix that was expected, such as `srv_`.
    pub prefix: &'static str,
}

/// Declares an identifier newtype: cheap to clone, ordered, printed as it is stored.
///
/// The crate that uses it needs `serde`. `toolgate_policy::TokenId` is made by it, too.
///
/// ```
/// toolgate_namespace::id! {
///     /// One parcel.
///     ParcelId, "par_"
/// }
///
/// let id = ParcelId::from_random([7; 16]);
/// assert_eq!(ParcelId::try_from(id.as_str()), Ok(id));
/// assert!(ParcelId::try_from("ws_7").is_err());
/// ```
#[macro_export]
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, PartialEq, Eq, Hash, PartialOrd, Ord, ::serde::Serialize, ::serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(::std::sync::Arc<str>);

        impl $name {
            /// What every identifier of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an identifier from random bytes that the caller drew (128 bits are plenty).
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self($crate::random_id($prefix, bytes).into())
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The identifier as shared text, without a copy.
            pub fn shared(&self) -> ::std::sync::Arc<str> {
                self.0.clone()
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::InvalidId;

            fn try_from(text: &str) -> Result<Self, $crate::InvalidId> {
                $crate::InvalidId::check($prefix, text).map(|()| Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::InvalidId;

            fn try_from(text: String) -> Result<Self, $crate::InvalidId> {
                Self::try_from(text.as_str())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// One workspace, the unit of isolation.
    WorkspaceId, "ws_"
}
id! {
    /// One MCP server inside one workspace.
    ServerId, "srv_"
}

/// `prefix` and 20 characters of lower-case base 32: 100 of the 128 random bits, easy to read aloud.
///
/// For the [`id!`](crate::id) macro and for ids that are kept as plain text.
pub fn random_id(prefix: &str, bytes: [u8; 16]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut value = u128::from_be_bytes(bytes);
    let mut text = String::with_capacity(prefix.len() + 20);
    text.push_str(prefix);
    for _ in 0..20 {
        text.push(char::from(ALPHABET[(value & 31) as usize]));
        value >>= 5;
    }
    text
}

impl InvalidId {
    /// Fails unless `text` is `prefix` followed by 1 to 40 ASCII letters and digits.
    pub fn check(prefix: &'static str, text: &str) -> Result<(), Self> {
        let valid = text.strip_prefix(prefix).is_some_and(|rest| {
            (1..=40).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        if valid {
            return Ok(());
        }
        Err(Self {
            text: text.chars().take(64).collect(),
            prefix,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_kind() {
        let id = ServerId::from_random([7; 16]);
        assert!(id.as_str().starts_with("srv_"));
        assert_eq!(ServerId::try_from(id.as_str()), Ok(id.clone()));
        assert!(WorkspaceId::try_from(id.as_str()).is_err());
    }

    #[test]
    fn refuses_what_is_not_an_id() {
        for text in ["", "srv_", "srv_ä", "srv_a b", "srv_'--"] {
            assert!(ServerId::try_from(text).is_err(), "{text}");
        }
    }
}

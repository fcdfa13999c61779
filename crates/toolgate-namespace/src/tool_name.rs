//! A tool as its own server calls it.

use std::fmt;
use std::sync::Arc;

/// Text that no tool may be called.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a tool name has 1 to {max} bytes and no control characters")]
pub struct InvalidToolName {
    /// The longest accepted, in bytes.
    pub max: usize,
}

/// A tool's name as its server gave it: any text of 1 to 512 bytes without control characters.
///
/// The specification recommends 1–128 of `[A-Za-z0-9_.-]`; servers that ignore it stay usable,
/// since only the [exposed name](crate::ExposedName) must please clients (P9.4). Prompts are named
/// and routed the same way (P9.23), so their names are of this type, too.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ToolName(Arc<str>);

impl ToolName {
    /// Longest accepted name, in bytes.
    pub const MAX_LEN: usize = 512;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for ToolName {
    type Error = InvalidToolName;

    fn try_from(text: &str) -> Result<Self, InvalidToolName> {
        let fits = (1..=Self::MAX_LEN).contains(&text.len());
        if fits && !text.chars().any(char::is_control) {
            return Ok(Self(text.into()));
        }
        Err(InvalidToolName { max: Self::MAX_LEN })
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(ToolName::try_from(text).is_ok(), valid, "{text:?}");
    }

    #[test]
    fn p9_4_names_outside_the_recommendation_stay_usable() {
        check("search", true);
        check("a", true);
        check("files/read", true);
        check("say hello", true);
        check("größe", true);
        check("a__b", true);
        check("__", true);
        check(&"x".repeat(512), true);
        check(&"é".repeat(256), true);
    }

    #[test]
    fn refuses_what_cannot_be_shown_or_kept() {
        check("", false);
        check("a\nb", false);
        check("a\0", false);
        check("\u{1b}[31mred", false);
        check("c1\u{9b}", false);
        check(&"x".repeat(513), false);
        check(&"é".repeat(257), false);
    }
}

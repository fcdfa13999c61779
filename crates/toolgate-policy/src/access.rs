//! What policy needs to know of a tool.

use serde::{Deserialize, Serialize};

/// What a tool does to the world: from its approved annotations, or by an admin's word (S-54).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Classification {
    /// Changes nothing.
    ReadOnly,
    /// Adds or changes something, destroys nothing.
    Write,
    /// May delete or overwrite.
    Destructive,
}

impl Classification {
    /// Reads the approved `readOnlyHint` and `destructiveHint`; what is absent counts as the worse.
    ///
    /// A tool that says it is read-only is, whatever it says of destruction: the specification gives
    /// `destructiveHint` a meaning only beside `readOnlyHint: false`, and there are servers that
    /// send its default, true, with everything.
    pub fn from_hints(read_only: Option<bool>, destructive: Option<bool>) -> Self {
        match (read_only, destructive) {
            (Some(true), _) => Self::ReadOnly,
            (Some(false) | None, Some(false)) => Self::Write,
            (Some(false) | None, Some(true) | None) => Self::Destructive,
        }
    }

    /// `read-only`, `write` or `destructive`, as people type it and as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }

    /// Undoes [`as_str`](Self::as_str).
    pub fn parse(text: &str) -> Option<Self> {
        [Self::ReadOnly, Self::Write, Self::Destructive]
            .into_iter()
            .find(|classification| classification.as_str() == text)
    }
}

/// Whether a tool may be had at all: what its pin and its admin say (S-50).
///
/// `Default` is held: what nothing is known of is nobody's (S-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Its definition is pinned and approved.
    Approved,
    /// It is new or changed in a way that nobody approved, or its server is quarantined.
    #[default]
    Held,
    /// An admin switched it off.
    Disabled,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 3] = [Self::Approved, Self::Held, Self::Disabled];

    /// `approved`, `held` or `disabled`, as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Held => "held",
            Self::Disabled => "disabled",
        }
    }
}

/// One tool as policy sees it.
#[derive(Debug, Clone, Copy)]
pub struct ToolAccess<'a> {
    /// The name clients see.
    pub exposed: &'a str,
    /// The full name: `exposed` again, unless that was shortened or cleaned.
    ///
    /// A shortened name may have lost the very word an exclusion speaks of, so rules are held
    /// against both. `ToolTarget::full_name` has it.
    pub full: &'a str,
    /// What the tool does, by its pinned annotations or by an admin's word (S-54).
    pub classification: Classification,
    /// Whether it may be had at all.
    pub standing: Standing,
    /// The workspace lets read-only tokens call every tool.
    pub read_only_may_call_all: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s54_absent_hints_count_as_the_worse() {
        use Classification::{Destructive, ReadOnly, Write};

        #[track_caller]
        fn check(read_only: Option<bool>, destructive: Option<bool>, expected: Classification) {
            assert_eq!(Classification::from_hints(read_only, destructive), expected);
        }
        check(None, None, Destructive);
        check(None, Some(true), Destructive);
        check(None, Some(false), Write);
        check(Some(false), None, Destructive);
        check(Some(false), Some(true), Destructive);
        check(Some(false), Some(false), Write);
        check(Some(true), None, ReadOnly);
        check(Some(true), Some(false), ReadOnly);
        check(Some(true), Some(true), ReadOnly);
    }

    #[test]
    fn words_and_values_are_one_to_one() {
        for word in ["read-only", "write", "destructive"] {
            assert_eq!(
                Classification::parse(word).map(Classification::as_str),
                Some(word)
            );
        }
        for other in ["", "readonly", "READ-ONLY", "safe"] {
            assert_eq!(Classification::parse(other), None, "{other}");
        }
    }
}

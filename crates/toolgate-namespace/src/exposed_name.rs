//! A tool as clients see it.
//!
//! The rules (protocol.md P9.1–P9.4) in one line: `{server}__{tool}` if clients take it as it is,
//! else a readable beginning and a hash of the whole. Written out:
//!
//! 1. The *full name* is slug, `__`, tool name; without a slug it is the tool name.
//! 2. A full name of at most `max` bytes, all of `[A-Za-z0-9_.-]`, is the exposed name.
//! 3. Of any other, each other character becomes `_`, and the first `max − 9` bytes of that, `_`
//!    and 8 characters of lower-case base 32 of SHA-256(full name) are the exposed name.
//!
//! Full names are distinct because slugs hold no `_`, so the first `__` ends the slug (S-33).
//! Exposed names inherit that except where 40 bits of hash meet by design of a hostile server,
//! which [`ToolTable`](crate::ToolTable) finds and answers by hiding both. It can only hit tools of
//! its own: [`TOOL_NAME_LIMITS`] leaves room for every slug, so no shortening reaches into it.

use std::borrow::Borrow;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::{ServerSlug, ToolName};

/// What stands between server and tool in an exposed name (P9.1).
pub const SEPARATOR: &str = "__";

/// Longest exposed name by default, in bytes: what model APIs and editors accept (P9.3).
pub const TOOL_NAME_MAX: usize = 64;

/// What a workspace may set as its longest exposed name, in bytes.
///
/// At least a longest slug, the separator, one byte of the tool and the hash suffix, so that no
/// name loses its server; at most what the specification allows (P9.3).
pub const TOOL_NAME_LIMITS: RangeInclusive<usize> =
    ServerSlug::MAX_LEN + SEPARATOR.len() + 1 + SUFFIX_LEN..=128;

/// A tool's public name in one workspace.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExposedName(Arc<str>);

impl ExposedName {
    /// The name clients see for `tool`, of at most `max` bytes, all of `[A-Za-z0-9_.-]`.
    ///
    /// Without a server (prefix `none`, P9.6) it is the tool's own name, made fit in the same way.
    /// `max` is a workspace setting, by default [`TOOL_NAME_MAX`]; one outside of
    /// [`TOOL_NAME_LIMITS`] counts as the nearest limit.
    ///
    /// ```
    /// use toolgate_namespace::{ExposedName, ServerSlug, TOOL_NAME_MAX, ToolName};
    ///
    /// let server = ServerSlug::try_from("files")?;
    /// let expose = |tool| ToolName::try_from(tool)
    ///     .map(|tool| ExposedName::new(Some(&server), &tool, TOOL_NAME_MAX).to_string());
    /// assert_eq!(expose("read")?, "files__read");
    /// assert_eq!(expose("read/all")?, "files__read_all_bxjbasok");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(server: Option<&ServerSlug>, tool: &ToolName, max: usize) -> Self {
        Self::from_full(&Self::full(server, tool), max)
    }

    /// The full `{server}__{tool}`, neither shortened nor cleaned, which stays callable (P9.3).
    pub fn full(server: Option<&ServerSlug>, tool: &ToolName) -> String {
        match server {
            Some(slug) => [slug.as_str(), SEPARATOR, tool.as_str()].concat(),
            None => tool.as_str().to_owned(),
        }
    }

    /// Splits at the first separator into server and tool; `None` if one of them would be empty.
    ///
    /// Undoes [`full`](Self::full), and tells the server of every prefixed exposed name. The tool
    /// half of a shortened one is no name its server knows: look it up in a
    /// [`ToolTable`](crate::ToolTable) (P9.2).
    pub fn split(text: &str) -> Option<(&str, &str)> {
        text.split_once(SEPARATOR)
            .filter(|(server, tool)| !server.is_empty() && !tool.is_empty())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a full name fit; the table has it at hand.
    pub(crate) fn from_full(full: &str, max: usize) -> Self {
        let max = max.clamp(*TOOL_NAME_LIMITS.start(), *TOOL_NAME_LIMITS.end());
        if full.len() <= max && full.bytes().all(is_plain) {
            return Self(full.into());
        }
        let readable = full.chars().map(|c| match u8::try_from(c) {
            Ok(byte) if is_plain(byte) => c,
            _ => '_',
        });
        // All ASCII from here on, so characters are bytes.
        let mut name = String::with_capacity(max);
        name.extend(readable.take(max - SUFFIX_LEN));
        name.push('_');
        name.extend(hash_characters(full));
        Self(name.into())
    }

    /// The shared text, so that a table key costs no second copy.
    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for ExposedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ExposedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Maps keyed by exposed names are asked with what a client sent.
impl Borrow<str> for ExposedName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The first 8 characters of lower-case base 32 (RFC 4648) of SHA-256(full name).
fn hash_characters(full: &str) -> impl Iterator<Item = char> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = ring::digest::digest(&ring::digest::SHA256, full.as_bytes());
    let first_40_bits = digest.as_ref()[..5]
        .iter()
        .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    (0..HASH_LEN)
        .rev()
        .map(move |place| char::from(ALPHABET[(first_40_bits >> (5 * place) & 31) as usize]))
}

/// Passes to clients as it is (P9.4).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

const HASH_LEN: usize = 8;
const SUFFIX_LEN: usize = 1 + HASH_LEN;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(server: &str, tool: &str, expected: &str) {
        let slug = ServerSlug::try_from(server).ok();
        let tool = ToolName::try_from(tool).expect("the case names a valid tool");
        let exposed = ExposedName::new(slug.as_ref(), &tool, TOOL_NAME_MAX);
        assert_eq!(exposed.as_str(), expected);
    }

    #[test]
    fn p9_1_server_and_tool_joined_by_two_underscores() {
        check("github", "create_issue", "github__create_issue");
        check("a", "b", "a__b");
        check("my-server", "v1.get-all", "my-server__v1.get-all");
        check("a", "_private", "a___private");
        check("a", "b__c", "a__b__c");
        check("a", "Search", "a__Search");
    }

    #[test]
    fn p9_3_long_names_keep_their_beginning_and_gain_a_hash() {
        check("a", &"x".repeat(61), &format!("a__{}", "x".repeat(61)));
        // printf 'a__xxx…' | sha256sum | xxd -r -p | base32, lower case, first 8.
        check(
            "a",
            &"x".repeat(62),
            &format!("a__{}_sy2tjwg6", "x".repeat(52)),
        );
    }

    #[test]
    fn p9_4_other_characters_become_underscores_and_the_hash_tells_them_apart() {
        check("files", "read/all", "files__read_all_bxjbasok");
        check("files", "read all", "files__read_all_x4j5b5ik");
        check("files", "größe", "files__gr__e_klaxwfp7");
    }

    #[test]
    fn p9_6_without_a_prefix_the_tool_keeps_its_name() {
        check("", "search", "search");
        check("", "a__b", "a__b");
        check("", "a/b", "a_b_yfgn3qbt");
    }

    #[test]
    fn s33_the_split_is_at_the_first_separator() {
        #[track_caller]
        fn check(text: &str, expected: Option<(&str, &str)>) {
            assert_eq!(ExposedName::split(text), expected, "{text:?}");
        }
        check("a__b", Some(("a", "b")));
        check("a__b__c", Some(("a", "b__c")));
        check("a___b", Some(("a", "_b")));
        check("a_b", None);
        check("__b", None);
        check("a__", None);
        check("", None);
    }

    #[test]
    fn p9_3_a_limit_that_would_cut_into_the_slug_counts_as_the_smallest_that_does_not() {
        let slug = ServerSlug::try_from("a-slug-of-24-characters4").expect("24 characters");
        let tool = ToolName::try_from("a-name-that-is-cut").expect("valid");
        for max in [0, 8, 35, 36] {
            let name = ExposedName::new(Some(&slug), &tool, max);
            assert_eq!(name.as_str().len(), 36, "{max}");
            assert_eq!(
                ExposedName::split(name.as_str()).map(|(server, _)| server),
                Some(slug.as_str())
            );
        }
    }
}

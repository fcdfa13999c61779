//! The manifest: which secret versions of a workspace are live (S-17).
//!
//! `mac[manifest key](workspace, number of entries, entries in order)`, saved in the transaction that changes a
//! secret. A row that was put back from an older copy still opens, since it was genuine once; the manifest no
//! longer fits, and that is how it is noticed. An older copy of the whole store, manifest included, fits
//! itself and is not noticed here.

use crate::length_prefixed::LengthPrefixed;

/// One live secret version, as the manifest sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManifestEntry<'a> {
    /// The server's id; `None` means any server of the workspace.
    pub server: Option<&'a str>,
    /// The normalised name.
    pub name: &'a str,
    /// The version.
    pub version: u64,
    /// The sealed bytes; their tag makes them unique.
    pub sealed: &'a [u8],
}

/// The text that is authenticated. The order of `entries` does not matter: they are sorted here.
pub(crate) fn encode<'a>(
    workspace: &str,
    entries: impl IntoIterator<Item = ManifestEntry<'a>>,
) -> Vec<u8> {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_unstable();
    let start = LengthPrefixed::new("toolgate manifest")
        .text(workspace)
        .number(entries.len() as u64);
    let encoded = entries.iter().fold(start, |encoded, entry| {
        encoded
            .optional(entry.server)
            .text(entry.name)
            .number(entry.version)
            .bytes(entry.sealed)
    });
    encoded.into_bytes()
}

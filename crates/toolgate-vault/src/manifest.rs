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
    /// The AEAD tag of what is stored: no two sealed values share one.
    pub tag: &'a [u8],
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
            .bytes(entry.tag)
    });
    encoded.into_bytes()
}

/// The AEAD tag of sealed bytes, in hex: what a manifest keeps of a value. Empty for bytes too short to hold one.
pub fn entry_tag(sealed: &[u8]) -> String {
    let tag = sealed.last_chunk::<TAG_BYTES>();
    tag.map_or_else(String::new, |tag| {
        format!("{:032x}", u128::from_be_bytes(*tag))
    })
}

const TAG_BYTES: usize = 16;

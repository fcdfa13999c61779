//! URIs of resources: their explicit form, and where results name them (P9.16, P9.17).

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem;

use crate::{Json, Object};

/// The scheme that stays in front, because clients test for it.
const UI: &str = "ui://";
/// The longest slug (P9.1).
const SLUG_MAX: usize = 24;
/// The most URIs taken from one result; the index that they are for holds as many in all (P9.16).
pub(crate) const LINKED_MAX: usize = 10_000;

/// The explicit form of a URI: `<slug>+<uri>`, or `ui://<slug>+<rest>` so that the scheme stays (P9.17).
pub fn explicit_uri(slug: &str, uri: &str) -> String {
    match uri.strip_prefix(UI) {
        Some(rest) => format!("{UI}{slug}+{rest}"),
        None => format!("{slug}+{uri}"),
    }
}

/// Takes one explicit prefix off: the slug it names and the server's own URI (P9.17). `None` when the text has
/// not the explicit form. Whether such a server exists is for the caller to know: `git+https://x` has the
/// form too.
pub fn split_explicit_uri(uri: &str) -> Option<(&str, Cow<'_, str>)> {
    if let Some(rest) = uri.strip_prefix(UI) {
        let (slug, rest) = rest.split_once('+')?;
        return is_slug(slug).then(|| (slug, Cow::Owned(format!("{UI}{rest}"))));
    }
    let (slug, own) = uri.split_once('+')?;
    (is_slug(slug) && has_scheme(own)).then_some((slug, Cow::Borrowed(own)))
}

/// `[a-z]([a-z0-9-]{0,22}[a-z0-9])?` (P9.1).
fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    bytes.len() <= SLUG_MAX
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(is_inner)
        && !text.ends_with('-')
}

/// Whether the text begins with a scheme and a colon (RFC 3986, section 3.1).
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else {
        return false;
    };
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_inner)
}

/// The URIs that a result names in `resource_link` blocks and embedded resources (P9.16), at most 10,000; looks
/// into the result only when one of those words stands in its bytes.
pub fn linked_uris(result: &Json) -> Vec<String> {
    if !names_resources(result.bytes()) {
        return Vec::new();
    }
    let Some(members) = result.object() else {
        return Vec::new();
    };
    let elements = |member: &str| {
        let array = members.get(member).and_then(|value| value.array());
        array.unwrap_or_default()
    };
    let blocks = elements("content").into_iter();
    let messages = elements("messages").into_iter();
    let spoken = messages.filter_map(|message| message.object()?.get("content"));
    blocks
        .chain(spoken)
        .filter_map(|block| linked_uri(&block.object()?))
        .take(LINKED_MAX)
        .collect()
}

/// How both words begin; made once, as that takes longer than to search a small result.
static BEGIN: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(b"\"resource"));

fn names_resources(text: &[u8]) -> bool {
    BEGIN.find_iter(text).any(|at| {
        let rest = &text[at + BEGIN.needle().len()..];
        rest.starts_with(b"\"") || rest.starts_with(b"_link\"")
    })
}

/// The URI that a content block names.
fn linked_uri(block: &Object) -> Option<String> {
    match &*block.text_ref("type")? {
        "resource_link" => block.text("uri"),
        "resource" => block.object("resource")?.text("uri"),
        _ => None,
    }
}

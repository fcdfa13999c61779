//! Long lists come in pages: a cursor says after which entry the next one begins.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fields::Limit;
use crate::problem::Problem;

/// Which page is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// At most so many.
    pub(crate) limit: Option<Limit>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

/// One page of a list that is ordered by `key`, and the cursor of the next.
///
/// A cursor holds the key of the last entry that was answered, so what is added or removed meanwhile moves nothing.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    limit: Option<Limit>,
    cursor: Option<&str>,
    key: impl Fn(&T) -> Vec<String>,
) -> Result<(Vec<T>, Option<String>), Problem> {
    items.sort_by_cached_key(&key);
    if let Some(cursor) = cursor {
        let after: Vec<String> = read(cursor)?;
        let start = items.partition_point(|item| key(item) <= after);
        items.drain(..start);
    }
    let limit = Limit::or_default(limit);
    let is_more = items.len() > limit;
    items.truncate(limit);
    let next = items
        .last()
        .filter(|_| is_more)
        .map(|last| write(&key(last)));
    Ok((items, next))
}

/// A cursor of these parts.
pub(crate) fn write<T: serde::Serialize>(place: &T) -> String {
    // Lists of text and numbers always have a JSON form.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The parts of a cursor that was answered before.
pub(crate) fn read<T: serde::de::DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| {
            Problem::invalid("`cursor` is not one that this list answered")
                .hint("leave it out to start at the beginning, and pass on `next_cursor` as it is")
        })
}

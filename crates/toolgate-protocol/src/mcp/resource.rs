//! Resources and their templates as clients see them (section 9.2).

use bytes::Bytes;

use super::icons;
use crate::{Json, Revision};

/// A resource or a template as its server listed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceDefinition {
    /// `uri` of a resource, `uriTemplate` of a template.
    pub uri: Box<str>,
    /// The whole definition.
    pub raw: Json,
}

impl ResourceDefinition {
    /// Reads an item of `resources/list`; `None` when it is not an object with a `uri`.
    pub fn resource(item: Json) -> Option<Self> {
        let uri = item.object()?.text("uri")?.into();
        Some(Self { uri, raw: item })
    }

    /// Reads an item of `resources/templates/list`; `None` when it is not an object with a `uriTemplate`.
    pub fn template(item: Json) -> Option<Self> {
        let uri = item.object()?.text("uriTemplate")?.into();
        Some(Self { uri, raw: item })
    }

    /// The definition for a client of revision `to`, its URI or template replaced by `shown` where that
    /// differs; icons and newer members as in section 1.1 and P9.71.
    pub fn for_client(&self, shown: &str, to: Revision) -> Bytes {
        let Some(members) = self.raw.object() else {
            return self.raw.bytes().clone();
        };
        let mut edit = icons::without_unsafe(&members);
        if shown != &*self.uri {
            for member in ["uri", "uriTemplate"] {
                if members.text_ref(member).as_deref() == Some(&*self.uri) {
                    edit = edit.set(member, Json::from_text(shown));
                }
            }
        }
        if to <= Revision::V2025_03_26 {
            edit = edit.remove("title").remove("icons").remove("_meta");
        }
        edit.finish()
    }
}

/// A read result whose `contents[].uri` equal to `own` are written as `shown` (P9.20).
pub fn read_result_shown_as(result: &Json, own: &str, shown: &str) -> Json {
    shown_as(result, own, shown).unwrap_or_else(|| result.clone())
}

/// `None` when there is nothing to change.
fn shown_as(result: &Json, own: &str, shown: &str) -> Option<Json> {
    if own == shown {
        return None;
    }
    let members = result.object()?;
    let contents = members.get("contents")?.array()?;
    let renamed = |item: &Json| {
        let content = item.object()?;
        let is_own = content.text_ref("uri").as_deref() == Some(own);
        is_own.then(|| content.edit().set("uri", Json::from_text(shown)).json())
    };
    let shown: Vec<Json> = contents
        .iter()
        .map(|item| renamed(item).unwrap_or_else(|| item.clone()))
        .collect();
    (shown != contents).then(|| members.edit().set("contents", Json::list(&shown)).json())
}

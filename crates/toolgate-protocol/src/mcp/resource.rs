//! Resources, their templates and their URIs (section 9.2).

use bytes::Bytes;

use crate::{Json, Object, Revision};

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
        let _ = (shown, to);
        self.raw.bytes().clone()
    }
}

/// The explicit form of a URI: `<slug>+<uri>`, or `ui://<slug>+<rest>` so that the scheme stays (P9.17).
pub fn explicit_uri(slug: &str, uri: &str) -> String {
    format!("{slug}+{uri}")
}

/// Takes one explicit prefix off: the slug it names and the server's own URI (P9.17). `None` when the text has
/// not the explicit form. Whether such a server exists is for the caller to know.
pub fn split_explicit_uri(uri: &str) -> Option<(&str, std::borrow::Cow<'_, str>)> {
    let _ = uri;
    None
}

/// Whether a URI matches a template, as far as RFC 6570 level 1 goes (P9.19).
pub fn template_matches(template: &str, uri: &str) -> bool {
    let _ = (template, uri);
    false
}

/// The URIs that a result names in `resource_link` blocks and embedded resources (P9.16); looks into the result
/// only when one of those words stands in its bytes.
pub fn linked_uris(result: &Json) -> Vec<String> {
    let _ = result;
    Vec::new()
}

/// A read result whose `contents[].uri` equal to `own` are written as `shown` (P9.20).
pub fn read_result_shown_as(result: &Json, own: &str, shown: &str) -> Json {
    let _ = (own, shown);
    result.clone()
}

/// A completion result with at most 100 values, `hasMore` set where it was cut (P9.25).
pub fn cut_completion(result: &Json) -> Json {
    result.clone()
}

/// The name of the argument that a completion refers to: `ref.name` of a prompt or `ref.uri` of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompletionRef {
    /// `ref/prompt`
    Prompt(String),
    /// `ref/resource`
    Resource(String),
}

impl CompletionRef {
    /// Reads `params.ref`; `None` when it is neither.
    pub fn parse(params: &Object) -> Option<Self> {
        let _ = params;
        None
    }

    /// The params with the reference replaced by the server's own name or URI (P9.24).
    pub fn replaced(params: &Object, own: &str) -> Object {
        let _ = own;
        params.clone()
    }
}

//! The params of a forwarded request (P9.15), and the whole of it.

use bytes::Bytes;
use smallvec::SmallVec;

use super::OwnMeta;
use super::meta::MetaParts;
use crate::json::{MemberRef, Parts};
use crate::jsonrpc::write;
use crate::{Json, Object, RequestId};

/// A client's request as it goes to a server.
#[derive(Debug, Clone, Copy)]
pub struct Forwarded<'a> {
    /// Our own id (P3.6).
    pub id: &'a RequestId,
    /// The method.
    pub method: &'a str,
    /// The client's params. They pass byte for byte, but for `name` and `_meta`, and without
    /// `inputResponses`, `requestState` and `task`.
    pub params: &'a Object,
    /// The server's own name of the tool or prompt.
    pub bare_name: Option<&'a str>,
    /// What a modern server is told of us; a legacy one is told nothing.
    pub own_meta: Option<OwnMeta<'a>>,
    /// Whether we want notifications of progress; our id is their token.
    pub wants_progress: bool,
    /// Members that are appended: the answers and the state of a repeated call (P11.16).
    pub extra: &'a [(&'a str, Json)],
}

impl Forwarded<'_> {
    /// The text of the request.
    pub fn write(&self) -> Bytes {
        let client_meta = self.params.object("_meta");
        let token = self.wants_progress.then(|| self.id.as_bytes());
        let meta = MetaParts::new(self.own_meta, token, client_meta.as_ref());
        let meta = (!meta.is_empty()).then_some(&meta);
        let mut parts = Parts::default();
        write::push_call(&mut parts, Some(self.id), self.method);
        parts.raw(write::PARAMS);
        match changes(
            self.params,
            self.bare_name,
            meta.map(Value::Meta),
            self.extra,
        ) {
            Some(changes) => push_changed(&mut parts, self.params, changes),
            None => {
                parts.raw(self.params.bytes());
            }
        }
        parts.raw(b"}").join()
    }
}

/// The client's params with `name` and `_meta` replaced (or `_meta` removed), and `inputResponses`,
/// `requestState` and `task` taken out; everything else byte for byte.
pub fn call_params(params: &Object, bare_name: Option<&str>, meta: Option<&Json>) -> Bytes {
    call_params_with(params, bare_name, meta, &[])
}

/// The same with members appended: the answers and the state of a repeated call (P11.16).
pub fn call_params_with(
    params: &Object,
    bare_name: Option<&str>,
    meta: Option<&Json>,
    extra: &[(&str, Json)],
) -> Bytes {
    let meta = meta.map(Value::Json);
    let Some(changes) = changes(params, bare_name, meta, extra) else {
        return params.bytes().clone();
    };
    let mut parts = Parts::default();
    push_changed(&mut parts, params, changes);
    parts.join()
}

/// A member that is written anew.
type Change<'c> = (&'c str, Value<'c>);
type Changes<'c> = SmallVec<[Change<'c>; 4]>;

#[derive(Clone, Copy)]
enum Value<'c> {
    Text(&'c str),
    Json(&'c Json),
    Meta(&'c MetaParts<'c>),
}

/// What is to be written anew; `None` when the params may stay as they are.
fn changes<'c>(
    params: &Object,
    bare_name: Option<&'c str>,
    meta: Option<Value<'c>>,
    extra: &'c [(&'c str, Json)],
) -> Option<Changes<'c>> {
    let mut changes = SmallVec::new();
    changes.extend(bare_name.map(|name| ("name", Value::Text(name))));
    changes.extend(meta.map(|meta| ("_meta", meta)));
    changes.extend(
        extra
            .iter()
            .map(|(name, value)| (*name, Value::Json(value))),
    );
    (!changes.is_empty() || params.member_refs().any(|member| is_ours(&member))).then_some(changes)
}

/// Whether the member is between the client and us.
fn is_ours(member: &MemberRef<'_>) -> bool {
    matches!(
        &*member.name(),
        b"_meta" | b"inputResponses" | b"requestState" | b"task"
    )
}

/// Writes each change where its member stood, if it passes at all, and else at the end.
fn push_changed<'p>(parts: &mut Parts<'p>, params: &'p Object, mut changes: Changes<'p>) {
    let mut first = true;
    parts.raw(b"{");
    for member in params.member_refs() {
        let name = member.name();
        let is_it = |(changed, _): &Change<'_>| *name == *changed.as_bytes();
        let ours = is_ours(&member);
        if ours && *name != *b"_meta" {
            continue;
        }
        if let Some(at) = changes.iter().position(is_it) {
            push_change(parts, &mut first, changes.remove(at));
        } else if !ours {
            parts.next(&mut first).raw(member.whole());
        }
    }
    for change in changes {
        push_change(parts, &mut first, change);
    }
    parts.raw(b"}");
}

fn push_change<'p>(parts: &mut Parts<'p>, first: &mut bool, (name, value): Change<'p>) {
    // Fewer parts where it is known how they look.
    match (name, *first) {
        ("name", true) => parts.raw(br#""name":"#),
        ("_meta", false) => parts.raw(br#","_meta":"#),
        _ => parts.next(first).text(name).raw(b":"),
    };
    *first = false;
    match value {
        Value::Text(text) => {
            parts.text(text);
        }
        Value::Json(json) => {
            parts.raw(json.bytes());
        }
        Value::Meta(meta) => meta.push_to(parts),
    }
}

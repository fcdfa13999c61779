//! The params of a forwarded request (P9.15).

use bytes::Bytes;

use crate::{Json, Object};

/// The client's params with `name` and `_meta` replaced (or `_meta` removed), and `inputResponses`,
/// `requestState` and `task` taken out; everything else byte for byte.
pub fn call_params(params: &Object, bare_name: Option<&str>, meta: Option<Json>) -> Bytes {
    call_params_with(params, bare_name, meta, &[])
}

/// The same with members appended: the answers and the state of a repeated call (P11.16).
pub fn call_params_with(
    params: &Object,
    bare_name: Option<&str>,
    meta: Option<Json>,
    extra: &[(&str, Json)],
) -> Bytes {
    let mut edit = params
        .edit()
        .remove("inputResponses")
        .remove("requestState")
        .remove("task");
    if let Some(name) = bare_name {
        edit = edit.set("name", Json::from_text(name));
    }
    edit = match meta {
        Some(meta) => edit.set("_meta", meta),
        None => edit.remove("_meta"),
    };
    for (name, value) in extra {
        edit = edit.set(name, value.clone());
    }
    edit.finish()
}

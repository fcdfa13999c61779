//! Errors of servers, carried to clients of another era (P4.3, section 10).

use crate::{Era, Json, ObjectEdit, Revision, RpcError, codes};

/// The error as a client of revision `to` may see it: code, message and data as they came, but for codes that
/// mean something else there. -32042 exists in 2025-11-25 only; others get -32603 with the original in the data
/// (table 4.1). Towards modern clients it becomes questions before it comes here (section 11).
pub fn adapt_error_for(method: &str, error: RpcError, from: Era, to: Revision) -> RpcError {
    if error.code == codes::URL_ELICITATION_REQUIRED && to != Revision::V2025_11_25 {
        return internal(error);
    }
    adapt_error(method, error, from, to.era())
}

/// What of [`adapt_error_for`] depends on the era alone.
pub fn adapt_error(method: &str, error: RpcError, from: Era, to: Era) -> RpcError {
    match (from, to) {
        (Era::Legacy, Era::Legacy) => error,
        (_, Era::Modern) if error.code == codes::RESOURCE_NOT_FOUND => RpcError {
            code: codes::INVALID_PARAMS,
            ..error
        },
        (Era::Modern, Era::Legacy) if is_unknown_resource(method, &error) => RpcError {
            code: codes::RESOURCE_NOT_FOUND,
            ..error
        },
        // -32020 and -32022 speak of our own headers and version, so only this one is the client's (P4.1).
        (Era::Modern, Era::Modern) if error.code == codes::MISSING_CAPABILITY => error,
        _ if is_modern_code(error.code) => internal(error),
        _ => error,
    }
}

/// The range that 2026-07-28 keeps for itself.
fn is_modern_code(code: i64) -> bool {
    (-32099..=codes::HEADER_MISMATCH).contains(&code)
}

fn is_unknown_resource(method: &str, error: &RpcError) -> bool {
    let names_uri = || {
        let data = error.data.as_ref().and_then(Json::object);
        data.is_some_and(|data| data.text_ref("uri").is_some())
    };
    method == "resources/read" && error.code == codes::INVALID_PARAMS && names_uri()
}

/// -32603 with the original code, and the original data if there was any.
fn internal(error: RpcError) -> RpcError {
    let mut data = ObjectEdit::new().set("code", Json::integer(error.code));
    if let Some(original) = &error.data {
        data = data.set("data", original.clone());
    }
    RpcError {
        code: codes::INTERNAL_ERROR,
        data: Some(data.json()),
        ..error
    }
}

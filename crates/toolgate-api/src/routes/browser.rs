//! What is for browsers alone: the dashboard's files, and signing in. None of it is in the document.

use hyper::Method;

use crate::operation::{Operation, Run};

pub(super) fn operations() -> Vec<Operation> {
    let file = |path| Operation::public(path, "getAsset", "A file of the dashboard", Run::Asset);
    let session = |method, path| Operation {
        method,
        ..Operation::public(path, "session", "Signing in", Run::Session)
    };
    vec![
        file("/assets/{file}"),
        file("/assets/{folder}/{file}"),
        file("/assets/{folder}/{inner}/{file}"),
        // The link of an invitation: the page takes the code from its own address.
        file("/invite/{code}"),
        session(Method::GET, "/api/session"),
        session(Method::POST, "/api/session"),
        session(Method::DELETE, "/api/session"),
        session(Method::POST, "/api/session/setup"),
        session(Method::POST, "/api/session/join"),
        session(Method::POST, "/api/session/step-up"),
    ]
}

//! The table: every path there is, with who may use it, what it takes, what it answers, and what does it (S-02).

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "every entry of the table has one form: what is asked is its own, and it may fail"
)]

mod alerts;
mod analytics;
mod audit;
mod browser;
mod calls;
mod inspect;
mod installation;
mod invite;
mod keys;
mod members;
mod plan;
mod reviews;
mod secrets;
mod servers;
mod settings;
mod team;
mod tokens;
mod tools;
mod whoami;
mod workspaces;

use std::sync::LazyLock;

use hyper::Method;
use toolgate_http::Routes;

use crate::operation::{AuthPolicy, Operation, Run};

/// The segment that names a workspace, by id or slug.
pub(crate) const WORKSPACE: &str = "ws";

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let document = Operation::public(
        "/openapi.json",
        "getDocument",
        "This document",
        Run::Document,
    );
    let dashboard = Operation::public("/", "getDashboard", "The dashboard", Run::Asset);
    let mut all = vec![document, dashboard];
    all.extend(whoami::operations());
    all.extend(workspaces::operations());
    all.extend(servers::operations());
    all.extend(tools::operations());
    all.extend(reviews::operations());
    all.extend(secrets::operations());
    all.extend(tokens::operations());
    all.extend(inspect::operations());
    all.extend(calls::operations());
    all.extend(analytics::operations());
    all.extend(alerts::operations());
    all.extend(members::operations());
    all.extend(invite::operations());
    all.extend(team::operations());
    all.extend(audit::operations());
    all.extend(keys::operations());
    all.extend(settings::operations());
    all.extend(plan::operations());
    all.extend(installation::operations());
    all.extend(browser::operations());
    all
});

static TABLE: LazyLock<Routes<AuthPolicy, &'static Operation>> = LazyLock::new(|| {
    operations().iter().fold(Routes::new(), |table, operation| {
        let method = operation.method.clone();
        table.route(method, operation.path, operation.access, operation)
    })
});

/// Every operation.
pub(crate) fn operations() -> &'static [Operation] {
    &OPERATIONS
}

/// What requests are routed by.
pub(crate) fn table() -> &'static Routes<AuthPolicy, &'static Operation> {
    &TABLE
}

/// Every route with who may use it, for the reviewed list and for proofs that go through all of them (S-02, S-46).
pub fn routes() -> impl Iterator<Item = (&'static Method, &'static str, AuthPolicy)> {
    table()
        .inventory()
        .map(|(method, path, access)| (method, path, *access))
}

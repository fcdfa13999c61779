//! `toolgatectl calls show`

use toolgate_admin::CallShown;

use super::figures::{number, size, took};
use super::list::status;
use crate::table::{plain, table, time};

pub(super) fn show(shown: &CallShown) -> String {
    let call = &shown.call;
    let tool = match (&call.server, &call.tool) {
        (Some(server), Some(tool)) => format!("{server}/{tool}"),
        (Some(server), None) => format!("{server}, no known tool"),
        (None, _) => "no known tool".to_owned(),
    };
    let token = match &call.token_name {
        Some(name) => format!("{name} ({})", call.token_id),
        None => call.token_id.clone(),
    };
    let mut rows = vec![
        vec![plain("Id"), plain(&call.id)],
        vec![plain("Arrived"), plain(format!("{} UTC", time(&call.time)))],
        vec![plain("Workspace"), plain(&call.workspace)],
        vec![plain("Tool"), plain(tool)],
        vec![plain("Token"), plain(token)],
    ];
    if let Some(member) = &call.member {
        rows.push(vec![plain("Member"), plain(member)]);
    }
    rows.push(vec![plain("Status"), status(call)]);
    rows.push(vec![plain("Meaning"), plain(&shown.meaning)]);
    if let Some(code) = call.error_code {
        rows.push(vec![plain("Error code"), plain(code.to_string())]);
    }
    rows.push(vec![plain("Took"), plain(took(Some(call.duration_ms)))]);
    if let Some(usual) = shown.usual.as_ref().filter(|usual| usual.calls > 0) {
        let usual = format!(
            "{} for half of {} calls in the seven days before, {} for 95 of 100",
            took(usual.p50_ms),
            number(usual.calls),
            took(usual.p95_ms),
        );
        rows.push(vec![plain("Usual"), plain(usual)]);
    }
    rows.push(vec![
        plain("Bytes"),
        plain(format!(
            "{} in, {} out",
            size(call.bytes_in),
            size(call.bytes_out)
        )),
    ]);
    rows.push(vec![plain("Revision"), plain(&call.revision)]);
    table(&["CALL", ""], rows, "")
}

//! `toolgatectl status`

use std::fmt::Write;

use toolgate_admin::{DataDir, GatewayStatus};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::{Tone, plain, table};

pub(super) fn status(dir: &DataDir, output: &Output) -> Result<Exit, Failure> {
    let status = toolgate_admin::gateway_status(dir)?;
    output.one(&status, text)?;
    Ok(Exit::Done)
}

fn text(status: &GatewayStatus) -> String {
    let mut text = format!(
        "The gateway is {}, refuses {} and has refused {} requests because it had too much to do\n\n",
        status.health.replace('_', " "),
        match status.sheds.as_str() {
            "nothing" => "nothing".to_owned(),
            what => format!("new {what}"),
        },
        status.shed,
    );
    let rows = status.gauges.iter().map(|gauge| {
        let limit = gauge.limit.map(|limit| limit.to_string());
        vec![
            plain(&gauge.what),
            plain(gauge.used.to_string()),
            plain(limit.unwrap_or_else(|| "-".to_owned())),
        ]
    });
    text.push_str(&table(&["WHAT", "NOW", "AT MOST"], rows, ""));
    let rows = status.links.iter().map(|link| {
        let circuit = match (link.circuit.as_str(), link.retry_after_ms) {
            ("closed", _) => ("closed".to_owned(), Tone::Good),
            (circuit, None) => (circuit.to_owned(), Tone::Doubtful),
            (circuit, Some(ms)) => (format!("{circuit} for {} s", ms.div_ceil(1_000)), Tone::Bad),
        };
        vec![
            plain(&link.workspace),
            plain(&link.server),
            circuit,
            plain(link.under_way.to_string()),
            plain(link.waiting.to_string()),
        ]
    });
    let _ = writeln!(text);
    text.push_str(&table(
        &["WORKSPACE", "SERVER", "CIRCUIT", "CALLS", "WAITING"],
        rows,
        "No servers are enabled.",
    ));
    text
}

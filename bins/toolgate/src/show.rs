//! What the person who starts the gateway sees.
#![expect(
    clippy::print_stdout,
    reason = "standard output is this program's interface"
)]

use std::io::{self, Write};

use toolgate_gateway::Announce;

/// On first start URL, token and block; where metrics are served, if they are; always the `ready` line, alone and last.
pub(crate) fn announce(announce: &Announce, metrics: Option<&str>) {
    let url = &announce.url;
    if let Some(first) = &announce.first_run {
        let slug = &first.workspace;
        let token = first.token.expose();
        println!("Workspace `{slug}` is ready.");
        println!();
        println!("  URL    {url}/ws/{slug}");
        println!("  Token  {token}");
        println!();
        println!(
            "The token is an Admin's and is shown only now. Paste this into your editor's MCP settings:"
        );
        println!();
        println!(
            "{}",
            toolgate_gateway::mcp_json(slug, &format!("{url}/ws/{slug}"), token)
        );
        println!();
        println!(
            "Add a server:  toolgatectl mcp add NAME --url https://…   or   toolgatectl mcp add NAME -- COMMAND ARGS…"
        );
        println!();
    }
    if let Some(metrics) = metrics {
        println!("metrics {metrics}");
    }
    println!("ready {}://{}", announce.scheme, announce.address);
    // A reader may have closed our standard output already; the gateway serves all the same.
    let _ = io::stdout().flush();
}

/// What failed, why, and what to do.
pub(crate) fn failure(error: &anyhow::Error) {
    eprintln!("toolgate: {error:#}");
    if let Some(hint) = crate::hint_of(error) {
        eprintln!("hint: {hint}");
    }
}

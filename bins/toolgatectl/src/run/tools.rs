//! `toolgatectl tools …`

use std::fmt::Write;

use toolgate_admin::{
    Approved, Classification, DifferenceShown, FindingShown, ServerIdentity, ServerReview,
    ToolListed, ToolReview, WorkspaceScope,
};

use super::{Context, count};
use crate::args::{ClassificationArgument, ToolsCommand};
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, brief, clean, maybe, plain, table};

pub(super) fn run(context: &Context<'_>, command: ToolsCommand) -> Result<Exit, Failure> {
    match command {
        ToolsCommand::List { server, place } => {
            let scope = context.target(place.workspace.as_deref())?;
            let tools = context.admin.list_tools(&scope, server.as_deref())?;
            context.output.many(&tools, listed)?;
        }
        ToolsCommand::Review { what, place } => {
            let scope = context.target(place.workspace.as_deref())?;
            review(context, &scope, what.as_deref())?;
        }
        ToolsCommand::Approve { what, hash, place } => {
            let scope = context.target(place.workspace.as_deref())?;
            approve(context, &scope, &what, hash)?;
        }
        ToolsCommand::Classify {
            tool,
            classification,
            place,
        } => {
            let scope = context.target(place.workspace.as_deref())?;
            classify(context, &scope, &tool, classification)?;
        }
        ToolsCommand::Enable { tool, place } => {
            let scope = context.target(place.workspace.as_deref())?;
            switch(context, &scope, &tool, true)?;
        }
        ToolsCommand::Disable { tool, place } => {
            let scope = context.target(place.workspace.as_deref())?;
            switch(context, &scope, &tool, false)?;
        }
    }
    Ok(Exit::Done)
}

fn listed(tools: &[ToolListed]) -> String {
    let rows = tools.iter().map(|tool| {
        let state = match (tool.enabled, tool.state) {
            (false, _) => ("disabled".to_owned(), Tone::Doubtful),
            (true, "held") => ("held".to_owned(), Tone::Bad),
            (true, state @ ("changed" | "gone")) => (state.to_owned(), Tone::Doubtful),
            (true, _) if tool.exposed.is_none() => ("hidden".to_owned(), Tone::Bad),
            (true, _) => ("enabled".to_owned(), Tone::Good),
        };
        let about = tool.reason.as_deref().or(tool.description.as_deref());
        let about = about.map(|text| brief(text, 80));
        vec![
            plain(tool.exposed.as_deref().unwrap_or(&tool.tool)),
            plain(&tool.server),
            doing(tool.classification),
            plain(tool.classified_by.as_str()),
            state,
            maybe(about.as_deref()),
        ]
    });
    table(
        &["TOOL", "SERVER", "DOES", "SAYS", "STATE", "DESCRIPTION"],
        rows,
        "No tools are known yet. Ask the servers: `toolgatectl workspace test`",
    )
}

fn review(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    what: Option<&str>,
) -> Result<(), Failure> {
    let (server, tool) = parted(what);
    if tool.is_none() {
        let servers = context.admin.review_servers(scope, server)?;
        if !servers.is_empty() {
            context.output.many(&servers, |servers| {
                servers.iter().map(server_text).collect()
            })?;
        }
    }
    let reviews = context.admin.review_tools(scope, server, tool)?;
    context.output.many(&reviews, |reviews| match reviews {
        [] => "No tool waits for an approval.\n".to_owned(),
        reviews => reviews.iter().map(tool_text).collect(),
    })?;
    Ok(())
}

fn approve(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    what: &str,
    hash: Option<String>,
) -> Result<(), Failure> {
    let (server, tool) = parted(Some(what));
    let server = server.unwrap_or_default();
    let hash = match hash {
        Some(hash) => hash,
        None => shown(context, scope, server, tool)?,
    };
    let approved = match tool {
        Some(tool) => context.admin.approve_tool(scope, server, tool, &hash)?,
        None => context.admin.approve_server(scope, server, &hash)?,
    };
    context.output.gateway(approved.gateway);
    context
        .output
        .one(&approved, |approved: &Approved| match &approved.tool {
            Some(tool) => format!("Approved tool {} of server {server}\n", clean(tool)),
            None => format!("Approved server {server} as it is now\n"),
        })
}

/// Shows what is about to be approved and asks; the digest of what was shown.
fn shown(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    server: &str,
    tool: Option<&str>,
) -> Result<String, Failure> {
    let found = if let Some(tool) = tool {
        let reviews = context
            .admin
            .review_tools(scope, Some(server), Some(tool))?;
        let review = reviews.first();
        review.map(|review| (tool_text(review), review.hash.clone()))
    } else {
        let reviews = context.admin.review_servers(scope, Some(server))?;
        let review = reviews.first();
        review.map(|review| (server_text(review), review.hash.clone()))
    };
    let (text, hash) = found.ok_or_else(|| Failure::NothingToApprove {
        what: server.to_owned(),
    })?;
    let what = tool.map_or_else(|| server.to_owned(), |tool| format!("{server}/{tool}"));
    ask::confirm_or(
        &format!("approving `{}`", clean(&what)),
        &format!("{text}\nApprove it?"),
        "add --hash with the digest that `toolgatectl tools review` shows",
    )?;
    Ok(hash)
}

fn server_text(review: &ServerReview) -> String {
    let mut text = format!(
        "Server {} is quarantined: {} since it was approved\n",
        review.server, review.reason
    );
    let mut line = |what: &str, of: fn(&ServerIdentity) -> Option<String>| {
        let (before, after) = (of(&review.pinned), of(&review.seen));
        if before != after {
            let shown =
                |text: Option<String>| text.map_or_else(|| "-".to_owned(), |text| clean(&text));
            let _ = writeln!(
                text,
                "  {what}: [-{}-] {{+{}+}}",
                shown(before),
                shown(after)
            );
        }
    };
    line("address", |identity| identity.origin.clone());
    line("command", |identity| {
        identity.argv.as_ref().map(|argv| argv.join(" "))
    });
    line("program", |identity| identity.executable.clone());
    line("name", |identity| identity.name.clone());
    let _ = writeln!(
        text,
        "  approve: toolgatectl tools approve {} --hash {}\n",
        review.server, review.hash
    );
    text
}

fn tool_text(review: &ToolReview) -> String {
    let reason = review.reason.as_deref().unwrap_or("as it was approved");
    let mut text = format!(
        "{}/{} is {}: {}\n",
        review.server,
        clean(&review.tool),
        review.state,
        clean(reason)
    );
    for difference in review.differences.iter().chain(&review.offered) {
        text.push_str(&difference_text(difference));
    }
    for finding in &review.findings {
        text.push_str(&finding_text(finding));
    }
    if review.waits {
        let _ = writeln!(
            text,
            "  approve: toolgatectl tools approve '{}/{}' --hash {}",
            review.server, review.tool, review.hash
        );
    }
    text.push('\n');
    text
}

/// `[-what is gone-]` and `{+what is new+}` in the middle of what stayed.
fn difference_text(difference: &DifferenceShown) -> String {
    let mut text = format!("  {}: ", clean(&difference.place));
    for part in &difference.parts {
        let shown = clean(&part.text);
        let _ = match part.change {
            "gone" => write!(text, "[-{shown}-]"),
            "added" => write!(text, "{{+{shown}+}}"),
            _ => write!(text, "{shown}"),
        };
    }
    text.push('\n');
    text
}

pub(super) fn finding_text(finding: &FindingShown) -> String {
    let word = if finding.quarantines {
        "held for"
    } else {
        "warning"
    };
    format!(
        "  {word}: {} in {} of {}\n",
        finding.meaning,
        clean(if finding.place.is_empty() {
            "the definition"
        } else {
            &finding.place
        }),
        clean(&finding.tool)
    )
}

fn classify(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    tool: &str,
    word: ClassificationArgument,
) -> Result<(), Failure> {
    let (server, tool) = one_tool(tool)?;
    let word = match word {
        ClassificationArgument::ReadOnly => Classification::ReadOnly,
        ClassificationArgument::Write => Classification::Write,
        ClassificationArgument::Destructive => Classification::Destructive,
    };
    let classified = context.admin.classify_tool(scope, server, tool, word)?;
    context.output.gateway(classified.gateway);
    context.output.one(&classified, |classified| {
        format!(
            "Tool {} of server {} counts as {}\n",
            clean(&classified.tool),
            classified.server,
            doing(classified.classification).0,
        )
    })
}

fn switch(
    context: &Context<'_>,
    scope: &WorkspaceScope,
    tool: &str,
    enabled: bool,
) -> Result<(), Failure> {
    let (server, tool) = one_tool(tool)?;
    let switched = context.admin.switch_tool(scope, server, tool, enabled)?;
    context.output.gateway(switched.gateway);
    let word = if enabled { "Enabled" } else { "Disabled" };
    context.output.one(&switched, |switched| {
        format!("{word} tool {} of server {server}\n", clean(&switched.tool))
    })
}

/// `SERVER/TOOL`; a server's name has no slash, a tool's may.
fn parted(what: Option<&str>) -> (Option<&str>, Option<&str>) {
    match what.map(|what| what.split_once('/')) {
        None => (None, None),
        Some(None) => (what, None),
        Some(Some((server, tool))) => (Some(server), Some(tool)),
    }
}

fn one_tool(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('/').ok_or_else(|| Failure::NotATool {
        given: text.to_owned(),
    })
}

/// What a tool does, coloured by how much harm that may be.
pub(super) fn doing(classification: Classification) -> (String, Tone) {
    let tone = match classification {
        Classification::ReadOnly => Tone::Good,
        Classification::Write => Tone::Doubtful,
        Classification::Destructive => Tone::Bad,
    };
    (classification.as_str().to_owned(), tone)
}

/// How many tools wait, for the line that says so.
pub(super) fn waiting(number: usize) -> String {
    format!("{} to be reviewed", count(number as u64, "tool"))
}

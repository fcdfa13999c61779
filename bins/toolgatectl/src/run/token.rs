//! `toolgatectl workspace token …`

use std::fmt::Write;

use toolgate_admin::{
    AdminError, McpJson, NewToken, TokenCreated, TokenInspected, TokenListed, TokenTrial,
    TokenTried,
};

use super::{Context, count};
use crate::args::{TokenCommand, TokenCreate, TokenTry};
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::{Tone, clean, maybe, plain, table, time};

pub(super) fn run(context: &Context<'_>, command: TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Create(asked) => create(context, asked),
        TokenCommand::List { slug } => {
            let scope = context.target(slug.as_deref())?;
            let tokens = context.admin.list_tokens(&scope)?;
            context.output.many(&tokens, list)?;
            Ok(Exit::Done)
        }
        TokenCommand::Set {
            slug,
            id,
            role,
            tools,
        } => set(context, &slug, &id, role.as_deref(), tools.as_deref()),
        TokenCommand::Revoke { slug, id } => revoke(context, &slug, &id),
        TokenCommand::Inspect { slug, id } => inspect(context, &slug, id.as_deref()),
        TokenCommand::Explain { slug, id, tool } => explain(context, &slug, &id, &tool),
        TokenCommand::Try(asked) => try_rules(context, asked),
    }
}

fn create(context: &Context<'_>, asked: TokenCreate) -> Result<Exit, Failure> {
    let scope = context.target(asked.slug.as_deref())?;
    let new = NewToken {
        name: asked.name,
        role: asked.role.parse().map_err(AdminError::Role)?,
        expires_in: asked.expires_in,
        tools: asked.tools,
        rate_limit: asked.rate_limit,
        member: asked.member,
    };
    let made = context.admin.create_token(&scope, &new)?;
    context.output.gateway(made.gateway);
    context.output.one(&made, created)?;
    Ok(Exit::Done)
}

pub(super) fn created(made: &TokenCreated) -> String {
    let mut text = format!(
        "Created token \"{}\" of workspace {}\n\n",
        clean(&made.name),
        made.workspace
    );
    let _ = writeln!(text, "  ID       {}", made.id);
    let _ = writeln!(text, "  Role     {}", made.role.as_str());
    let expires = made
        .expires_at
        .as_deref()
        .map_or_else(|| "never".to_owned(), |at| time(at) + " UTC");
    let _ = writeln!(text, "  Expires  {expires}");
    let _ = writeln!(text, "  Tools    {}", tools(&made.tools));
    let _ = writeln!(text, "  Limit    {}", limit(made.rate_limit));
    if let Some(member) = &made.member {
        let _ = writeln!(text, "  Member   {}", clean(member));
    }
    let _ = writeln!(text, "  Token    {}  (shown only this once)", made.token);
    text.push_str(&paste(&made.mcp_json));
    if let Some(reach) = made.read_only {
        let _ = writeln!(
            text,
            "\nIt may call {} of {}.",
            reach.callable,
            count(reach.total as u64, "tool"),
        );
        if reach.callable < reach.total {
            let _ = writeln!(
                text,
                "hint: tools count as read-only when their server says so or you do: `toolgatectl tools classify SERVER/TOOL read-only`; `toolgatectl workspace set {} --read-only all` opens them all",
                made.workspace
            );
        }
    }
    text
}

/// The block to paste, under a line that says so.
pub(super) fn paste(mcp_json: &McpJson) -> String {
    format!(
        "\nPaste this into your editor's MCP configuration:\n\n{}\n",
        mcp_json.pretty()
    )
}

fn list(tokens: &[TokenListed]) -> String {
    let rows = tokens.iter().map(|token| {
        let tone = match token.status {
            "active" => Tone::Good,
            "expired" => Tone::Doubtful,
            _ => Tone::Bad,
        };
        vec![
            plain(&token.id),
            plain(&token.name),
            plain(token.role.as_str()),
            maybe(token.member.as_deref()),
            plain(time(&token.created_at)),
            plain(
                token
                    .expires_at
                    .as_deref()
                    .map_or_else(|| "never".to_owned(), time),
            ),
            plain(
                token
                    .last_used_at
                    .as_deref()
                    .map_or_else(|| "never".to_owned(), time),
            ),
            (token.status.to_owned(), tone),
        ]
    });
    table(
        &[
            "ID",
            "NAME",
            "ROLE",
            "MEMBER",
            "CREATED",
            "EXPIRES",
            "LAST USED",
            "STATUS",
        ],
        rows,
        "No tokens yet. Make one: `toolgatectl workspace token create SLUG --name NAME`",
    )
}

fn set(
    context: &Context<'_>,
    slug: &str,
    id: &str,
    role: Option<&str>,
    patterns: Option<&[String]>,
) -> Result<Exit, Failure> {
    let scope = context.admin.scope(slug)?;
    let role = role.map(str::parse).transpose().map_err(AdminError::Role)?;
    let changed = context.admin.change_token(&scope, id, role, patterns)?;
    context.output.gateway(changed.gateway);
    context.output.one(&changed, |changed| {
        let token = &changed.token;
        format!(
            "Token {} (\"{}\") is {} now, for {}\n",
            token.id,
            clean(&token.name),
            token.role.as_str(),
            tools(&token.tools)
        )
    })?;
    Ok(Exit::Done)
}

fn revoke(context: &Context<'_>, slug: &str, id: &str) -> Result<Exit, Failure> {
    let scope = context.admin.scope(slug)?;
    let revoked = context.admin.revoke_token(&scope, id)?;
    context.output.gateway(revoked.gateway);
    context.output.one(&revoked, |revoked| {
        format!(
            "Revoked token {} (\"{}\"); its next request fails\n",
            revoked.id,
            clean(&revoked.name)
        )
    })?;
    Ok(Exit::Done)
}

fn inspect(context: &Context<'_>, slug: &str, id: Option<&str>) -> Result<Exit, Failure> {
    let scope = context.admin.scope(slug)?;
    let report = if let Some(id) = id {
        context.admin.inspect_token(&scope, id)?
    } else {
        let text = ask::secret("Token")?;
        context.admin.inspect_token_text(&scope, &text)?
    };
    context.output.one(&report, inspected)?;
    Ok(Exit::Done)
}

fn inspected(report: &TokenInspected) -> String {
    let verdict = if report.accepted {
        "Accepted"
    } else {
        "Refused"
    };
    let mut text = format!(
        "{verdict} on workspace {}: {}\n",
        report.workspace,
        clean(&report.reason)
    );
    if let Some(token) = &report.token {
        let used = token
            .last_used_at
            .as_deref()
            .map_or_else(|| "never".to_owned(), |at| time(at) + " UTC");
        let _ = writeln!(text, "\n  ID         {}", token.id);
        let _ = writeln!(text, "  Name       {}", clean(&token.name));
        let _ = writeln!(text, "  Role       {}", token.role.as_str());
        let _ = writeln!(text, "  Tools      {}", tools(&token.tools));
        let _ = writeln!(text, "  Limit      {}", limit(token.rate_limit));
        if let Some(member) = &token.member {
            let _ = writeln!(text, "  Member     {}", clean(member));
        }
        let _ = writeln!(text, "  Created    {} UTC", time(&token.created_at));
        let _ = writeln!(text, "  Last used  {used}");
    }
    text
}

fn explain(context: &Context<'_>, slug: &str, id: &str, tool: &str) -> Result<Exit, Failure> {
    let scope = context.admin.scope(slug)?;
    let report = context.admin.explain_token(&scope, id, tool)?;
    context.output.one(&report, |report| {
        let verdict = if report.allowed { "Allowed" } else { "Refused" };
        let mut text = format!("{verdict}: {}\n", clean(&report.reason));
        if let Some(hint) = &report.hint {
            let _ = writeln!(text, "hint: {}", clean(hint));
        }
        text
    })?;
    Ok(Exit::Done)
}

fn try_rules(context: &Context<'_>, asked: TokenTry) -> Result<Exit, Failure> {
    let scope = context.admin.scope(&asked.slug)?;
    let trial = TokenTrial {
        tools: (!asked.tools.is_empty()).then_some(asked.tools),
        role: asked
            .role
            .map(|role| role.parse().map_err(AdminError::Role))
            .transpose()?,
    };
    let report = context
        .admin
        .try_token(&scope, &asked.id, &trial, asked.since)?;
    context.output.one(&report, tried)?;
    Ok(Exit::Done)
}

fn tried(report: &TokenTried) -> String {
    let rows = report.by_tool.iter().map(|tool| {
        let verdict = |allowed| {
            if allowed {
                ("allowed".to_owned(), Tone::Good)
            } else {
                ("refused".to_owned(), Tone::Bad)
            }
        };
        vec![
            plain(tool.tool.as_deref().unwrap_or("(unknown names)")),
            plain(tool.calls.to_string()),
            plain(tool.refused.to_string()),
            verdict(tool.allowed),
            verdict(tool.would_be_allowed),
            maybe(tool.reason.as_deref()),
        ]
    });
    let mut text = format!(
        "{} since {} UTC: {} allowed now, {} allowed then\n\n",
        count(report.calls, "call"),
        time(&report.since),
        report.allowed,
        report.would_be_allowed
    );
    text.push_str(&table(
        &["TOOL", "CALLS", "WERE REFUSED", "NOW", "THEN", "WHY"],
        rows,
        "No calls with this token.",
    ));
    text
}

pub(super) fn tools(patterns: &[String]) -> String {
    match patterns {
        [all] if all == "*" => "every enabled one".to_owned(),
        patterns => clean(&patterns.join(", ")),
    }
}

fn limit(per_minute: Option<u32>) -> String {
    per_minute.map_or_else(
        || "off".to_owned(),
        |limit| format!("{limit} requests a minute"),
    )
}

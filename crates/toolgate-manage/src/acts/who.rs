//! Who the caller is, and who did what.

use serde_json::Value;
use toolgate_admin::{AuditQuery, Role};

use crate::answer::{Answer, count, lines};
use crate::desk::Desk;
use crate::params::{Arguments, Kind, Param};
use crate::refusal::Refusal;
use crate::table::{Effect, FLAG, LIST, MAYBE_OBJECT, TEXT, Tool};

pub(crate) static WHOAMI: Tool = Tool {
    name: "whoami",
    title: "Who am I",
    about: "Says which workspace of the gateway this is, and what the token you speak with may do: its role, which \
            tools it may use, how often, and until when.",
    effect: Effect::Reads,
    reaches_out: false,
    least: Role::ReadOnly,
    params: &[],
    output: &[
        ("workspace", TEXT),
        ("anonymous", FLAG),
        ("token", MAYBE_OBJECT),
    ],
    act: whoami,
};

pub(crate) static AUDIT: Tool = Tool {
    name: "audit",
    title: "Audit trail",
    about: "Lists who changed what in this workspace, oldest first: servers, secrets, tokens, tools. Your own changes \
            through these tools stand there as acts of your token.",
    effect: Effect::Reads,
    reaches_out: false,
    least: Role::Admin,
    params: &[
        Param::may(
            "since",
            Kind::Span,
            "Only changes not older than this, such as `24h` or `7d`.",
        ),
        Param::may(
            "action",
            Kind::Text,
            "Only this action (`token.create`) or noun (`token`).",
        ),
        Param::may(
            "actor",
            Kind::Text,
            "Only of whoever has this in the name, such as the id of a token.",
        ),
        Param::may(
            "limit",
            Kind::Number(1, 500),
            "The newest so many. Default 50.",
        ),
    ],
    output: &[("changes", LIST)],
    act: audit,
};

#[expect(clippy::unnecessary_wraps, reason = "every act may be refused")]
fn whoami(desk: &Desk, _: &mut Arguments) -> Result<Answer, Refusal> {
    let workspace = desk.scope.slug().as_str();
    let text = match &desk.token {
        None => format!(
            "You are a guest of workspace `{workspace}`, which is open without a token on this machine. \
             You may use every enabled tool and manage nothing."
        ),
        Some(token) => {
            let may = match token.role {
                Role::Admin => "may manage the workspace with the toolgate__ tools",
                Role::Developer => "may use tools and manage nothing",
                Role::ReadOnly => "may use tools that change nothing",
            };
            let often = token.rate_limit.map_or_else(
                || "as often as it likes".to_owned(),
                |limit| format!("{limit} requests in any 60 seconds"),
            );
            let until = token
                .expires_at
                .as_ref()
                .map_or_else(|| "is revoked".to_owned(), |end| format!("ends at {end}"));
            format!(
                "You speak with token `{}` ({}), role {}, in workspace `{workspace}`. It {may}.\n\
                 Tools: {}. Rate: {often}. It works until it {until}.",
                token.name,
                token.id,
                token.role,
                token.tools.join(", "),
            )
        }
    };
    let token = desk.token.as_ref().map(crate::answer::fields);
    let answer = Answer::report(text, &serde_json::json!({"workspace": workspace}));
    Ok(answer
        .with("anonymous", token.is_none())
        .with("token", token.map_or(Value::Null, Value::Object)))
}

fn audit(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let rows = desk.admin.list_audit(&AuditQuery {
        before: None,
        workspace: Some(desk.scope.clone()),
        since: given.span("since"),
        action: given.maybe("action").map(ToOwned::to_owned),
        actor: given.maybe("actor").map(ToOwned::to_owned),
        limit: given.limit(50),
    })?;
    let each = rows.iter().map(|row| {
        let (time, actor, action) = (&row.time, &row.actor, &row.action);
        format!("{time} {actor}: {action} {}", row.detail)
    });
    let text = lines(
        format!("{}, oldest first.", count(rows.len(), "change")),
        each,
    );
    Ok(Answer::list(text, "changes", &rows))
}

//! Why a call was refused, or would be.

use serde_json::json;
use toolgate_admin::{CallListed, CallQuery, CallStatus, Role, TokenListed};
use toolgate_namespace::ServerSlug;

use super::calls::{named, word};
use crate::answer::Answer;
use crate::desk::Desk;
use crate::params::{Arguments, Kind, Param};
use crate::refusal::Refusal;
use crate::table::{Effect, FLAG, TEXT, Tool};

/// How far back a call is looked for.
const SEARCHED: usize = 10_000;

pub(crate) static EXPLAIN_REFUSAL: Tool = Tool {
    name: "explain_refusal",
    title: "Explain a refusal",
    about: "Says why a call was refused or failed, by its `call_…` id from an error or from query_calls; or whether a \
            token may call a tool now, and if not, what decides that and how to change it.",
    effect: Effect::Reads,
    reaches_out: false,
    least: Role::Admin,
    params: &[
        Param::may(
            "call",
            Kind::Text,
            "The id of a call (`call_…`). Without it, give `tool`.",
        ),
        Param::may(
            "tool",
            Kind::Text,
            "The tool as clients see it, such as `github__search`.",
        ),
        Param::may(
            "token",
            Kind::Text,
            "The token, by id or name. Default: the one you speak with.",
        ),
    ],
    output: &[("allowed", FLAG), ("reason", TEXT)],
    act: explain,
};

/// What decides, in words.
struct Verdict {
    allowed: bool,
    reason: String,
    hint: Option<String>,
}

fn explain(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    match (given.maybe("call"), given.maybe("tool")) {
        (Some(call), None) => explain_call(desk, call),
        (None, Some(tool)) => {
            let token = desk.find_token(given.maybe("token").unwrap_or(&desk.principal))?;
            let verdict = decide(desk, &token, tool)?;
            Ok(answer(
                &format!("Token `{}` and `{tool}`", token.name),
                &verdict,
            ))
        }
        _ => Err(Refusal::new(
            "give either `call`, or `tool` with or without `token`",
        )),
    }
}

fn explain_call(desk: &Desk, id: &str) -> Result<Answer, Refusal> {
    let query = CallQuery {
        workspace: Some(desk.scope.clone()),
        limit: SEARCHED,
        ..CallQuery::default()
    };
    let calls = desk.admin.calls(&query)?.newer()?;
    let call = calls.into_iter().find(|call| call.id == id);
    let call = call.ok_or_else(|| {
        Refusal::new("no such call among the newest of this workspace")
            .hint("see toolgate__query_calls; a call is recorded when it ends, within a second")
    })?;
    let mut verdict = ended(&call);
    // What was refused may be allowed by now, or be refused for a reason that only policy knows.
    if call.status == CallStatus::Refused
        && let Some(exposed) = exposed(desk, &call)?
        && let Ok(token) = desk.find_token(&call.token_id)
    {
        let now = decide(desk, &token, &exposed)?;
        verdict.reason = if now.allowed {
            "it was refused then, and would be allowed now".to_owned()
        } else {
            now.reason
        };
        verdict.hint = now.hint;
    }
    let about = format!(
        "{} to {} at {} ended as {}",
        call.id,
        named(&call),
        call.time,
        word(call.status)
    );
    let status = word(call.status);
    Ok(answer(&about, &verdict).with("status", status))
}

fn answer(about: &str, verdict: &Verdict) -> Answer {
    let Verdict {
        allowed,
        reason,
        hint,
    } = verdict;
    let word = if *allowed { "allowed" } else { "not allowed" };
    let hint_text = hint
        .as_ref()
        .map_or_else(String::new, |hint| format!("\nWhat to do: {hint}."));
    let text = format!("{about}: {word}; {reason}.{hint_text}");
    Answer::report(
        text,
        &json!({"allowed": allowed, "reason": reason, "hint": hint}),
    )
}

/// Whether the token may call the tool that clients see under this name.
fn decide(desk: &Desk, token: &TokenListed, exposed: &str) -> Result<Verdict, Refusal> {
    let explained = desk.admin.explain_token(&desk.scope, &token.id, exposed)?;
    Ok(Verdict {
        allowed: explained.allowed,
        reason: explained.reason,
        hint: explained.hint,
    })
}

/// The name clients see of what was called.
fn exposed(desk: &Desk, call: &CallListed) -> Result<Option<String>, Refusal> {
    let (Some(server), Some(tool)) = (&call.server, &call.tool) else {
        return Ok(None);
    };
    if server == ServerSlug::OWN {
        return Ok(Some(format!("{server}__{tool}")));
    }
    let tools = desk.admin.list_tools(&desk.scope, None)?;
    let found = tools
        .into_iter()
        .find(|known| known.server == *server && known.tool == *tool);
    Ok(found.and_then(|known| known.exposed))
}

/// What is known from the record alone.
fn ended(call: &CallListed) -> Verdict {
    let server = call.server.as_deref().unwrap_or("the server");
    let (allowed, reason, hint): (bool, String, Option<String>) = match call.status {
        CallStatus::Ok => (true, "it was answered".to_owned(), None),
        CallStatus::ToolError => (true, "the tool itself reported a failure; its answer says which".to_owned(), None),
        CallStatus::RpcError => (
            true,
            format!("`{server}` answered with an error{}", code(call)),
            None,
        ),
        CallStatus::Refused => (
            false,
            "no tool of that name was known, or the token may not use it; unknown names are not recorded".to_owned(),
            Some("ask again with `tool` and `token`, or compare with toolgate__list_tools".to_owned()),
        ),
        CallStatus::RateLimited => (
            false,
            "the token asked more often than its rate limit allows".to_owned(),
            Some("wait a minute, or make a token with a higher limit".to_owned()),
        ),
        CallStatus::Cancelled => (true, "the client cancelled it or went away".to_owned(), None),
        CallStatus::Revoked => (
            false,
            "the right to it was taken away while it ran: the token ended, or the tool was blocked".to_owned(),
            Some("toolgate__audit says who changed what".to_owned()),
        ),
        CallStatus::TimedOut => (
            true,
            format!("`{server}` did not answer in time, and may have acted all the same"),
            Some("see toolgate__test_server".to_owned()),
        ),
        CallStatus::Unreachable => (
            true,
            format!("`{server}` could not be reached or broke the protocol"),
            Some("see toolgate__test_server".to_owned()),
        ),
        CallStatus::Internal => (true, "the gateway failed".to_owned(), Some("see the gateway's log".to_owned())),
        CallStatus::Asked => (true, "the server asked the client something first".to_owned(), None),
        CallStatus::Overloaded => (
            true,
            "it was not tried: too much was under way, or the server kept failing and is given time to recover".to_owned(),
            Some("try again in a moment".to_owned()),
        ),
        CallStatus::Begun => (true, "it was about to be sent; how it ended is not known".to_owned(), None),
    };
    Verdict {
        allowed,
        reason,
        hint,
    }
}

fn code(call: &CallListed) -> String {
    call.error_code
        .map_or_else(String::new, |code| format!(" (code {code})"))
}

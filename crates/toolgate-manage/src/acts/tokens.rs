//! Tokens of the workspace. Nobody makes one that may more than their own.

use toolgate_admin::{NewToken, Role, TokenListed};

use crate::answer::{Answer, count, lines};
use crate::desk::Desk;
use crate::params::{Arguments, Kind, Param};
use crate::refusal::Refusal;
use crate::table::{Effect, FLAG, LIST, TEXT, Tool};

pub(crate) static LIST_TOKENS: Tool = Tool {
    name: "list_tokens",
    title: "List tokens",
    about: "Lists the tokens of this workspace: who or what holds each, its role, tools, rate, end and last use. The \
            text of a token is shown only when it is made.",
    effect: Effect::Reads,
    reaches_out: false,
    least: Role::Admin,
    params: &[],
    output: &[("tokens", LIST)],
    act: list,
};

pub(crate) static CREATE_TOKEN: Tool = Tool {
    name: "create_token",
    title: "Create a token",
    about: "Makes a token of this workspace, at most as mighty and as long-lived as the one you speak with. Its text \
            is in this one answer and nowhere else: hand it to whoever it is for, and repeat it nowhere.",
    effect: Effect::Adds,
    reaches_out: false,
    least: Role::Admin,
    params: &[
        Param::must("name", Kind::Text, "Who or what will hold it."),
        Param::may(
            "role",
            Kind::Word(&["read-only", "developer", "admin"]),
            "What it may do. Default: developer.",
        ),
        Param::may(
            "tools",
            Kind::Texts,
            "Which tools it may use, as patterns such as `github__*`; a leading `!` excludes. Default: those of your own token.",
        ),
        Param::may(
            "expires_in",
            Kind::Span,
            "How long it lives, such as `24h` or `30d`. Default: until it is revoked.",
        ),
        Param::may(
            "rate_limit",
            Kind::Number(1, 1_000_000),
            "Requests in any 60 seconds. Default: 120.",
        ),
    ],
    output: &[
        ("id", TEXT),
        ("name", TEXT),
        ("role", TEXT),
        ("tools", LIST),
        ("url", TEXT),
        ("token", TEXT),
    ],
    act: create,
};

pub(crate) static REVOKE_TOKEN: Tool = Tool {
    name: "revoke_token",
    title: "Revoke a token",
    about: "Revokes a token: its next request fails, and what it has open ends at once. There is no way back. The \
            token you speak with yourself is revoked by others.",
    effect: Effect::Changes,
    reaches_out: false,
    least: Role::Admin,
    params: &[Param::must(
        "token",
        Kind::Text,
        "Its id (`tok_…`), or its name if only one active token has it.",
    )],
    output: &[("id", TEXT), ("name", TEXT), ("revoked", FLAG)],
    act: revoke,
};

fn list(desk: &Desk, _: &mut Arguments) -> Result<Answer, Refusal> {
    let tokens = desk.admin.list_tokens(&desk.scope)?;
    let text = lines(
        format!("{} in this workspace.", count(tokens.len(), "token")),
        tokens.iter().map(line),
    );
    Ok(Answer::list(text, "tokens", &tokens))
}

fn line(token: &TokenListed) -> String {
    let used = token.last_used_at.as_deref().unwrap_or("never");
    let ends = token
        .expires_at
        .as_ref()
        .map_or_else(String::new, |end| format!(", until {end}"));
    format!(
        "{} ({}): {}, {}{ends}, tools {}, last used {used}",
        token.name,
        token.id,
        token.role,
        token.status,
        token.tools.join(" "),
    )
}

fn create(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let role = match given.maybe("role") {
        None => Role::Developer,
        Some(word) => word.parse().map_err(|_| Refusal::new("that is no role"))?,
    };
    let new = NewToken {
        role,
        expires_in: given.span("expires_in"),
        tools: given.texts("tools"),
        rate_limit: given.number("rate_limit").map(|rate| rate.to_string()),
        ..NewToken::named(given.text("name"))
    };
    let made = desk.admin.create_token(&desk.scope, &new)?;
    let text = format!(
        "Made token `{}` ({}), role {}. Its text is shown only here:\n{}\nIt is sent as `Authorization: Bearer` to {}.",
        made.name, made.id, made.role, made.token, made.url
    );
    Ok(Answer::report(text, &made).without("read_only"))
}

fn revoke(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let token = desk.find_token(given.text("token"))?;
    if token.id == desk.principal {
        return Err(Refusal::new("that is the token you speak with")
            .hint("have somebody else revoke it, or `toolgatectl workspace token revoke`"));
    }
    let revoked = desk.admin.revoke_token(&desk.scope, &token.id)?;
    let text = format!("Revoked `{}` ({}).", revoked.name, revoked.id);
    Ok(Answer::report(text, &revoked))
}

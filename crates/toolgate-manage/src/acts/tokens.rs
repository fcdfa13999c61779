//! Tokens of the workspace. Nobody makes one that may more than their own.

use std::time::Duration;

use jiff::Timestamp;
use toolgate_admin::{NewToken, Role, TokenListed};

use crate::answer::{Answer, count, lines};
use crate::desk::Desk;
use crate::params::{Arguments, Kind, Param};
use crate::refusal::Refusal;
use crate::table::{Effect, FLAG, LIST, TEXT, Tool};

/// The pattern that stands for every tool.
const EVERYTHING: &str = "*";

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
    // Whoever may make tokens has one.
    let own = desk.token.as_ref().ok_or_else(Refusal::unknown_tool)?;
    let role = match given.maybe("role") {
        None => Role::Developer,
        Some(word) => word.parse().map_err(|_| Refusal::new("that is no role"))?,
    };
    if role > own.role {
        return Err(Refusal::new("the role is above your own").hint(format!(
            "a token with the role {} makes tokens up to that",
            own.role
        )));
    }
    let new = NewToken {
        name: given.text("name").to_owned(),
        role,
        expires_in: lifetime(own, given.span("expires_in"))?,
        tools: patterns(&own.tools, &given.texts("tools"))?,
        rate_limit: rate(own, given.number("rate_limit"))?,
        member: None,
    };
    let made = desk.admin.create_token(&desk.scope, &new)?;
    let text = format!(
        "Made token `{}` ({}), role {}. Its text is shown only here:\n{}\nIt is sent as `Authorization: Bearer` to {}.",
        made.name, made.id, made.role, made.token, made.url
    );
    Ok(Answer::report(text, &made).without("read_only"))
}

/// Patterns for a new token, none of which reaches beyond the maker's: grants are taken from its own, and what it is
/// excluded from stays excluded.
fn patterns(own: &[String], given: &[String]) -> Result<Vec<String>, Refusal> {
    let is_exclusion = |pattern: &&String| pattern.starts_with('!');
    let excluded = own.iter().filter(is_exclusion);
    if given.is_empty() {
        return Ok(own.to_vec());
    }
    let may_grant_all = own.iter().any(|pattern| pattern == EVERYTHING);
    let beyond = given
        .iter()
        .find(|pattern| !is_exclusion(pattern) && !may_grant_all && !own.contains(pattern));
    if let Some(beyond) = beyond {
        let what = format!("`{beyond}` is not among the tools of your own token");
        return Err(Refusal::new(what).hint(format!(
            "grant what yours is granted ({}), and exclude from that with `!`",
            own.join(", ")
        )));
    }
    let mut patterns = given.to_vec();
    patterns.extend(excluded.filter(|own| !given.contains(own)).cloned());
    Ok(patterns)
}

/// How long a new token lives: no longer than its maker.
fn lifetime(own: &TokenListed, given: Option<Duration>) -> Result<Option<Duration>, Refusal> {
    let Some(end) = &own.expires_at else {
        return Ok(given);
    };
    let end: Timestamp = end
        .parse()
        .map_err(|_| Refusal::new("the end of your own token cannot be read"))?;
    let left = Duration::try_from(end.duration_since(Timestamp::now())).unwrap_or_default();
    match given {
        Some(given) if given > left => Err(Refusal::new("it would outlive your own token").hint(
            format!("yours ends at {end}; give it less time, or none to end then"),
        )),
        given => Ok(Some(given.unwrap_or(left))),
    }
}

/// How often a new token may ask: no more often than its maker.
fn rate(own: &TokenListed, given: Option<u64>) -> Result<Option<String>, Refusal> {
    let most = own.rate_limit.map(u64::from);
    match (given, most) {
        (Some(given), Some(most)) if given > most => {
            Err(Refusal::new("the rate limit is above your own")
                .hint(format!("yours is {most} requests in any 60 seconds")))
        }
        (Some(given), _) => Ok(Some(given.to_string())),
        // The default, or less if its maker has less.
        (None, Some(most)) => Ok(Some(most.min(120).to_string())),
        (None, None) => Ok(None),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|text| (*text).to_owned()).collect()
    }

    #[track_caller]
    fn check(own: &[&str], given: &[&str], made: Option<&[&str]>) {
        let found = patterns(&texts(own), &texts(given)).ok();
        assert_eq!(found, made.map(texts), "{own:?} {given:?}");
    }

    /// S-40: who may use some tools makes no token for others.
    #[test]
    fn s40_patterns_never_reach_beyond_the_makers() {
        check(&["*"], &[], Some(&["*"]));
        check(&["*"], &["github__*"], Some(&["github__*"]));
        check(
            &["*", "!a__b"],
            &["github__*"],
            Some(&["github__*", "!a__b"]),
        );
        check(&["*", "!a__b"], &[], Some(&["*", "!a__b"]));
        check(&["*", "!a__b"], &["*", "!a__b"], Some(&["*", "!a__b"]));
        check(
            &["toolgate__*", "a__*"],
            &["a__*", "!a__x"],
            Some(&["a__*", "!a__x"]),
        );
        check(&["toolgate__*"], &["*"], None);
        check(&["toolgate__*"], &["toolgate__whoami"], None);
        check(&["toolgate__*"], &["github__*"], None);
    }
}

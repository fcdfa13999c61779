//! Nobody makes a token that may more than their own, whichever door they come through (S-40).

use std::time::Duration;

use toolgate_policy::{RateLimit, Role, Token, ToolRules};
use toolgate_store::WorkspaceScope;

use crate::time::{millis, rfc3339};
use crate::token::{rate_limit, rules};
use crate::{Admin, AdminError, NewToken};

/// The pattern that stands for every tool.
const EVERYTHING: &str = "*";

/// The token that acts, as it is stored now: what it makes stays within it.
#[derive(Debug)]
pub(crate) struct Own {
    token: Token,
    now_ms: u64,
}

impl Admin {
    /// The token that acts; `None` for an operator, whom nothing bounds.
    pub(crate) fn own(&self, scope: &WorkspaceScope) -> Result<Option<Own>, AdminError> {
        let Some(id) = self.actor.as_token() else {
            return Ok(None);
        };
        Ok(Some(Own {
            token: self.token(scope, id.as_str())?,
            now_ms: self.judged_ms()?,
        }))
    }
}

impl Own {
    /// A token as it was asked for, with this one's bounds where nothing was said.
    pub(crate) fn bound(
        &self,
        new: &NewToken,
        per_minute: Option<u32>,
    ) -> Result<NewToken, AdminError> {
        self.role(new.role)?;
        Ok(NewToken {
            expires_in: self.lifetime(new.expires_in)?,
            tools: self.rules(&new.tools)?.patterns().to_vec(),
            rate_limit: self.rate(new.rate_limit.as_deref(), per_minute)?,
            ..new.clone()
        })
    }

    /// Whether it may give another token this role and these tools, which it answers as rules.
    ///
    /// A role is raised only of a token that is within this one in everything else too.
    pub(crate) fn check_change(
        &self,
        token: &Token,
        role: Option<Role>,
        tools: Option<&[String]>,
    ) -> Result<Option<ToolRules>, AdminError> {
        let rules = tools.map(|given| self.rules(given)).transpose()?;
        let Some(role) = role else {
            return Ok(rules);
        };
        self.role(role)?;
        if role > token.role {
            let keeps = token.rules.patterns();
            if rules.is_none() && self.rules(keeps)?.patterns() != keeps {
                return Err(beyond(
                    "it has tools that your own token is excluded from",
                    "say which tools it is to have as well",
                ));
            }
            self.check_end(token.expires_at)?;
            self.check_rate(token.rate_limit)?;
        }
        Ok(rules)
    }

    /// Whether it may invite: a member's token lives from when it is made, at the rate of the plan.
    pub(crate) fn check_invitation(&self, per_minute: Option<u32>) -> Result<(), AdminError> {
        let instead = "invite with a token that does not end and is not limited below the plan, \
                       or ask whoever runs the installation";
        if self.token.expires_at.is_some() {
            return Err(beyond(
                "your own token ends by itself, and a member's would outlive it",
                instead,
            ));
        }
        let rate = rate_limit(None, per_minute)?;
        self.check_rate(rate).map_err(|_| {
            beyond(
                "a member's token would have a higher rate limit than your own",
                instead,
            )
        })
    }

    pub(crate) fn role(&self, role: Role) -> Result<(), AdminError> {
        if role <= self.token.role {
            return Ok(());
        }
        let own = self.token.role.as_str();
        Err(beyond(
            "the role is above your own",
            format!("a token with the role {own} makes tokens up to that"),
        ))
    }

    /// Rules that reach no further than its own: grants are taken from its own, and what it is excluded from stays
    /// excluded.
    pub(crate) fn rules(&self, given: &[String]) -> Result<ToolRules, AdminError> {
        let own = self.token.rules.patterns();
        rules(&patterns(own, given)?)
    }

    /// When it ends; `None` when it does not.
    pub(crate) fn ends(&self) -> Option<u64> {
        self.token.expires_at
    }

    /// How long a new token lives: no longer than this one. Its end is counted from a later moment than this, and
    /// has to be kept within [`ends`](Self::ends) then.
    fn lifetime(&self, given: Option<Duration>) -> Result<Option<Duration>, AdminError> {
        let Some(end) = self.token.expires_at else {
            return Ok(given);
        };
        let left = Duration::from_millis(end.saturating_sub(self.now_ms));
        let life = given.unwrap_or(left);
        self.check_end(Some(self.now_ms.saturating_add(millis(life))))?;
        Ok(Some(life))
    }

    fn check_end(&self, ends: Option<u64>) -> Result<(), AdminError> {
        let Some(own) = self.token.expires_at else {
            return Ok(());
        };
        if ends.is_some_and(|ends| ends <= own) {
            return Ok(());
        }
        Err(beyond(
            "it would outlive your own token",
            format!(
                "yours ends at {}; give it less time, or none to end then",
                rfc3339(own)
            ),
        ))
    }

    /// How often a new token may ask: no more often than this one.
    fn rate(
        &self,
        given: Option<&str>,
        per_minute: Option<u32>,
    ) -> Result<Option<String>, AdminError> {
        let RateLimit::PerMinute(own) = self.token.rate_limit else {
            return Ok(given.map(ToOwned::to_owned));
        };
        if let Some(given) = given {
            self.check_rate(rate_limit(Some(given), per_minute)?)?;
            return Ok(Some(given.to_owned()));
        }
        let rate = per_minute.map_or(own.get(), |usual| usual.min(own.get()));
        Ok(Some(rate.to_string()))
    }

    fn check_rate(&self, rate: RateLimit) -> Result<(), AdminError> {
        let RateLimit::PerMinute(own) = self.token.rate_limit else {
            return Ok(());
        };
        match rate {
            RateLimit::PerMinute(rate) if rate <= own => Ok(()),
            _ => Err(beyond(
                "the rate limit is above your own",
                format!("yours is {own} requests in any 60 seconds"),
            )),
        }
    }
}

fn patterns(own: &[String], given: &[String]) -> Result<Vec<String>, AdminError> {
    if given.is_empty() {
        return Ok(own.to_vec());
    }
    let given: Vec<String> = given.iter().map(|glob| glob.trim().to_owned()).collect();
    let is_exclusion = |pattern: &&String| pattern.starts_with('!');
    let may_grant_all = own.iter().any(|pattern| pattern == EVERYTHING);
    let beyond_own = given
        .iter()
        .find(|pattern| !is_exclusion(pattern) && !may_grant_all && !own.contains(pattern));
    if let Some(pattern) = beyond_own {
        return Err(beyond(
            format!("`{pattern}` is not among the tools of your own token"),
            format!(
                "grant what yours is granted ({}), and exclude from that with `!`",
                own.join(", ")
            ),
        ));
    }
    let excluded = own.iter().filter(is_exclusion);
    let missing: Vec<String> = excluded
        .filter(|own| !given.contains(own))
        .cloned()
        .collect();
    Ok([given, missing].concat())
}

fn beyond(what: impl Into<String>, instead: impl Into<String>) -> AdminError {
    AdminError::BeyondOwn {
        what: what.into(),
        instead: instead.into(),
    }
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

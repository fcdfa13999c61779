//! Tokens of a file beside those there are.

use std::time::Duration;

use jiff::Timestamp;
use toolgate_policy::Token;

use super::export::token_entry;
use super::format::TokenEntry;
use super::{FileChange, FileError};
use crate::time::now_ms;
use crate::token::{rate_limit, rules};
use crate::{AdminError, NewToken};

/// What is to become of the tokens.
#[derive(Debug, Default)]
pub(super) struct TokenPlan {
    pub(super) changes: Vec<FileChange>,
    pub(super) acts: Vec<TokenAct>,
    pub(super) kept: Vec<String>,
    pub(super) next: Vec<String>,
}

#[derive(Debug)]
pub(super) enum TokenAct {
    Create(TokenEntry),
    Change { id: String, entry: TokenEntry },
    Revoke { id: String },
}

/// A time in whole seconds: a token that is made anew may be some milliseconds beside the one it is made after.
pub(super) fn whole_second(unix_ms: u64) -> String {
    let second = i64::try_from(unix_ms.saturating_add(500) / 1000).unwrap_or(i64::MAX);
    Timestamp::from_second(second)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

impl TokenEntry {
    /// As an export would write it; `None` when it has expired.
    pub(super) fn canonical(&self) -> Result<Option<Self>, AdminError> {
        let limit = rate_limit(Some(&self.rate_limit.text()), None)?;
        let expires_at = self.expires()?;
        if expires_at.is_some_and(|at| at <= now_ms()) {
            return Ok(None);
        }
        let rules = rules(&self.tools)?;
        Ok(Some(Self {
            name: self.name.trim().to_owned(),
            role: self.role,
            tools: rules.patterns().to_vec(),
            rate_limit: super::export::rate_entry(limit),
            expires_at: expires_at.map(whole_second),
            member: self.member.clone(),
        }))
    }

    fn expires(&self) -> Result<Option<u64>, FileError> {
        let Some(text) = &self.expires_at else {
            return Ok(None);
        };
        let wrong = || FileError::Time { text: text.clone() };
        let at: Timestamp = text.parse().map_err(|_| wrong())?;
        u64::try_from(at.as_millisecond())
            .map(Some)
            .map_err(|_| wrong())
    }

    /// The token to make.
    pub(super) fn new_token(&self) -> Result<NewToken, AdminError> {
        let left = self.expires()?.map(|at| at.saturating_sub(now_ms()));
        Ok(NewToken {
            role: self.role,
            expires_in: left.map(Duration::from_millis),
            tools: self.tools.clone(),
            rate_limit: Some(self.rate_limit.text()),
            ..NewToken::named(&self.name)
        })
    }
}

/// Holds the tokens of a file, in their canonical form, against those that work; both may use a name repeatedly.
pub(super) fn compare(
    wanted: &[TokenEntry],
    there: &[Token],
    slug: &str,
    prune: bool,
) -> TokenPlan {
    let mut plan = TokenPlan::default();
    let mut left: Vec<&Token> = there.iter().collect();
    for entry in wanted {
        let same_name = |token: &&Token| token.name == entry.name;
        // The equal one of several first, so that none is changed into another.
        let at = left
            .iter()
            .position(|token| token_entry(token) == *entry)
            .or_else(|| left.iter().position(same_name));
        if let Some(token) = at.map(|at| left.remove(at)) {
            plan.meet(token, entry, slug);
        } else {
            plan.changes
                .push(FileChange::added("token", &entry.name, entry));
            plan.acts.push(TokenAct::Create(entry.clone()));
        }
    }
    for token in left {
        if prune {
            plan.changes.push(FileChange::removed("token", &token.name));
            plan.acts.push(TokenAct::Revoke {
                id: token.id.as_str().to_owned(),
            });
        } else {
            plan.kept.push(format!("token {}", token.name));
        }
    }
    plan
}

impl TokenPlan {
    fn meet(&mut self, token: &Token, entry: &TokenEntry, slug: &str) {
        let now = token_entry(token);
        // Whoever holds it is not for a file to say while nobody asked the member.
        let wanted = TokenEntry {
            member: now.member.clone(),
            ..entry.clone()
        };
        let reachable = TokenEntry {
            role: wanted.role,
            tools: wanted.tools.clone(),
            ..now.clone()
        };
        if let Some(change) = FileChange::changed("token", &now.name, &now, &reachable) {
            self.changes.push(change);
            self.acts.push(TokenAct::Change {
                id: token.id.as_str().to_owned(),
                entry: wanted.clone(),
            });
        }
        // Limit and end of a token are fixed when it is made.
        if wanted != reachable {
            self.next.push(format!(
                "toolgatectl token revoke {slug} {}   # `{}` has another limit or end; then apply again, which makes a new one",
                token.id.as_str(),
                now.name
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_rounded_to_its_second() {
        assert_eq!(whole_second(1_795_253_400_499), "2026-11-21T09:30:00Z");
        assert_eq!(whole_second(1_795_253_400_003), "2026-11-21T09:30:00Z");
        assert_eq!(whole_second(1_795_253_400_500), "2026-11-21T09:30:01Z");
    }
}

//! Tokens: everything but their text (S-35).

use std::collections::HashMap;
use std::num::NonZeroU32;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use toolgate_namespace::WorkspaceId;
use toolgate_policy::{MemberId, RateLimit, Role, Token, TokenDigest, TokenId, ToolRules};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::sql::{Broken, parsed, parsed_if_any, unreadable};
use crate::store::Noted;
use crate::{Store, StoreError, WorkspaceScope};

/// What is to become of a token's rights; `None` leaves a part as it is.
#[derive(Debug, Clone, Default)]
pub struct TokenChange {
    /// What its holder may do from now on.
    pub role: Option<Role>,
    /// The tools it is for from now on.
    pub rules: Option<ToolRules>,
}

impl Store {
    /// Saves a new token; its id and digest must be new in the whole installation.
    pub fn create_token(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        token: &Token,
    ) -> Result<(), StoreError> {
        scope.owns("token", &token.workspace)?;
        self.change("creating a token", actor, |tx| {
            scope.still_exists(tx)?;
            Ok(((), Some(insert(tx, token)?)))
        })
    }

    /// The tokens of a workspace, oldest first, revoked and expired ones included.
    pub fn list_tokens(&self, scope: &WorkspaceScope) -> Result<Vec<Token>, StoreError> {
        self.read("listing tokens", |connection| {
            select(connection, Some(scope.workspace()))
        })
    }

    /// The token with this digest, active or not, and the one workspace it opens: how its holder is known (S-45).
    pub fn token_by_digest(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<(Token, WorkspaceScope)>, StoreError> {
        const SQL: &str = "SELECT tokens.id, workspace_id, tokens.name, role, rules, rate_limit,
            digest, member_id, tokens.created_at, expires_at, revoked_at, last_used_at, slug
            FROM tokens JOIN workspaces ON workspaces.id = workspace_id WHERE digest = ?1";
        self.read("looking up a token", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_row([digest.0], |row| {
                    let token = read(row, &mut KnownRules::new())?;
                    let slug = parsed(row, 12, |slug| slug.try_into())?;
                    let scope = WorkspaceScope::of(token.workspace.clone(), slug);
                    Ok((token, scope))
                })
                .optional()
        })
    }

    /// Changes what a token's holder may do, and returns the token as it is then (S-40, S-41).
    pub fn change_token(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        token: &TokenId,
        change: &TokenChange,
    ) -> Result<Token, StoreError> {
        const SQL: &str = "UPDATE tokens SET role = ?2, rules = ?3 WHERE id = ?1";
        let doing = "changing a token";
        self.change(doing, actor, |tx| {
            let before = find(tx, scope, token)?;
            let after = Token {
                role: change.role.unwrap_or(before.role),
                rules: change.rules.clone().unwrap_or_else(|| before.rules.clone()),
                ..before.clone()
            };
            if after == before {
                return Ok((after, None));
            }
            let values = (
                token.as_str(),
                after.role.as_str(),
                rules_json(&after.rules),
            );
            tx.execute(SQL, values).doing(doing)?;
            let entry =
                entry("token.change", &before).states(Some(state(&before)), Some(state(&after)));
            Ok((after, Some(entry)))
        })
    }

    /// Revokes a token; one that is revoked already stays as it is.
    pub fn revoke_token(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        token: &TokenId,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE tokens SET revoked_at = ?2 WHERE id = ?1";
        let doing = "revoking a token";
        self.change(doing, actor, |tx| {
            let before = find(tx, scope, token)?;
            if before.revoked_at.is_some() {
                return Ok(((), None));
            }
            tx.execute(SQL, (token.as_str(), now_ms)).doing(doing)?;
            let after = Token {
                revoked_at: Some(now_ms),
                ..before.clone()
            };
            let entry =
                entry("token.revoke", &before).states(Some(state(&before)), Some(state(&after)));
            Ok(((), Some(entry)))
        })
    }

    /// Notes when tokens were last used (S-39); nobody is told, nothing is audited.
    pub fn touch_tokens(&self, uses: &[(TokenId, u64)]) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE tokens SET last_used_at = ?2
            WHERE id = ?1 AND COALESCE(last_used_at, 0) < ?2";
        let doing = "noting the use of tokens";
        self.note(doing, |tx| {
            let mut statement = tx.prepare_cached(SQL).doing(doing)?;
            for (token, at) in uses {
                statement.execute((token.as_str(), at)).doing(doing)?;
            }
            Ok(Noted::Bookkeeping)
        })
    }
}

/// Adds a token inside a change, whose workspace is there.
pub(crate) fn insert(tx: &Transaction<'_>, token: &Token) -> Result<Entry, StoreError> {
    const SQL: &str = "INSERT INTO tokens (id, workspace_id, name, role, rules, rate_limit,
        digest, member_id, created_at, expires_at, revoked_at, last_used_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    refuse_taken(tx, token)?;
    let values = params![
        token.id.as_str(),
        token.workspace.as_str(),
        token.name,
        token.role.as_str(),
        rules_json(&token.rules),
        per_minute(token.rate_limit),
        token.digest.0,
        token.member.as_ref().map(MemberId::as_str),
        token.created_at,
        token.expires_at,
        token.revoked_at,
        token.last_used_at,
    ];
    tx.execute(SQL, values).doing("creating a token")?;
    Ok(entry("token.create", token).states(None, Some(state(token))))
}

/// Tokens of one workspace or of all, oldest first.
/// The tokens of a workspace, oldest first; all tokens in no order, since sorting a hundred thousand of them is most of
/// what reading them costs.
pub(crate) fn select(
    connection: &Connection,
    workspace: Option<&WorkspaceId>,
) -> rusqlite::Result<Vec<Token>> {
    const ALL: &str = "SELECT id, workspace_id, name, role, rules, rate_limit, digest, member_id,
        created_at, expires_at, revoked_at, last_used_at FROM tokens";
    const OF_ONE: &str =
        "SELECT id, workspace_id, name, role, rules, rate_limit, digest, member_id,
        created_at, expires_at, revoked_at, last_used_at
        FROM tokens WHERE workspace_id = ?1 ORDER BY created_at, id";
    let mut known = HashMap::new();
    let read = |row: &Row<'_>| read(row, &mut known);
    match workspace {
        None => connection
            .prepare_cached(ALL)?
            .query_map([], read)?
            .collect(),
        Some(workspace) => connection
            .prepare_cached(OF_ONE)?
            .query_map([workspace.as_str()], read)?
            .collect(),
    }
}

/// Rules that were read already, by their text: most tokens share theirs, and patterns are dear to compile.
type KnownRules = HashMap<String, ToolRules>;

fn find(
    connection: &Connection,
    scope: &WorkspaceScope,
    id: &TokenId,
) -> Result<Token, StoreError> {
    const SQL: &str = "SELECT id, workspace_id, name, role, rules, rate_limit, digest, member_id,
        created_at, expires_at, revoked_at, last_used_at
        FROM tokens WHERE workspace_id = ?1 AND id = ?2";
    connection
        .query_row(SQL, (scope.id(), id.as_str()), |row| {
            read(row, &mut KnownRules::new())
        })
        .optional()
        .doing("reading a token")?
        .ok_or_else(|| StoreError::Unknown {
            what: "token",
            name: id.as_str().to_owned(),
        })
}

fn refuse_taken(connection: &Connection, token: &Token) -> Result<(), StoreError> {
    const SQL: &str = "SELECT 1 FROM tokens WHERE id = ?1 OR digest = ?2";
    let found = connection
        .query_row(SQL, params![token.id.as_str(), token.digest.0], |_| Ok(()))
        .optional()
        .doing("creating a token")?;
    match found {
        None => Ok(()),
        Some(()) => Err(StoreError::Taken {
            what: "token",
            name: token.id.as_str().to_owned(),
        }),
    }
}

fn entry(action: &'static str, token: &Token) -> Entry {
    Entry::new(
        action,
        Some(&token.workspace),
        token.id.as_str(),
        &token.name,
    )
}

/// What an auditor compares: all that decides what the token may do.
fn state(token: &Token) -> Vec<u8> {
    let state = serde_json::json!({
        "role": token.role,
        "rules": token.rules.patterns(),
        "rate_limit": per_minute(token.rate_limit),
        "digest": token.digest.0,
        "member": token.member.as_ref().map(MemberId::as_str),
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    });
    state.to_string().into_bytes()
}

fn rules_json(rules: &ToolRules) -> String {
    serde_json::to_string(rules.patterns()).expect("a list of text has a JSON form")
}

fn per_minute(limit: RateLimit) -> Option<u32> {
    match limit {
        RateLimit::PerMinute(count) => Some(count.get()),
        RateLimit::Off => None,
    }
}

fn read(row: &Row<'_>, known: &mut KnownRules) -> rusqlite::Result<Token> {
    Ok(Token {
        id: parsed(row, 0, |id| id.try_into())?,
        workspace: parsed(row, 1, |id| id.try_into())?,
        name: row.get(2)?,
        role: parsed(row, 3, str::parse)?,
        rules: read_rules(row, 4, known)?,
        rate_limit: read_rate_limit(row, 5)?,
        digest: TokenDigest(row.get(6)?),
        member: parsed_if_any(row, 7, |id| id.try_into())?,
        created_at: row.get(8)?,
        expires_at: row.get(9)?,
        revoked_at: row.get(10)?,
        last_used_at: row.get(11)?,
    })
}

fn read_rules(row: &Row<'_>, column: usize, known: &mut KnownRules) -> rusqlite::Result<ToolRules> {
    let text: String = row.get(column)?;
    if let Some(rules) = known.get(&text) {
        return Ok(rules.clone());
    }
    let patterns: Vec<String> = parsed(row, column, |text| serde_json::from_str(text))?;
    let rules = ToolRules::parse(patterns.iter().map(String::as_str))
        .map_err(|error| unreadable(column, error))?;
    known.insert(text, rules.clone());
    Ok(rules)
}

fn read_rate_limit(row: &Row<'_>, column: usize) -> rusqlite::Result<RateLimit> {
    match row.get::<_, Option<u32>>(column)? {
        None => Ok(RateLimit::Off),
        Some(count) => NonZeroU32::new(count)
            .map(RateLimit::PerMinute)
            .ok_or_else(|| unreadable(column, Broken("a rate limit of 0"))),
    }
}

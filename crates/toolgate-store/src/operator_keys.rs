//! Keys of programs that administer the installation: everything but their text.

use rusqlite::{Connection, OptionalExtension, Row, params};
use toolgate_policy::{OperatorKeyId, TokenDigest};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::sql::parsed;
use crate::store::Noted;
use crate::{Store, StoreError};

/// One key as stored. Times are unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorKey {
    /// Its public id.
    pub id: OperatorKeyId,
    /// What people call it.
    pub name: String,
    /// SHA-256 of its text.
    pub digest: TokenDigest,
    /// When it was made.
    pub created_at: u64,
    /// The first moment at which it no longer works; `None` means never.
    pub expires_at: Option<u64>,
    /// When it was revoked.
    pub revoked_at: Option<u64>,
    /// When it was last seen, coarsely.
    pub last_used_at: Option<u64>,
}

impl OperatorKey {
    /// Whether it works at `now_ms`, which callers never let run backwards (S-38).
    pub fn is_active(&self, now_ms: u64) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now_ms)
    }
}

impl Store {
    /// Saves a new key; its id and digest must be new. It belongs to the operator who makes it, or whose key does,
    /// and goes with them.
    pub fn create_operator_key(&self, actor: &Actor, key: &OperatorKey) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO operator_keys
            (id, name, digest, created_at, expires_at, revoked_at, last_used_at, operator_id)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
                (SELECT id FROM operators WHERE ?8 = 'operator ' || email
                    UNION ALL SELECT operator_id FROM operator_keys WHERE ?8 = 'key ' || id))";
        let doing = "creating a key";
        self.change(doing, actor, |tx| {
            let values = params![
                key.id.as_str(),
                key.name,
                key.digest.0,
                key.created_at,
                key.expires_at,
                key.revoked_at,
                key.last_used_at,
                actor.as_str(),
            ];
            tx.execute(SQL, values).doing(doing)?;
            let entry = entry("operator_key.create", key).states(None, Some(state(key)));
            Ok(((), Some(entry)))
        })
    }

    /// Every key, oldest first, revoked and expired ones included.
    pub fn operator_keys(&self) -> Result<Vec<OperatorKey>, StoreError> {
        const SQL: &str =
            "SELECT id, name, digest, created_at, expires_at, revoked_at, last_used_at
            FROM operator_keys ORDER BY created_at, id";
        self.read("listing keys", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_map([], read)?
                .collect()
        })
    }

    /// The key with this digest, active or not: how a program is known that presents one.
    pub fn operator_key(&self, digest: &TokenDigest) -> Result<Option<OperatorKey>, StoreError> {
        const SQL: &str =
            "SELECT id, name, digest, created_at, expires_at, revoked_at, last_used_at
            FROM operator_keys WHERE digest = ?1";
        self.read("looking up a key", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_row([digest.0], read)
                .optional()
        })
    }

    /// Revokes a key; one that is revoked already stays as it is.
    pub fn revoke_operator_key(
        &self,
        actor: &Actor,
        id: &OperatorKeyId,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE operator_keys SET revoked_at = ?2 WHERE id = ?1";
        let doing = "revoking a key";
        self.change(doing, actor, |tx| {
            let before = find(tx, id)?;
            if before.revoked_at.is_some() {
                return Ok(((), None));
            }
            tx.execute(SQL, (id.as_str(), now_ms)).doing(doing)?;
            let after = OperatorKey {
                revoked_at: Some(now_ms),
                ..before.clone()
            };
            let entry = entry("operator_key.revoke", &before)
                .states(Some(state(&before)), Some(state(&after)));
            Ok(((), Some(entry)))
        })
    }

    /// Notes when a key was last used; nobody is told, nothing is audited.
    pub fn touch_operator_key(&self, id: &OperatorKeyId, at: u64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE operator_keys SET last_used_at = ?2
            WHERE id = ?1 AND COALESCE(last_used_at, 0) < ?2";
        let doing = "noting the use of a key";
        self.note(doing, |tx| {
            tx.execute(SQL, (id.as_str(), at)).doing(doing)?;
            Ok(Noted::Bookkeeping)
        })
    }
}

fn find(connection: &Connection, id: &OperatorKeyId) -> Result<OperatorKey, StoreError> {
    const SQL: &str = "SELECT id, name, digest, created_at, expires_at, revoked_at, last_used_at
        FROM operator_keys WHERE id = ?1";
    connection
        .query_row(SQL, [id.as_str()], read)
        .optional()
        .doing("reading a key")?
        .ok_or_else(|| StoreError::Unknown {
            what: "key",
            name: id.as_str().to_owned(),
        })
}

fn entry(action: &'static str, key: &OperatorKey) -> Entry {
    Entry::new(action, None, key.id.as_str(), &key.name)
}

/// What an auditor compares: all that decides whether the key works.
fn state(key: &OperatorKey) -> Vec<u8> {
    let state = serde_json::json!({
        "digest": key.digest.0,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    });
    state.to_string().into_bytes()
}

fn read(row: &Row<'_>) -> rusqlite::Result<OperatorKey> {
    Ok(OperatorKey {
        id: parsed(row, 0, |id| id.try_into())?,
        name: row.get(1)?,
        digest: TokenDigest(row.get(2)?),
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
        revoked_at: row.get(5)?,
        last_used_at: row.get(6)?,
    })
}

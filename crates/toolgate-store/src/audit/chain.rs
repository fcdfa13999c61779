//! The chain: each row vouches for itself and for the row before it (S-84).
//!
//! ```text
//! digest(state) = mac[audit key]("toolgate audit state", state)
//! row.mac       = mac[audit key]("toolgate audit row", every column but mac)
//! ```
//!
//! The audit key is that of the master key in force when the row was written; a rotation keeps it
//! together with the last sequence it may vouch for ([`super::AuditKey`]).
//!
//! A row that is edited, removed, inserted or moved breaks its own MAC or the one after it. A cut
//! tail breaks nothing by itself: heads that are kept elsewhere tell ([`super::Checkpoints`]). Digests of states are keyed too, so a row says nothing about a value
//! that could be guessed.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use toolgate_namespace::WorkspaceId;
use toolgate_vault::{LengthPrefixed, MasterKey};

use super::{AuditBreak, AuditKeys, AuditVerifier, ChainedRow, hex};
use crate::error::Doing;
use crate::{Actor, Store, StoreError};

/// The end of the chain, to be kept where the store is not (S-84).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Sequence of the last row; 0 for an empty chain.
    pub sequence: u64,
    /// Its MAC; zeros for an empty chain.
    #[serde(with = "hex")]
    pub mac: [u8; 32],
}

impl AuditHead {
    /// The MAC as text, for logs.
    pub fn mac_hex(&self) -> String {
        hex::encode(&self.mac)
    }

    pub(super) const EMPTY: Self = Self {
        sequence: 0,
        mac: [0; 32],
    };
}

impl Store {
    /// The end of the chain.
    pub fn audit_head(&self) -> Result<AuditHead, StoreError> {
        self.read("reading the end of the audit chain", head)
    }

    /// Checks the whole chain, under this store's key and those that were retired before it, and returns its end.
    ///
    /// `checkpoints` are heads that were kept elsewhere ([`crate::Checkpoints`]): each must still be in
    /// the chain, which shows that nothing up to it was cut off.
    pub fn verify_audit(
        &self,
        checkpoints: impl IntoIterator<Item = AuditHead>,
    ) -> Result<AuditHead, StoreError> {
        let (present, retired) = (self.key()?, self.retired_keys()?);
        let keys = AuditKeys::of(&*present);
        let keys = retired.iter().fold(keys, |keys, key| keys.with(key));
        self.verify_audit_with(keys, checkpoints)
    }

    /// The same for a chain that was written under several keys; needs no unlocked store.
    pub fn verify_audit_with(
        &self,
        keys: AuditKeys<'_>,
        checkpoints: impl IntoIterator<Item = AuditHead>,
    ) -> Result<AuditHead, StoreError> {
        let mut verifier = AuditVerifier::new(keys, checkpoints);
        let mut found: Result<(), AuditBreak> = Ok(());
        self.each_chained_row("checking the audit chain", |row| {
            found = match row {
                Ok(row) => verifier.check(&row),
                Err(_) => Err(verifier.unreadable()),
            };
            found.is_ok()
        })?;
        found.and_then(|()| verifier.finish()).map_err(Into::into)
    }

    /// Hands every row of the chain in order to `each`, until it says false: for an export.
    pub fn export_audit(&self, mut each: impl FnMut(ChainedRow) -> bool) -> Result<(), StoreError> {
        let doing = "exporting the audit chain";
        let mut unreadable = Ok(());
        self.each_chained_row(doing, |row| match row {
            Ok(row) => each(row),
            Err(error) => {
                unreadable = Err(error);
                false
            }
        })?;
        unreadable.doing(doing)
    }

    /// Whether heads that were kept elsewhere are still in the chain: a store that was put back to an
    /// earlier state is found without the key (R-08). Answers the first that is not.
    pub fn lost_checkpoint(&self, kept: &[AuditHead]) -> Result<Option<AuditHead>, StoreError> {
        const SQL: &str = "SELECT mac FROM audit WHERE sequence = ?1";
        self.read("looking for audit checkpoints", |connection| {
            let mut statement = connection.prepare_cached(SQL)?;
            for head in kept {
                let mac: Option<Vec<u8>> = statement
                    .query_row([head.sequence], |row| row.get(0))
                    .optional()?;
                if *head != AuditHead::EMPTY && mac.as_deref() != Some(&head.mac) {
                    return Ok(Some(*head));
                }
            }
            Ok(None)
        })
    }

    fn each_chained_row(
        &self,
        doing: &'static str,
        mut each: impl FnMut(rusqlite::Result<ChainedRow>) -> bool,
    ) -> Result<(), StoreError> {
        const SQL: &str = "SELECT sequence, at, actor, action, workspace_id, object, detail,
            before, after, previous, mac, key_id FROM audit ORDER BY sequence";
        self.read_at_once(doing, |connection| {
            let mut statement = connection.prepare(SQL)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if !each(ChainedRow::read(row)) {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// What a change says of itself; [`append`] adds the rest.
#[derive(Debug)]
pub(crate) struct Entry {
    action: &'static str,
    workspace: Option<WorkspaceId>,
    object: String,
    detail: String,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

impl Entry {
    pub(crate) fn new(
        action: &'static str,
        scope: Option<&WorkspaceId>,
        object: &str,
        detail: &str,
    ) -> Self {
        Self {
            action,
            workspace: scope.cloned(),
            object: object.to_owned(),
            detail: detail.to_owned(),
            before: None,
            after: None,
        }
    }

    /// The state before and after; only their keyed digests are stored.
    pub(crate) fn states(mut self, before: Option<Vec<u8>>, after: Option<Vec<u8>>) -> Self {
        self.before = before;
        self.after = after;
        self
    }
}

/// Adds a row to the chain, inside the transaction of the change it tells of.
pub(crate) fn append(
    transaction: &Transaction<'_>,
    key: &MasterKey,
    actor: &Actor,
    entry: &Entry,
) -> rusqlite::Result<()> {
    const SQL: &str =
        "INSERT INTO audit (sequence, at, actor, action, workspace_id, object, detail,
        before, after, previous, mac, key_id)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let head = head(transaction)?;
    let digest = |state: &Vec<u8>| key.audit_mac(&state_bytes(state));
    let row = ChainedRow {
        sequence: head.sequence + 1,
        at: now_ms(),
        actor: actor.as_str().to_owned(),
        action: entry.action.to_owned(),
        workspace: entry.workspace.as_ref().map(|id| id.as_str().to_owned()),
        object: entry.object.clone(),
        detail: entry.detail.clone(),
        before: entry.before.as_ref().map(digest),
        after: entry.after.as_ref().map(digest),
        key_id: Some(key.id().as_str().to_owned()),
        previous: head.mac,
        mac: [0; 32],
    };
    let mac = key.audit_mac(&row.authenticated_bytes());
    transaction.prepare_cached(SQL)?.execute(params![
        row.sequence,
        row.at,
        row.actor,
        row.action,
        row.workspace,
        row.object,
        row.detail,
        row.before,
        row.after,
        row.previous,
        mac,
        row.key_id,
    ])?;
    Ok(())
}

pub(crate) fn head(connection: &Connection) -> rusqlite::Result<AuditHead> {
    const SQL: &str = "SELECT sequence, mac FROM audit ORDER BY sequence DESC LIMIT 1";
    let head = connection
        .prepare_cached(SQL)?
        .query_row([], |row| {
            Ok(AuditHead {
                sequence: row.get(0)?,
                mac: row.get(1)?,
            })
        })
        .optional()?;
    Ok(head.unwrap_or(AuditHead::EMPTY))
}

fn state_bytes(state: &[u8]) -> Vec<u8> {
    LengthPrefixed::new("toolgate audit state")
        .bytes(state)
        .into_bytes()
}

/// Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

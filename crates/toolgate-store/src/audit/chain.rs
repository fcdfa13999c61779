//! The chain: each row vouches for itself and for the row before it (S-84).
//!
//! ```text
//! digest(state) = mac[audit key]("toolgate audit state", state)
//! row.mac       = mac[audit key]("toolgate audit row", every column but mac, previous row's mac)
//! ```
//!
//! The audit key is that of the master key in force when the row was written; a rotation keeps it
//! together with the last sequence it may vouch for ([`AuditKeys`]).
//!
//! A row that is edited, removed, inserted or moved breaks its own MAC or the one after it. A cut
//! tail breaks nothing by itself: whoever keeps an [`AuditHead`] elsewhere can tell
//! ([`Store::verify_audit`]). Digests of states are keyed too, so a row says nothing about a value
//! that could be guessed.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use toolgate_namespace::WorkspaceId;
use toolgate_vault::{LengthPrefixed, MasterKey, RetiredKeys};

use crate::{Actor, Store, StoreError};

/// The end of the chain, to be kept where the store is not (S-84).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Sequence of the last row; 0 for an empty chain.
    pub sequence: u64,
    /// Its MAC; zeros for an empty chain.
    pub mac: [u8; 32],
}

impl AuditHead {
    const EMPTY: Self = Self {
        sequence: 0,
        mac: [0; 32],
    };
}

impl Store {
    /// The end of the chain.
    pub fn audit_head(&self) -> Result<AuditHead, StoreError> {
        self.read("reading the end of the audit chain", head)
    }

    /// Checks the whole chain and returns its end.
    ///
    /// A `checkpoint` is a head that was kept elsewhere: it must still be in the chain, which shows
    /// that nothing up to it was cut off.
    pub fn verify_audit(&self, checkpoint: Option<AuditHead>) -> Result<AuditHead, StoreError> {
        const SQL: &str = "SELECT sequence, at, actor, action, workspace_id, object, detail,
            before, after, previous, mac FROM audit ORDER BY sequence";
        let keys = AuditKeys {
            retired: self.retired_keys()?,
            present: self.key()?,
        };
        let mut verifier = Verifier::new(&keys, checkpoint);
        let outcome = self.read_at_once("checking the audit chain", |connection| {
            let mut statement = connection.prepare(SQL)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let Err(broken) = verifier.check(&ChainRow::read(row)?) {
                    return Ok(Err(broken));
                }
            }
            Ok(verifier.finish())
        })?;
        outcome.map_err(|(sequence, reason)| StoreError::AuditBroken { sequence, reason })
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
        before, after, previous, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let head = head(transaction)?;
    let digest = |state: &Vec<u8>| key.audit_mac(&state_bytes(state));
    let row = ChainRow {
        sequence: head.sequence + 1,
        at: now_ms(),
        actor: actor.as_str().to_owned(),
        action: entry.action.to_owned(),
        workspace: entry.workspace.as_ref().map(|id| id.as_str().to_owned()),
        object: entry.object.clone(),
        detail: entry.detail.clone(),
        before: entry.before.as_ref().map(digest),
        after: entry.after.as_ref().map(digest),
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

/// A row with everything its MAC covers.
struct ChainRow {
    sequence: u64,
    at: u64,
    actor: String,
    action: String,
    workspace: Option<String>,
    object: String,
    detail: String,
    before: Option<[u8; 32]>,
    after: Option<[u8; 32]>,
    previous: [u8; 32],
    mac: [u8; 32],
}

impl ChainRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            workspace: row.get(4)?,
            object: row.get(5)?,
            detail: row.get(6)?,
            before: row.get(7)?,
            after: row.get(8)?,
            previous: row.get(9)?,
            mac: row.get(10)?,
        })
    }

    fn authenticated_bytes(&self) -> Vec<u8> {
        let digest = |state: &Option<[u8; 32]>| state.map_or(Vec::new(), Vec::from);
        LengthPrefixed::new("toolgate audit row")
            .number(self.sequence)
            .number(self.at)
            .text(&self.actor)
            .text(&self.action)
            .optional(self.workspace.as_deref())
            .text(&self.object)
            .text(&self.detail)
            .bytes(&digest(&self.before))
            .bytes(&digest(&self.after))
            .bytes(&self.previous)
            .into_bytes()
    }
}

fn state_bytes(state: &[u8]) -> Vec<u8> {
    LengthPrefixed::new("toolgate audit state")
        .bytes(state)
        .into_bytes()
}

/// The keys of the whole chain: each master key vouches for the rows of its time and for no other (S-12).
pub(crate) struct AuditKeys {
    /// In the order of their time.
    pub(crate) retired: Vec<RetiredKeys>,
    pub(crate) present: Arc<MasterKey>,
}

impl AuditKeys {
    fn mac(&self, sequence: u64, row: &[u8]) -> [u8; 32] {
        let of_its_time = self
            .retired
            .iter()
            .find(|key| sequence <= key.audit_until());
        match of_its_time {
            Some(key) => key.audit_mac(row),
            None => self.present.audit_mac(row),
        }
    }
}

/// Walks the chain from its first row.
struct Verifier<'a> {
    keys: &'a AuditKeys,
    /// Not yet met.
    checkpoint: Option<AuditHead>,
    head: AuditHead,
}

/// The first row that does not hold, and why.
type Break = (u64, &'static str);

impl<'a> Verifier<'a> {
    fn new(keys: &'a AuditKeys, checkpoint: Option<AuditHead>) -> Self {
        Self {
            keys,
            checkpoint: checkpoint.filter(|head| *head != AuditHead::EMPTY),
            head: AuditHead::EMPTY,
        }
    }

    fn check(&mut self, row: &ChainRow) -> Result<(), Break> {
        let expected = self.head.sequence + 1;
        if row.sequence != expected {
            return Err((expected, "a row is missing"));
        }
        if row.previous != self.head.mac {
            return Err((row.sequence, "it does not follow the row before it"));
        }
        if self.keys.mac(row.sequence, &row.authenticated_bytes()) != row.mac {
            return Err((row.sequence, "the row was changed"));
        }
        self.head = AuditHead {
            sequence: row.sequence,
            mac: row.mac,
        };
        if let Some(checkpoint) = self.checkpoint
            && checkpoint.sequence == row.sequence
        {
            if checkpoint.mac != row.mac {
                return Err((row.sequence, "the row is not the one the checkpoint saw"));
            }
            self.checkpoint = None;
        }
        Ok(())
    }

    fn finish(&self) -> Result<AuditHead, Break> {
        match self.checkpoint {
            Some(_) => Err((self.head.sequence + 1, "the end of the chain was cut off")),
            None => Ok(self.head),
        }
    }
}

pub(crate) fn now_ms() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

//! Whether a chain holds, and if not, where and in which way it is damaged (S-84).

use std::collections::BTreeMap;
use std::fmt;

use toolgate_vault::{MasterKey, RetiredKeys};

use super::{AuditHead, ChainedRow};

/// A key that audit rows are written under.
pub trait AuditKey {
    /// Its public name, which rows carry.
    fn id(&self) -> &str;
    /// MAC of a row's bytes.
    fn mac(&self, row: &[u8]) -> [u8; 32];
    /// Sequence of the last row it may vouch for; `None` is any (S-12).
    fn until(&self) -> Option<u64> {
        None
    }
}

impl AuditKey for MasterKey {
    fn id(&self) -> &str {
        MasterKey::id(self).as_str()
    }

    fn mac(&self, row: &[u8]) -> [u8; 32] {
        self.audit_mac(row)
    }
}

impl AuditKey for RetiredKeys {
    fn id(&self) -> &str {
        RetiredKeys::id(self).as_str()
    }

    fn mac(&self, row: &[u8]) -> [u8; 32] {
        self.audit_mac(row)
    }

    fn until(&self) -> Option<u64> {
        Some(self.audit_until())
    }
}

/// The keys a chain was written under: the current one, and those from before each rotation (S-12).
#[derive(Clone, Default)]
pub struct AuditKeys<'a> {
    keys: Vec<&'a dyn AuditKey>,
}

impl<'a> AuditKeys<'a> {
    /// A set of one.
    pub fn of(key: &'a dyn AuditKey) -> Self {
        Self { keys: vec![key] }
    }

    /// The set with one key more.
    #[must_use]
    pub fn with(mut self, key: &'a dyn AuditKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Whether a row's MAC is right under the key the row names; a row that names none may be of any.
    fn vouch(&self, row: &ChainedRow) -> Result<(), AuditDamage> {
        let bytes = row.authenticated_bytes();
        let mut candidates = self.keys.iter().filter(|key| {
            key.until().is_none_or(|until| row.sequence <= until)
                && row
                    .key_id
                    .as_deref()
                    .is_none_or(|id| id == AuditKey::id(**key))
        });
        let mut known = false;
        if candidates.any(|key| {
            known = true;
            key.mac(&bytes) == row.mac
        }) {
            return Ok(());
        }
        Err(if known {
            AuditDamage::Changed
        } else {
            AuditDamage::UnknownKey
        })
    }
}

impl fmt::Debug for AuditKeys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|key| AuditKey::id(*key)))
            .finish()
    }
}

/// In which way a chain is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditDamage {
    /// A sequence number is missing: a row was deleted.
    Missing,
    /// A sequence number comes a second time or too late: a row was inserted or moved.
    Misplaced,
    /// The row does not carry the MAC of the one before: rows were exchanged.
    Unlinked,
    /// The row's own MAC does not fit: it was edited, or made up.
    Changed,
    /// The row names a key that is not among those given.
    UnknownKey,
    /// The row is a good one, but not the one that a checkpoint saw in its place.
    Replaced,
    /// A checkpoint saw more rows than there are.
    CutOff,
}

impl AuditDamage {
    /// One word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Misplaced => "misplaced",
            Self::Unlinked => "unlinked",
            Self::Changed => "changed",
            Self::UnknownKey => "unknown_key",
            Self::Replaced => "replaced",
            Self::CutOff => "cut_off",
        }
    }
}

impl fmt::Display for AuditDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "a row is missing",
            Self::Misplaced => "a row was inserted or moved",
            Self::Unlinked => "it does not follow the row before it",
            Self::Changed => "the row was changed",
            Self::UnknownKey => "the row was written under a key that was not given",
            Self::Replaced => "the row is not the one the checkpoint saw",
            Self::CutOff => "the end of the chain was cut off",
        })
    }
}

/// The first row that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit chain breaks at row {sequence}, {damage}")]
pub struct AuditBreak {
    /// Which row, or the place where one should be.
    pub sequence: u64,
    /// What is wrong with it.
    pub damage: AuditDamage,
}

/// Walks a chain from its first row.
///
/// A checkpoint is a head that was kept elsewhere: it must still be in the chain, which shows that
/// nothing up to it was cut off or written anew.
#[derive(Debug)]
pub struct AuditVerifier<'a> {
    keys: AuditKeys<'a>,
    /// By sequence, those not yet met.
    checkpoints: BTreeMap<u64, [u8; 32]>,
    /// Two checkpoints that contradict each other: no chain can hold both.
    contradiction: Option<u64>,
    head: AuditHead,
}

impl<'a> AuditVerifier<'a> {
    /// A walk that has not begun.
    pub fn new(keys: AuditKeys<'a>, checkpoints: impl IntoIterator<Item = AuditHead>) -> Self {
        let mut expected = BTreeMap::new();
        let mut contradiction = None;
        for head in checkpoints {
            if head == AuditHead::EMPTY {
                continue;
            }
            if let Some(other) = expected.insert(head.sequence, head.mac)
                && other != head.mac
            {
                contradiction.get_or_insert(head.sequence);
            }
        }
        Self {
            keys,
            checkpoints: expected,
            contradiction,
            head: AuditHead::EMPTY,
        }
    }

    /// Looks at the next row.
    pub fn check(&mut self, row: &ChainedRow) -> Result<(), AuditBreak> {
        let expected = self.head.sequence + 1;
        if row.sequence > expected {
            return broken(expected, AuditDamage::Missing);
        }
        if row.sequence < expected {
            return broken(row.sequence, AuditDamage::Misplaced);
        }
        if row.previous != self.head.mac {
            return broken(row.sequence, AuditDamage::Unlinked);
        }
        if let Err(damage) = self.keys.vouch(row) {
            return broken(row.sequence, damage);
        }
        let seen = self.checkpoints.remove(&row.sequence);
        if seen.is_some_and(|mac| mac != row.mac) || self.contradiction == Some(row.sequence) {
            return broken(row.sequence, AuditDamage::Replaced);
        }
        self.head = AuditHead {
            sequence: row.sequence,
            mac: row.mac,
        };
        Ok(())
    }

    /// A row that cannot even be read.
    pub(super) fn unreadable(&self) -> AuditBreak {
        AuditBreak {
            sequence: self.head.sequence + 1,
            damage: AuditDamage::Changed,
        }
    }

    /// The end of the chain, when every checkpoint was met.
    pub fn finish(self) -> Result<AuditHead, AuditBreak> {
        if self.checkpoints.is_empty() {
            return Ok(self.head);
        }
        broken(self.head.sequence + 1, AuditDamage::CutOff)
    }
}

fn broken<T>(sequence: u64, damage: AuditDamage) -> Result<T, AuditBreak> {
    Err(AuditBreak { sequence, damage })
}

//! Who changed what, in an order that nobody can rewrite unnoticed (S-83, S-84).

mod chain;
mod checkpoints;
mod hex;
mod row;
mod trail;
mod verify;

pub use chain::AuditHead;
pub(crate) use chain::{Entry, append, head, now_ms};
pub use checkpoints::{Checkpoints, CheckpointsRead};
pub use row::ChainedRow;
pub use trail::{Actor, AuditFilter, AuditRow};
pub use verify::{AuditBreak, AuditDamage, AuditKey, AuditKeys, AuditVerifier};

//! Who changed what, in an order that nobody can rewrite unnoticed (S-83, S-84).

mod chain;
mod trail;

pub use chain::AuditHead;
pub(crate) use chain::{Entry, append, head, now_ms};
pub use trail::{Actor, AuditRow};

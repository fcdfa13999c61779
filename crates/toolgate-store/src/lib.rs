//! The only crate that speaks SQL: saves and loads the values the pure crates define.
//!
//! [`Store`] is one connection to `control.db`, the truth about an installation: workspaces, servers,
//! tools, tokens, sealed secrets, settings and the audit chain. The gateway and the admin binary each
//! hold one and share the file; [`ChangeWatcher`] tells the one what the other committed.
//! [`CallsJournal`] and [`CallsReader`] are the two ends of `calls.db`, which remembers calls.
//! [`control`] is the line protocol of the gateway's control socket.

mod alert_memories;
mod alerts;
mod audit;
pub mod backup;
mod calls;
mod clock;
mod content_seal;
pub mod control;
mod data_dir;
mod database;
mod error;
mod failpoint;
mod file_system;
mod idempotency;
mod installation;
mod invitations;
mod key_check;
mod keys;
mod limits;
mod manifest;
pub mod master;
mod members;
mod migrations;
mod month;
mod operator_keys;
mod operators;
mod pins;
pub mod plan;
mod scope;
mod secrets;
mod servers;
pub mod settings;
mod snapshots;
mod sql;
mod store;
mod team;
mod tokens;
mod tools;
mod watch;
mod workspaces;

pub use alert_memories::AlertMemory;
pub use alerts::{Alert, AlertId, AlertRule};
pub use audit::{
    Actor, AuditBreak, AuditDamage, AuditFilter, AuditHead, AuditKey, AuditKeys, AuditRow,
    AuditVerifier, ChainedRow, Checkpoints, CheckpointsRead,
};
pub use calls::{
    CallFilter, CallPlace, CallRow, CallsJournal, CallsReader, Dimension, Figures, Group, Grouped,
    Histogram, PastCall,
};
pub use clock::ClockMark;
pub use data_dir::DataDir;
pub use database::Open;
pub use error::StoreError;
pub use idempotency::Once;
pub use installation::Installation;
pub use invitations::{Code, Invitation, InvitedTo};
pub use key_check::{KeyCheck, peek};
pub use keys::{KeyState, KeySummary, MAX_ENCRYPTIONS, Resealed, WorkspaceKeyRow};
pub use limits::Usage;
pub use manifest::{ManifestFinding, RefusedSecret};
pub use members::Member;
pub use month::Month;
pub use operator_keys::OperatorKey;
pub use operators::OperatorRow;
pub use pins::{Listed, Observed, OfferedTool, Ruling, ServerPin};
pub use plan::Plan;
pub use scope::WorkspaceScope;
pub use secrets::{SecretRow, SecretSummary, SecretUse, Shred};
pub use settings::Settings;
pub use snapshots::ServerSnapshotRow;
pub use store::Store;
pub use team::TeamMember;
pub use tokens::TokenChange;
pub use tools::{ToolOffer, ToolRow, ToolState};
pub use watch::ChangeWatcher;
pub use workspaces::{Deleted, NewWorkspace, Workspace, WorkspaceSummary};

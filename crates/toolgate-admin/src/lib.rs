//! Every administrative act as one function, offered by command line and management API alike.
//!
//! [`Admin`] is an opened installation: its store, its master key, and who is acting. Each act is one
//! method on it, in the file of its noun (`workspace`, `token`, `server`, `secret`, `call`, `audit`, `backup`), takes
//! the [`WorkspaceScope`] it acts in first, and returns a report that says what happened. Reports are what
//! programs read: they serialise under stable names, times in them are RFC 3339 in UTC, and none has a field
//! that could hold a secret's value. [`doctor`] looks at an installation that may not even open.
//!
//! Changes go straight into the store, then [`Admin`] knocks on the gateway that runs on the same data
//! directory, so that a change is in force before the method returns; no gateway running is fine. The crate
//! can seal secrets and cannot open them (S-16): what needs a value is asked of the gateway.
//!
//! Everything here blocks, as the store does; an async caller gives it a blocking thread.
//!
//! ```
//! use toolgate_admin::{Admin, DataDir, NewToken, operator};
//!
//! let folder = tempfile::tempdir()?;
//! let admin = Admin::open(DataDir::new(folder.path()), operator())?;
//! let made = admin.create_workspace("Team tools", "")?;
//! let scope = admin.scope(&made.slug)?;
//! let token = admin.create_token(&scope, &NewToken::named("alice"))?;
//! assert!(token.token.starts_with("mwt_"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod active;
mod admin;
mod alert;
mod audit;
mod backup;
mod call;
mod caller;
mod catalog;
mod clock;
mod doctor;
mod draw;
mod error;
mod file;
mod gateway;
mod hint;
mod insight;
mod invitation;
mod keys;
mod mail;
mod mail_test;
mod mcp_json;
mod member;
mod once;
mod operator_key;
mod operators;
mod over;
mod own;
mod password;
mod plan;
mod secret;
mod server;
mod setting;
mod slug;
mod team;
mod time;
mod token;
mod trial;
mod user;
mod whoami;
mod workspace;

pub use active::Target;
pub use admin::{Admin, existing_key};
pub use alert::{
    AlertCreated, AlertDeleted, AlertDelivered, AlertListed, AlertSwitched, AlertTested, NewAlert,
};
pub use audit::{
    AuditListed, AuditQuery, AuditVerified, export_audit, verify_audit, verify_export,
};
pub use backup::{
    BackupMade, BackupRestored, BackupVerified, SecretsTried, restore_backup, verify_backup,
};
pub use call::{CallFeed, CallListed, CallQuery, CallsPage};
pub use caller::{KeyHolder, TokenHolder, is_credential};
pub use catalog::{ClassifiedBy, OWN_TOOLS_FOR_ALL};
pub use clock::{ClockAccepted, ClockShown};
pub use doctor::{Finding, Level, doctor, doctor_with};
pub use error::{AdminError, Fault};
pub use file::{
    FieldChange, FileApplied, FileChange, FileError, FilePlan, PlannedFile, ProxyFile,
    WorkspaceFile, server_name,
};
pub use gateway::{GatewayState, Probe, gateway_status};
pub use insight::{
    Analytics, AnalyticsQuery, AnalyticsRow, CallExport, CallFigures, CallShown, ErrorSeen,
    GroupBy, LimitedMinute, LimitedToken, LimitsReport, MemberTimeline, Overview, OverviewSpan,
    SlowServer, SlowWeek, ToolCompared,
};
pub use invitation::{
    InvitationAccepted, InvitationListed, InvitationMade, InvitationRevoked, InvitationShown,
    NewInvitation,
};
pub use keys::{
    KeyListed, KeysRotated, KeysStatus, KeysToRotate, MasterListed, NewMasterKey, WorkspaceKeys,
};
pub use mail::{MailError, MailPassword, Mailed, SMTP_PASSWORD_VARIABLE};
pub use mail_test::MailTested;
pub use mcp_json::McpJson;
pub use member::{MemberListed, MemberRemoved};
pub use operator_key::{OperatorKeyCreated, OperatorKeyListed, OperatorKeyRevoked};
pub use operators::{OperatorListed, OperatorRemoved, SignedIn, canonical_email};
pub use plan::{Bound, LimitUsed, PlanChange, PlanLimits, PlanListed, PlanSet, PlanUsage};
pub use secret::{SecretDeleted, SecretListed, SecretOwner, SecretSet};
pub use server::{
    Allowance, Approved, DifferenceShown, FindingShown, InvalidServer, NewServer, NewTransport,
    PartShown, ServerAdded, ServerChange, ServerChanged, ServerHeld, ServerListed, ServerLogged,
    ServerProbed, ServerRemoved, ServerReview, ServerSaved, ServerSwitched, ToolClassified,
    ToolListed, ToolReview, ToolSwitched,
};
pub use setting::{DASHBOARD_URL, SettingChanged, SettingListed};
pub use team::{TeamListed, TeamRemoved};
pub use time::ago_ms;
pub use token::{
    NewToken, ReadOnlyReach, TokenChanged, TokenCreated, TokenExplained, TokenInspected,
    TokenListed, TokenRevoked,
};
pub use trial::{TokenTrial, TokenTried, ToolTried};
pub use user::operator;
pub use whoami::Whoami;
pub use workspace::{
    ReadOnlyMay, ServerTested, ToolTested, WorkspaceContents, WorkspaceCreated, WorkspaceDeleted,
    WorkspaceListed, WorkspaceSettings, WorkspaceTested, WorkspaceUpdated,
};

// The values callers hand in, so that a binary needs this crate alone.
pub use toolgate_analytics::{CallStatus, Outcome, Source};
pub use toolgate_namespace::{
    Baseline, Changes, ChildSettings, EraSetting, HttpKind, Isolation, Prefix, ServerIdentity,
    ServerSlug, Trust,
};
pub use toolgate_policy::{Classification, Role};
pub use toolgate_store::control::{GatewayStatus, Gauge, LinkStatus, ProbedTool};
pub use toolgate_store::master::{GivenKeySources, KeySource, MASTER_KEY_VARIABLE, OpenError};
pub use toolgate_store::{
    Actor, AlertRule, CallPlace, ChainedRow, DataDir, KeyState, Once, Plan, Store, StoreError,
    WorkspaceScope,
};
pub use toolgate_vault::{MasterKey, Secret};

/// Keeps this process's memory from others, as far as the system does it: it holds keys that seal (S-15, S-16).
/// Best effort, since it is a second wall.
pub fn prepare_process() {
    // There is nobody to tell, and the command goes on all the same.
    let _ = toolgate_sys::harden_process();
}

/// Takes the master key out of the environment of this process, if it is there (S-07). Call it first thing in
/// `main`, before any thread is started.
pub fn take_master_key() -> Option<Secret<String>> {
    toolgate_sys::take_variable(MASTER_KEY_VARIABLE).map(Secret::new)
}

/// Takes the password of the mail account out of the environment of this process, if it is there. Call it where
/// [`take_master_key`] is called.
pub fn take_mail_password() -> Option<Secret<String>> {
    toolgate_sys::take_variable(SMTP_PASSWORD_VARIABLE).map(Secret::new)
}

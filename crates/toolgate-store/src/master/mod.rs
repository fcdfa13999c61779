//! The master key of an installation: where it comes from, how a store is opened with it, and how it is replaced.

mod command;
mod files;
mod keyring;
mod open;
mod rotate;
mod source;

pub use command::KeyCommandError;
pub(crate) use keyring::{FindKey, Keyring};
pub use open::{OpenError, Opened, existing, open};
pub use rotate::{MasterRotated, MasterRotationError, NewMaster, rotate_master};
pub(crate) use rotate::{open_all, select as select_retired};
pub use source::{
    GivenKeySources, KeySource, KeySourceError, MASTER_KEY_VARIABLE, SeveralKeySources,
};

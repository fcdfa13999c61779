//! What the tools do, by noun: rows of the table, each over one method of `Admin`.

pub(crate) mod calls;
pub(crate) mod explain;
pub(crate) mod secrets;
pub(crate) mod servers;
pub(crate) mod tokens;
pub(crate) mod tools;
pub(crate) mod who;

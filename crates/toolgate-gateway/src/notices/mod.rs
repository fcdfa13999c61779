//! Who hears of changes: one [`Mailbox`] for each session and each listen of a client, one [`Hub`] for each
//! workspace (9.7).

mod hub;
mod mailbox;
pub(crate) mod outside;

pub(crate) use hub::Hub;
pub(crate) use mailbox::{Letter, Mailbox, Owner, Reader, View, Wants, name_of};

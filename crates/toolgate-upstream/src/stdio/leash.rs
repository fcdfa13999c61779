//! How the gateway ends a child with everything that it started (S-74).

use std::io::{PipeWriter, Write};

use toolgate_sys::{Signal, reap_group, signal_group};

use super::keeper::{KILL, TERMINATE};

/// Kills all when it goes.
#[derive(Debug)]
pub(super) enum Leash {
    /// To the keeper, which knows all that descends from the child.
    Keeper(PipeWriter),
    /// To the process group that the child leads.
    Group(u32),
    /// It was gone before we could look.
    Nobody,
}

impl Leash {
    pub(super) fn new(tether: Option<PipeWriter>, leader: Option<u32>) -> Self {
        match (tether, leader) {
            (Some(tether), _) => Self::Keeper(tether),
            (None, Some(leader)) => Self::Group(leader),
            (None, None) => Self::Nobody,
        }
    }

    /// Whether how the process ends is a keeper's word about the child.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::Keeper(_))
    }

    pub(super) fn terminate(&mut self) {
        self.tell(TERMINATE, Signal::Term);
    }

    pub(super) fn kill(&mut self) {
        self.tell(KILL, Signal::Kill);
    }

    /// A failure means that nobody is left to hear it.
    fn tell(&mut self, order: u8, signal: Signal) {
        match self {
            Self::Keeper(tether) => drop(tether.write_all(&[order])),
            Self::Group(leader) => drop(signal_group(*leader, signal)),
            Self::Nobody => {}
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.kill();
        if let Self::Group(leader) = self {
            let _ = reap_group(*leader);
        }
    }
}

//! Whether a running call may still do what it asked for (S-41, S-42).

use toolgate_analytics::CallStatus;

use super::Inner;
use crate::request_path::call::{Finished, Step};

/// What became of the right to a call.
pub(super) enum Standing {
    Holds,
    /// The token ended.
    Ended,
    /// The token lives, but may not do this any more.
    Taken,
}

impl Inner {
    /// Whether the call may go on, asked whenever something changed since it was permitted (S-41); the end, when
    /// it may not. What was taken back goes first: the queue is dropped with the rest.
    pub(super) fn look_again(&mut self) -> Option<Step> {
        if !self.token.life.is_stirred(self.turn) {
            return None;
        }
        match self.standing() {
            Standing::Holds => None,
            Standing::Ended => {
                self.record.finish(CallStatus::Revoked, None, 0);
                Some(Step::Revoked)
            }
            Standing::Taken => {
                self.queue.clear();
                let end = self.no_longer_permitted();
                let end = self.end(end);
                self.queue.push_back(end);
                self.queue.pop_front()
            }
        }
    }

    /// Holds the call against what is in force now.
    pub(super) fn standing(&mut self) -> Standing {
        let now = self.gateway.readmit(&self.principal);
        let Some(now) = now.filter(|_| !self.token.life.has_ended()) else {
            return Standing::Ended;
        };
        if self.target.renewed(&now).is_none() {
            // There is no second end of it.
            self.turn = u64::MAX;
            return Standing::Taken;
        }
        self.turn = now.turn;
        Standing::Holds
    }

    /// Whether a call that was set aside may still be taken up again; since when that is known, if it may.
    pub(in crate::request_path) fn may_wait(&mut self) -> Option<u64> {
        match self.standing() {
            Standing::Holds => Some(self.turn),
            Standing::Ended | Standing::Taken => None,
        }
    }

    pub(in crate::request_path) fn turn(&self) -> u64 {
        self.turn
    }

    /// Goes by what is in force now, before the server is given anything new.
    pub(super) fn renew(&mut self) -> Result<(), Finished> {
        let renewed = self.gateway.readmit(&self.principal).and_then(|now| {
            let renewed = self.target.renewed(&now)?;
            renewed.is_listed.then_some((now, renewed))
        });
        let Some((now, renewed)) = renewed else {
            return Err(self.no_longer_permitted());
        };
        self.target.link = renewed.link;
        self.target.tool = renewed.tool;
        self.turn = now.turn;
        self.principal = now.principal;
        self.workspace = now.workspace;
        Ok(())
    }
}

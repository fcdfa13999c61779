//! A large result on its way to the client: only its head and its end are the gateway's.

use bytes::Bytes;
use toolgate_analytics::CallStatus;
use toolgate_protocol::stream::PassEnd;
use toolgate_protocol::write;
use toolgate_upstream::UpstreamError;

use super::{Inner, Leg};
use crate::reply;
use crate::request_path::call::Step;
use crate::request_path::target::Method;

/// Whether a large answer goes on as it comes.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Passing {
    /// Whoever answers the client takes only what is whole.
    #[default]
    No,
    May,
    /// It does; so many bytes of it went out.
    Begun(usize),
}

impl Inner {
    pub(in crate::request_path) fn may_pass(&mut self, may: bool) {
        if !self.is_passing() {
            self.passing = if may { Passing::May } else { Passing::No };
        }
    }

    /// Whether the client has the begin of the answer.
    pub(in crate::request_path) fn is_passing(&self) -> bool {
        matches!(self.passing, Passing::Begun(_))
    }

    /// A large result has begun. Where something of it has to be changed inside, or the client still has questions
    /// open that are to be taken back first, it is waited for.
    pub(super) fn on_large(&mut self) -> Option<Step> {
        let (Passing::May, Leg::Running(routed)) = (self.passing, &mut self.leg) else {
            return None;
        };
        let is_quiet = self.asking.is_none() && self.asked.is_empty() && self.queue.is_empty();
        if !is_quiet || self.target.shown.is_some() {
            return None;
        }
        let server_info = self.gateway.server_info();
        if !routed.exchange.pass(self.client.revision, server_info) {
            return None;
        }
        let [head, ..] = write::result_parts(&self.client.id, &Bytes::new());
        self.passing = Passing::Begun(0);
        self.count(&head);
        Some(Step::Begin(head))
    }

    pub(super) fn on_part(&mut self, part: Bytes) -> Step {
        // Parts that are always there would never let it be heard.
        let control = self.control.as_ref();
        if control.is_some_and(|control| control.is_cancelled()) {
            return self.cancelled();
        }
        self.count(&part);
        Step::Part(part)
    }

    /// Only now it is known how the call ended.
    pub(super) fn on_whole(&mut self, end: PassEnd) -> Step {
        self.learn_uris(end.uris);
        let last = [&*end.rest, b"}"].concat().into();
        let sent = self.count(&last);
        let failed = self.target.method == Method::CallTool && end.is_error;
        let status = if failed {
            CallStatus::ToolError
        } else {
            CallStatus::Ok
        };
        self.record.finish(status, None, sent);
        self.leg = Leg::Waiting;
        Step::Last(last)
    }

    /// The rest does not come, or is not what it should be.
    pub(super) fn on_broken(&mut self, error: &UpstreamError) -> Step {
        let era = self.client.revision.era();
        let fault = reply::upstream_fault(error, era, self.record.id());
        let sent = self.count(&Bytes::new());
        self.record
            .finish(fault.status, Some(fault.error.code), sent);
        self.leg = Leg::Waiting;
        Step::Broken(Some(write::error(Some(&self.client.id), &fault.error, era)))
    }

    fn count(&mut self, part: &Bytes) -> usize {
        let Passing::Begun(sent) = &mut self.passing else {
            return 0;
        };
        *sent += part.len();
        let sent = *sent;
        self.record.sent(sent);
        sent
    }
}

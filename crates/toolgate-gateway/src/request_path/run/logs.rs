//! Progress and logs of a call on their way to its client (9.5, 9.6).

use std::time::{Duration, Instant};

use bytes::Bytes;
use toolgate_protocol::{Era, Object, write};

use super::Inner;
use crate::logger::with_logger;

/// Logs of one call a second; the rest is dropped with one note (P9.37).
const LOGS_A_SECOND: u32 = 50;
const SECOND: Duration = Duration::from_secs(1);

/// How many logs a call may still send in this second.
#[derive(Debug)]
pub(super) struct LogBudget {
    since: Instant,
    sent: u32,
    noted: bool,
}

impl Default for LogBudget {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            sent: 0,
            noted: false,
        }
    }
}

enum Verdict {
    Pass,
    Note,
    Drop,
}

impl LogBudget {
    fn take(&mut self, now: Instant) -> Verdict {
        if now.duration_since(self.since) >= SECOND {
            (self.since, self.sent) = (now, 0);
        }
        self.sent += 1;
        match self.sent {
            sent if sent <= LOGS_A_SECOND => Verdict::Pass,
            _ if self.noted => Verdict::Drop,
            _ => {
                self.noted = true;
                Verdict::Note
            }
        }
    }
}

impl Inner {
    /// `notifications/progress` with the client's own token (P9.38).
    pub(super) fn progress(&self, params: &Object) -> Option<Bytes> {
        let token = self.client.progress_token.clone()?;
        let params = params.edit().put_first("progressToken", token).finish();
        Some(write::notification("notifications/progress", Some(&params)))
    }

    /// `notifications/message`, to modern clients only where the request asked for it (P9.35).
    pub(super) fn log(&mut self, params: &Object) -> Option<Bytes> {
        if self.client.revision.era() == Era::Modern && self.client.log_level.is_none() {
            return None;
        }
        let params = match self.logs.take(Instant::now()) {
            Verdict::Pass => with_logger(params, self.target.link.spec()),
            Verdict::Note => Bytes::from_static(
                br#"{"level":"warning","logger":"toolgate","data":"more than 50 log messages a second: the rest of this call's are dropped now and then"}"#,
            ),
            Verdict::Drop => return None,
        };
        Some(write::notification("notifications/message", Some(&params)))
    }
}

//! One record for every call, whatever becomes of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;
use tokio::time::timeout;
use toolgate_analytics::{CallRecord, CallStatus, CallTrace, Recorder, Source};
use toolgate_policy::Principal;
use toolgate_protocol::Revision;
use toolgate_router::Link;

use crate::snapshot::{Admitted, Life};

/// How long a call waits for its intent to reach the disk.
const INTENT: Duration = Duration::from_secs(5);

/// Numbers calls, and names what else must be unique among all processes on a store, without asking the system for
/// randomness each time.
#[derive(Debug)]
pub(crate) struct CallIds {
    boot: String,
    next: AtomicU64,
}

impl CallIds {
    /// `boot` is a random text that names this run of the process.
    pub(crate) fn new(boot: &str) -> Self {
        Self {
            boot: boot.to_owned(),
            next: AtomicU64::new(1),
        }
    }

    /// An id for an elicitation that came without one: a UUID of version 8 in form, unique in fact
    /// (section 10).
    pub(crate) fn elicitation(&self) -> String {
        let n = self.next();
        let (head, tail) = self.boot.split_at_checked(8).unwrap_or((&self.boot, ""));
        format!("{head:0>8}-{tail:0>4}-8000-8000-{n:012x}")
    }

    fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// Milliseconds since 1970; 0 before it.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}

/// Records its call when dropped; until told otherwise the call counts as cancelled, since being
/// dropped early is what cancellation is, or as revoked when its token ended (S-42).
///
/// One pointer, since it moves with its call from stage to stage; `None` records nothing.
#[derive(Debug)]
pub(crate) struct RecordGuard(Option<Box<Started>>);

/// A call that has come in.
#[derive(Debug)]
struct Started {
    record: CallRecord,
    recorder: Recorder,
    /// Only tool calls are.
    is_recorded: bool,
    /// Its public identity, once somebody asked for it.
    id: OnceLock<String>,
    at: Instant,
    /// Of the token; tells revocation from other early ends.
    life: Option<Arc<Life>>,
}

impl RecordGuard {
    pub(crate) fn start(
        recorder: &Recorder,
        ids: &CallIds,
        admitted: &Admitted,
        revision: Revision,
        bytes_in: usize,
    ) -> Self {
        let life = Some(admitted.token.life.clone());
        Self::of(&admitted.principal, recorder, ids, revision, bytes_in, life)
    }

    fn of(
        principal: &Principal,
        recorder: &Recorder,
        ids: &CallIds,
        revision: Revision,
        bytes_in: usize,
        life: Option<Arc<Life>>,
    ) -> Self {
        let record = CallRecord {
            number: ids.next(),
            time_ms: unix_ms(),
            workspace: principal.token().workspace.clone(),
            server: None,
            server_slug: None,
            tool: None,
            token_id: principal.token().id.shared(),
            status: CallStatus::Cancelled,
            error_code: None,
            duration_ms: 0,
            bytes_in: bytes_in as u64,
            bytes_out: 0,
            revision: revision.as_str(),
            source: Source::Gateway,
            intended: false,
            trace: None,
        };
        Self(Some(Box::new(Started {
            record,
            recorder: recorder.clone(),
            is_recorded: true,
            id: OnceLock::new(),
            at: Instant::now(),
            life,
        })))
    }

    /// A guard that records nothing.
    pub(crate) fn silent() -> Self {
        Self(None)
    }

    /// Not a tool call: it has an id to be named by, and leaves no record.
    pub(crate) fn is_no_tool_call(&mut self) {
        if let Some(call) = &mut self.0 {
            call.is_recorded = false;
        }
    }

    /// The call's public identity.
    pub(crate) fn id(&self) -> &str {
        self.0.as_ref().map_or("", |call| {
            let id = || call.recorder.call_id(call.record.number);
            call.id.get_or_init(id)
        })
    }

    /// Where the call stands in a trace that somebody follows.
    pub(crate) fn traced(&mut self, trace: Option<Box<CallTrace>>) {
        if let Some(call) = &mut self.0 {
            call.record.trace = trace;
        }
    }

    /// From now on the call is its server's.
    pub(crate) fn goes_to_server(&mut self) {
        if let Some(call) = &mut self.0
            && let Some(trace) = &mut call.record.trace
        {
            let now = nanoseconds(call.at);
            trace.at_server = Some((now, now));
        }
    }

    /// The tool was found. Only names that a server gave are recorded, never what a client made up (S-23).
    pub(crate) fn found(&mut self, link: &Link, tool: Option<&Arc<str>>) {
        if let Some(call) = &mut self.0 {
            let spec = link.spec();
            call.record.server = Some(spec.id.clone());
            call.record.server_slug = Some(spec.slug.clone());
            call.record.tool = tool.cloned();
        }
    }

    /// Brings the call's intent to the disk; false when it must not be sent, since that failed.
    pub(crate) async fn begin_durably(&mut self) -> bool {
        let Some(call) = self.0.as_mut().filter(|call| call.is_recorded) else {
            return true;
        };
        // Also when it fails: it may be on its way, and this record is to take its place all the same.
        call.record.intended = true;
        let intent = CallRecord {
            status: CallStatus::Begun,
            ..call.record.clone()
        };
        let (told, heard) = oneshot::channel();
        call.recorder.intend(intent, |durable| {
            // Who asked may be gone.
            let _ = told.send(durable);
        });
        matches!(timeout(INTENT, heard).await, Ok(Ok(true)))
    }

    /// So many bytes of the answer are on their way, whatever becomes of the rest.
    pub(crate) fn sent(&mut self, bytes_out: usize) {
        if let Some(call) = &mut self.0 {
            call.record.bytes_out = bytes_out as u64;
        }
    }

    /// The call ended this way.
    pub(crate) fn finish(&mut self, status: CallStatus, error_code: Option<i64>, bytes_out: usize) {
        if let Some(call) = &mut self.0 {
            call.record.status = status;
            call.record.error_code = error_code;
            call.record.bytes_out = bytes_out as u64;
            if let Some(trace) = &mut call.record.trace
                && let Some((_, until)) = &mut trace.at_server
            {
                *until = nanoseconds(call.at);
            }
        }
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Drop for RecordGuard {
    fn drop(&mut self) {
        let Some(call) = self.0.take().filter(|call| call.is_recorded) else {
            return;
        };
        let Started {
            mut record,
            recorder,
            at,
            life,
            ..
        } = *call;
        if std::thread::panicking() {
            record.status = CallStatus::Internal;
        }
        record.duration_ms = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(trace) = &mut record.trace {
            trace.ended = nanoseconds(at);
            if let Some((_, until)) = &mut trace.at_server
                && record.status == CallStatus::Cancelled
            {
                *until = trace.ended;
            }
        }
        let has_ended = life.is_some_and(|life| life.has_ended());
        if record.status == CallStatus::Cancelled && has_ended {
            record.status = CallStatus::Revoked;
        }
        recorder.record(record);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;

    use toolgate_analytics::{Journal, JournalError, MemoryJournal};
    use toolgate_namespace::WorkspaceId;
    use toolgate_policy::{RateLimit, RawToken, Role, Token, TokenId, ToolRules};

    use super::*;

    fn guard(recorder: &Recorder) -> RecordGuard {
        let raw = RawToken::from_random([7; 32]);
        let token = Token {
            id: TokenId::from_random([2; 16]),
            workspace: WorkspaceId::from_random([1; 16]),
            name: "test".into(),
            role: Role::Developer,
            rules: ToolRules::all(),
            rate_limit: RateLimit::PerMinute(NonZeroU32::MIN),
            digest: raw.digest(),
            member: None,
            created_at: 0,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };
        let principal = Principal::authenticate(&Arc::new(token), &raw.digest(), 1).unwrap();
        let ids = CallIds::new("boot");
        let revision = Revision::LATEST;
        RecordGuard::of(&principal, recorder, &ids, revision, 0, None)
    }

    /// S-63: the record of a request that panicked says that the gateway failed.
    #[test]
    fn s63_a_panic_leaves_its_record() {
        let journal = MemoryJournal::keeping(10);
        let recorder = Recorder::start(journal.clone(), "boot".into(), 10);
        let record = guard(&recorder);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _record = record;
            panic!("as a handler would");
        }));
        assert!(panicked.is_err());
        assert!(recorder.flush(Duration::from_secs(10)));
        let records = journal.records();
        assert_eq!(records[0].record.status, CallStatus::Internal);
    }

    /// A journal whose disk takes nothing.
    struct Full;

    impl Journal for Full {
        fn append(&mut self, _: &str, _: u64, batch: &[CallRecord]) -> Result<(), JournalError> {
            self.intend("", batch)
        }
    }

    /// an intent that cannot be written refuses its call.
    #[tokio::test]
    async fn r12_an_intent_that_cannot_be_written_is_told() {
        let recorder = Recorder::start(Full, "boot".into(), 10);
        assert!(!guard(&recorder).begin_durably().await);
        let mut silent = guard(&recorder);
        silent.is_no_tool_call();
        assert!(
            silent.begin_durably().await,
            "no tool call, nothing to record"
        );
    }
}

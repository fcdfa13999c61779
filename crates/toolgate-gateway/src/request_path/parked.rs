//! Calls that wait at an older server while a modern client is asked in its own manner (section 11.2).

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use toolgate_analytics::CallStatus;
use toolgate_namespace::WorkspaceId;
use toolgate_policy::TokenId;
use toolgate_protocol::mcp::{Question, input_required_result};
use toolgate_protocol::{GatewayFault, RpcError};

use super::Visit;
use super::call::{ClientSide, Finished};
use super::run::Inner;
use super::state::{Binding, State};
use super::target::Target;
use crate::bootstrap;
use crate::record::RecordGuard;

/// How long a call waits for one retry (P11.13).
const PARK: Duration = Duration::from_mins(10);
/// How long it waits in all.
const PARK_IN_ALL: Duration = Duration::from_hours(1);
/// Calls of one token that wait (P11.4).
const MAX_OF_PRINCIPAL: usize = 32;
/// Calls of one workspace that wait.
const MAX_OF_WORKSPACE: usize = 256;

/// Every call that waits, by its handle. A handle is good for one use.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    calls: DashMap<String, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// Behind a lock that nobody ever waits for: a call under way is not shared between threads, the map is.
    inner: Mutex<Box<Inner>>,
    token: TokenId,
    workspace: WorkspaceId,
    at: Instant,
    /// Ends the call when its time is up, or nobody may go on with it. Set as soon as the call is kept.
    guard: OnceLock<AbortHandle>,
}

impl Waiting {
    fn stop_guarding(&self) {
        if let Some(guard) = self.guard.get() {
            guard.abort();
        }
    }
}

impl Parked {
    /// Takes a call out, for whoever was found to be entitled to it.
    pub(super) fn take(&self, handle: &str) -> Option<Box<Inner>> {
        let (_, waiting) = self.calls.remove(handle)?;
        waiting.stop_guarding();
        let inner = waiting.inner.into_inner();
        Some(inner.unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls that wait now; bounded for each token and workspace.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether a call that waits may still go on, after something changed; since when that is known, if it may.
    fn look_again(&self, handle: &str) -> Option<u64> {
        let waiting = self.calls.get(handle)?;
        let mut inner = waiting.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.may_wait()
    }

    /// Ends every call that waits.
    pub(crate) fn clear(&self) {
        self.calls.retain(|_, waiting| {
            waiting.stop_guarding();
            false
        });
    }

    /// Makes room for one more; `false` when the workspace is full of other tokens' calls.
    fn make_room(&self, inner: &Inner) -> bool {
        let mut of_workspace = 0;
        let mut own: Vec<(Instant, String)> = Vec::new();
        for entry in &self.calls {
            let (other, token) = (entry.value(), inner.principal.token());
            if other.workspace == token.workspace {
                of_workspace += 1;
            }
            if other.token == token.id {
                own.push((entry.value().at, entry.key().clone()));
            }
        }
        if own.len() < MAX_OF_PRINCIPAL && of_workspace < MAX_OF_WORKSPACE {
            return true;
        }
        match own.into_iter().min() {
            Some((_, oldest)) => {
                drop(self.take(&oldest));
                true
            }
            None => false,
        }
    }

    fn keep(&self, handle: &str, inner: Box<Inner>) {
        let since = inner.parked_since.unwrap_or_else(Instant::now);
        let until = (Instant::now() + PARK).min(since + PARK_IN_ALL);
        let (gateway, token) = (Arc::downgrade(&inner.gateway), inner.token.clone());
        let (key, mut turn) = (handle.to_owned(), inner.turn());
        let waiting = Waiting {
            token: inner.principal.token().id.clone(),
            workspace: inner.principal.token().workspace.clone(),
            inner: Mutex::new(inner),
            at: Instant::now(),
            guard: OnceLock::new(),
        };
        // Kept before it is guarded: a guard that found nothing would never look again.
        self.calls.insert(handle.to_owned(), waiting);
        let guard = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep_until(until) => break,
                    () = token.life.stirred(turn) => {}
                }
                let holds = gateway
                    .upgrade()
                    .and_then(|gateway| gateway.parked().look_again(&key));
                match holds {
                    Some(since) => turn = since,
                    None => break,
                }
            }
            if let Some(gateway) = gateway.upgrade() {
                gateway.parked().calls.remove(&key);
            }
        });
        if let Some(waiting) = self.calls.get(handle) {
            // Set once, here.
            let _ = waiting.guard.set(guard.abort_handle());
        }
    }
}

/// Sets a call aside and answers with its questions.
pub(super) fn park(mut inner: Box<Inner>) -> Finished {
    // Asking the same again for a client that said nothing is no round of the server's.
    if std::mem::take(&mut inner.asks_anew)
        && let Err(given_up) = inner.count_round()
    {
        return given_up;
    }
    let gateway = inner.gateway.clone();
    let binding = Binding::new(&inner.principal, &inner.target);
    let handle =
        bootstrap::random::<16>().map(|bytes| format!("{:032x}", u128::from_be_bytes(bytes)));
    let sealed = handle.ok().and_then(|handle| {
        let state = binding.seal(&gateway, State::Parked(handle.clone()))?;
        Some((handle, state))
    });
    let Some((handle, state)) = sealed.filter(|_| gateway.parked().make_room(&inner)) else {
        let era = inner.client.revision.era();
        let error = RpcError::new(
            GatewayFault::Overloaded.code(era),
            "too many calls of this workspace wait for answers; try again later",
        );
        return inner.error_as_it_is(&error);
    };
    let questions: Vec<(String, Question)> = inner
        .asked
        .iter()
        .map(|asked| (asked.key.clone(), asked.question.clone()))
        .collect();
    let result = input_required_result(&questions, Some(&state), gateway.server_info());
    let finished = Finished::result(&inner.client.id, &result);
    inner.record.finish(CallStatus::Asked, None, finished.len());
    inner.record = RecordGuard::silent();
    inner.parked_since.get_or_insert_with(Instant::now);
    gateway.parked().keep(&handle, inner);
    finished
}

/// Goes on with a call for the retry that brought its state (P11.11).
pub(super) fn resume(
    mut inner: Box<Inner>,
    visit: &Visit<'_>,
    client: ClientSide,
    record: RecordGuard,
    target: &Target,
) -> Box<Inner> {
    let responses = target.params.object("inputResponses");
    inner.continue_for(visit, client, record);
    inner.take_answers(responses.as_ref());
    inner
}

//! A request on its way to one server: found, permitted, sent, and followed until its answer.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use toolgate_analytics::CallStatus;
use toolgate_protocol::client::check_param_headers;
use toolgate_protocol::{
    Era, GatewayFault, Json, JsonLimits, Object, RequestId, Revision, RpcError, codes, write,
};
use toolgate_upstream::IsolationKey;

use super::Visit;
use super::parked;
use super::run::{Inner, Next};
use super::state::{self, Binding, State};
use super::target::{self, Method, Route, Target};
use super::trace::{in_span, with_trace};
use crate::record::RecordGuard;
use crate::reply;
use crate::session::Session;
use crate::session::replay::{RESUME_WINDOW, StreamLog};

/// The client's half of one call.
#[derive(Debug)]
pub(super) struct ClientSide {
    pub(super) id: RequestId,
    pub(super) revision: Revision,
    pub(super) session: Option<Arc<Session>>,
    pub(super) log_level: Option<Box<str>>,
    pub(super) progress_token: Option<Json>,
    /// What it can be asked for while this request is open, as servers are told (P9.29).
    pub(super) capabilities: Json,
}

/// A call under way, polled by whoever writes the answer.
///
/// Dropped early it is cancelled at the server on 2026-07-28 (P5.17); for a client with a session it runs on
/// in the background, to be resumed (P6.12). Either way it leaves its record.
#[derive(Debug)]
pub(super) struct CallRun {
    /// Boxed, since it is handed from room to room several times a call.
    inner: Option<Box<Inner>>,
    log: Option<Arc<StreamLog>>,
}

/// What happened next.
#[derive(Debug)]
pub(super) enum Step {
    /// A message for the client before the answer, complete.
    Interim(Bytes),
    /// The begin of a large answer, whose parts follow; only for who asked for it by [`CallRun::may_pass`].
    Begin(Bytes),
    /// A part of it.
    Part(Bytes),
    /// Its end; nothing follows.
    Last(Bytes),
    /// Its end does not come, and nothing follows; whoever comes back for the answer is told this.
    Broken(Option<Bytes>),
    /// The answer, complete; nothing follows.
    Answer(Finished),
    /// The call ended without an answer: the client cancelled it (P6.13).
    Silence,
    /// The token ended; whatever the server says is not delivered (S-42).
    Revoked,
}

/// An answer in pieces that are sent without being joined.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) status: StatusCode,
    pub(super) parts: [Bytes; 3],
}

impl Finished {
    pub(super) fn result(id: &RequestId, result: &Bytes) -> Self {
        Self {
            status: StatusCode::OK,
            parts: write::result_parts(id, result),
        }
    }

    /// An error with the HTTP status that table 4.1 gives its code.
    pub(super) fn error(id: &RequestId, error: &RpcError, era: Era) -> Self {
        let status = match error.code {
            codes::MISSING_CAPABILITY | codes::HEADER_MISMATCH if era == Era::Modern => {
                StatusCode::BAD_REQUEST
            }
            _ => StatusCode::OK,
        };
        let text = write::error(Some(id), error, era);
        Self {
            status,
            parts: [text, Bytes::new(), Bytes::new()],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// The answer as one piece, for an event stream.
    pub(super) fn joined(self) -> Bytes {
        let [head, body, tail] = self.parts;
        if body.is_empty() && tail.is_empty() {
            return head;
        }
        [head, body, tail].concat().into()
    }
}

/// Takes a call to the point where its server has it, or to the answer that needs no server.
pub(super) async fn start(
    visit: &Visit<'_>,
    client: ClientSide,
    method: Method,
    params: Object,
) -> Result<CallRun, Finished> {
    let era = client.revision.era();
    let mut record = RecordGuard::start(
        visit.gateway.recorder(),
        visit.gateway.call_ids(),
        &visit.admitted,
        client.revision,
        visit.bytes_in,
    );
    if method != Method::CallTool {
        record.is_no_tool_call();
    }
    let prepared = prepare(visit, &client, method.clone(), params, &mut record).await;
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(Early::Answer(answer)) => {
            let adapted =
                super::run::adapted(visit.gateway, &method, &answer, None, client.revision);
            return Err(Finished::result(&client.id, &adapted));
        }
        Err(Early::Refused(error)) => {
            let finished = Finished::error(&client.id, &error, era);
            record.finish(CallStatus::Refused, Some(error.code), finished.len());
            return Err(finished);
        }
    };
    let Prepared {
        target,
        state,
        extra,
    } = prepared;
    if let Some(State::Parked(handle)) = &state {
        if let Some(inner) = visit.gateway.parked().take(handle) {
            let resumed = parked::resume(inner, visit, client, record, &target);
            return Ok(CallRun::of(resumed));
        }
        let error = state::unusable();
        let finished = Finished::error(&client.id, &error, era);
        record.finish(CallStatus::Refused, Some(error.code), finished.len());
        return Err(finished);
    }
    let reissued = state == Some(State::Reissue);
    send(visit, client, target, extra, reissued, record).await
}

/// A request that may go to its server.
struct Prepared {
    target: Target,
    state: Option<State>,
    /// What a repeated round adds to the parameters.
    extra: Vec<(&'static str, Json)>,
}

/// Why a request does not go to a server.
enum Early {
    Answer(Json),
    Refused(RpcError),
}

impl From<RpcError> for Early {
    fn from(error: RpcError) -> Self {
        Self::Refused(error)
    }
}

async fn prepare(
    visit: &Visit<'_>,
    client: &ClientSide,
    method: Method,
    params: Object,
    record: &mut RecordGuard,
) -> Result<Prepared, Early> {
    let params = match visit.gateway.tracer() {
        Some(tracer) if method == Method::CallTool => {
            let (params, trace) = in_span(params, visit.headers, tracer);
            record.traced(trace);
            params
        }
        _ => with_trace(params, visit.headers),
    };
    let target = match target::find(visit, client.revision.era(), method, params).await? {
        Route::To(target) => target,
        Route::Answer(answer) => return Err(Early::Answer(answer)),
    };
    record.found(
        &target.link,
        target.tool.as_ref().map(|tool| &tool.definition.name),
    );
    let modern = client.revision.era() == Era::Modern;
    // Policy first: neither a header that disagrees nor a state must tell whether a hidden tool exists.
    let workspace = &visit.admitted.workspace.workspace;
    if let Some(tool) = &target.tool {
        let access = tool.access(workspace.catalog().read_only_all());
        if !toolgate_policy::may_see(&visit.admitted.principal, access) {
            return Err(reply::unknown_tool().into());
        }
        if tool.definition.requires_task() {
            return Err(reply::needs_task(client.revision.era()).into());
        }
        // Arguments are looked into only where a header repeats one of them.
        if modern && !tool.definition.header_params.is_empty() {
            let view = super::entry::HeaderView(visit.headers);
            let arguments = target.params.object("arguments");
            check_param_headers(&tool.definition, arguments.as_ref(), &view)?;
        }
    }
    let mut extra = Vec::new();
    let mut opened = None;
    if modern {
        if let Some(text) = state::brought(&target.params)? {
            let binding = Binding::new(&visit.admitted.principal, &target);
            opened = Some(binding.open(visit.gateway, &text)?);
        }
        if let Some(responses) = target.params.get("inputResponses") {
            extra.push(("inputResponses", responses));
        }
        if let Some(State::Wrapped(own)) = &opened {
            let own = Json::parse(own.clone().into(), &JsonLimits::UPSTREAM);
            extra.push(("requestState", own.map_err(|_| state::unusable())?));
        }
    }
    Ok(Prepared {
        target,
        state: opened,
        extra,
    })
}

async fn send(
    visit: &Visit<'_>,
    client: ClientSide,
    target: Target,
    extra: Vec<(&'static str, Json)>,
    reissued: bool,
    mut record: RecordGuard,
) -> Result<CallRun, Finished> {
    let era = client.revision.era();
    let begun = client
        .session
        .as_ref()
        .map(|session| session.begin(&client.id));
    if let Some(None) = begun {
        let error = RpcError::new(
            GatewayFault::Overloaded.code(era),
            "this session has too many calls in flight",
        );
        let finished = Finished::error(&client.id, &error, era);
        record.finish(CallStatus::Refused, Some(error.code), finished.len());
        return Err(finished);
    }
    let control = begun.flatten();
    let mut inner = Box::new(Inner::new(visit, client, control, target, reissued, record));
    inner.take_place()?;
    inner.begin_durably().await?;
    inner.send(extra).await?;
    Ok(CallRun::of(inner))
}

/// Whose upstream session carries the call (P2.5).
pub(super) fn isolation(visit: &Visit<'_>, client: &ClientSide) -> IsolationKey {
    IsolationKey {
        principal: visit.admitted.principal.token().id.shared(),
        session: client.session.as_ref().map(|session| session.id.clone()),
    }
}

impl CallRun {
    fn of(inner: Box<Inner>) -> Self {
        Self {
            inner: Some(inner),
            log: None,
        }
    }

    /// Starts to keep what is sent, where the client's revision can resume; the stream's log (P7.4).
    pub(super) fn keep_log(&mut self) -> Option<Arc<StreamLog>> {
        let inner = self.inner.as_ref()?;
        let session = inner.client.session.as_ref()?;
        let log = session.streams.open(&inner.client.id);
        self.log = Some(log.clone());
        Some(log)
    }

    /// Whether a large answer may come in parts. It is kept together unless this says so.
    pub(super) fn may_pass(&mut self, may: bool) {
        if let Some(inner) = &mut self.inner {
            inner.may_pass(may);
        }
    }

    /// Whether the client has the begin of a large answer.
    pub(super) fn is_passing(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.is_passing())
    }

    /// The revision of whoever is answered; 2026-07-28 after the end.
    pub(super) fn revision(&self) -> Revision {
        self.inner
            .as_ref()
            .map_or(Revision::LATEST, |inner| inner.client.revision)
    }

    /// The next message or the end. Cancel safe.
    pub(super) async fn next(&mut self) -> Step {
        let Some(inner) = &mut self.inner else {
            return Step::Silence;
        };
        match inner.next().await {
            Next::Step(step @ (Step::Interim(_) | Step::Begin(_) | Step::Part(_))) => step,
            Next::Step(end) => {
                // Behind a begun answer no other can be put.
                let is_passing = inner.is_passing();
                self.inner = None;
                match end {
                    Step::Last(_) | Step::Broken(_) => end,
                    _ if is_passing => Step::Broken(None),
                    _ => end,
                }
            }
            Next::Park => match self.inner.take() {
                Some(inner) => Step::Answer(parked::park(inner)),
                None => Step::Silence,
            },
        }
    }

    /// Runs to the answer or its begin, dropping what comes before it: for clients that take only JSON (P5.3).
    pub(super) async fn finish(&mut self) -> Step {
        loop {
            match self.next().await {
                Step::Interim(_) => {}
                end => return end,
            }
        }
    }
}

impl Drop for CallRun {
    fn drop(&mut self) {
        let Some(mut inner) = self.inner.take() else {
            if let Some(log) = &self.log {
                log.close();
            }
            return;
        };
        // What has begun to go out cannot be told again, unless it is kept.
        let is_lost = inner.is_passing() && self.log.is_none();
        let is_over = inner.client.session.is_none() || is_lost;
        if is_over || inner.client.revision.era() == Era::Modern {
            return;
        }
        inner.may_pass(false);
        let gateway = inner.gateway.clone();
        let log = self.log.take();
        gateway.background().spawn(run_on(inner, log));
    }
}

/// Goes on with a call whose client lost its connection, for as long as it may come back (P6.12).
async fn run_on(mut inner: Box<Inner>, log: Option<Arc<StreamLog>>) {
    let running = async {
        loop {
            let Next::Step(step) = inner.next().await else {
                return;
            };
            let goes_on = matches!(step, Step::Interim(_) | Step::Begin(_) | Step::Part(_));
            if let Some(log) = &log {
                keep(log, step);
            }
            if !goes_on {
                return;
            }
        }
    };
    let given_up = async {
        match &log {
            Some(log) => log.abandoned().await,
            None => tokio::time::sleep(RESUME_WINDOW).await,
        }
    };
    tokio::select! {
        () = running => {}
        () = given_up => tracing::debug!("nobody came back for a call; cancelled"),
    }
    if let Some(log) = &log {
        log.close();
    }
}

/// Keeps what nobody reads at the moment.
fn keep(log: &StreamLog, step: Step) {
    let _ = match step {
        Step::Interim(message) | Step::Broken(Some(message)) => log.push(&message),
        Step::Answer(answer) => log.push(&answer.joined()),
        Step::Begin(head) => log.begin(&head),
        Step::Part(part) => log.extend(part),
        Step::Last(last) => log.end(&last),
        Step::Broken(None) | Step::Silence | Step::Revoked => return,
    };
}

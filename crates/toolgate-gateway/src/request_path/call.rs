//! `tools/call`: found, permitted, sent, and followed until its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use toolgate_analytics::CallStatus;
use toolgate_policy::permit_call;
use toolgate_protocol::client::check_param_headers;
use toolgate_protocol::mcp::{ResultType, adapt_error, adapt_result, is_error, result_type};
use toolgate_protocol::{
    Era, GatewayFault, Json, JsonKind, JsonLimits, Object, Outcome, RequestId, Revision, RpcError,
    codes, write,
};
use toolgate_router::{CatalogTool, LinkCall, Routed};
use toolgate_unseal::Masker;
use toolgate_upstream::{Answer, Call, Event, IsolationKey, UpstreamError};

use super::Visit;
use crate::gateway::Gateway;
use crate::record::RecordGuard;
use crate::reply::{self, CallFault};
use crate::session::{CallControl, Session};
use crate::snapshot::TokenEntry;

/// How long a call of an older revision runs on after its client went away (P6.12).
const RUN_ON: Duration = Duration::from_mins(1);

/// The client's half of one call.
#[derive(Debug)]
pub(super) struct ClientSide {
    pub(super) id: RequestId,
    pub(super) revision: Revision,
    pub(super) session: Option<Arc<Session>>,
    pub(super) log_level: Option<Box<str>>,
    pub(super) progress_token: Option<Json>,
}

/// A call under way, polled by whoever writes the answer.
///
/// Dropped early it is cancelled at the server on 2026-07-28 (P5.17); for a client with a session it runs on
/// in the background for a minute (P6.12). Either way it leaves its record.
#[derive(Debug)]
pub(super) struct CallRun {
    /// Boxed, since it is handed from room to room several times a call.
    inner: Option<Box<Inner>>,
}

#[derive(Debug)]
struct Inner {
    gateway: Arc<Gateway>,
    routed: Routed,
    client: ClientSide,
    control: Option<Arc<CallControl>>,
    masker: Option<Arc<Masker>>,
    token: Arc<TokenEntry>,
    record: RecordGuard,
}

/// What happened next.
#[derive(Debug)]
pub(super) enum Step {
    /// A notification for the client, complete.
    Interim(Bytes),
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
    pub(super) fn error(status: StatusCode, id: &RequestId, error: &RpcError, era: Era) -> Self {
        Self {
            status,
            parts: [
                write::error(Some(id), error, era),
                Bytes::new(),
                Bytes::new(),
            ],
        }
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

/// Takes a call to the point where its server has it, or to the answer that says why not.
pub(super) async fn start(
    visit: &Visit<'_>,
    client: ClientSide,
    params: Object,
) -> Result<CallRun, Finished> {
    let era = client.revision.era();
    let workspace = &visit.admitted.workspace.workspace;
    let mut record = RecordGuard::start(
        visit.gateway.recorder(),
        visit.gateway.call_ids(),
        workspace.id(),
        &visit.admitted.principal,
        client.revision,
        visit.bytes_in,
    );
    let refuse = |record: &mut RecordGuard, status: StatusCode, error: &RpcError| {
        let finished = Finished::error(status, &client.id, error, era);
        record.finish(
            CallStatus::Refused,
            Some(error.code),
            finished.parts[0].len(),
        );
        finished
    };

    let Some(name) = params.text("name") else {
        let error = RpcError::new(
            codes::INVALID_PARAMS,
            "`params.name` must be the name of a tool",
        );
        return Err(refuse(&mut record, StatusCode::OK, &error));
    };
    let arguments = match params.get("arguments") {
        None => None,
        Some(arguments) if arguments.kind() == JsonKind::Object => arguments.object(),
        Some(_) => {
            let error = RpcError::new(
                codes::INVALID_PARAMS,
                "`params.arguments` must be an object",
            );
            return Err(refuse(&mut record, StatusCode::OK, &error));
        }
    };
    let Some(tool) = workspace.find(&name).await else {
        return Err(refuse(
            &mut record,
            StatusCode::OK,
            &reply::unknown_tool(&name),
        ));
    };
    record.found(&tool);

    let call = Call {
        method: "tools/call",
        params,
        name: Some(tool.definition.name.clone()),
        tool: Some(tool.definition.clone()),
        capabilities: Json::empty_object(),
        log_level: client.log_level.clone(),
        wants_progress: client.progress_token.is_some(),
        isolation: isolation(visit, &client),
        deadline: Instant::now() + tool.link.spec().timeouts.call_max,
        extra: Vec::new(),
    };
    let catalog_read_only_all = workspace.catalog().read_only_all();
    let access = tool.access(catalog_read_only_all);
    let principal = visit.admitted.principal.clone();
    let routable = LinkCall {
        link: tool.link.clone(),
        call,
    };
    let Ok(permitted) = permit_call(principal, access, routable) else {
        return Err(refuse(
            &mut record,
            StatusCode::OK,
            &reply::unknown_tool(&name),
        ));
    };
    if era == Era::Modern {
        // P5.13, after policy: a header that disagrees must not tell whether a hidden tool exists.
        let view = super::entry::HeaderView(visit.headers);
        if let Err(error) = check_param_headers(&tool.definition, arguments.as_ref(), &view) {
            return Err(refuse(&mut record, StatusCode::BAD_REQUEST, &error));
        }
    }
    send(visit, client, permitted, &tool, record).await
}

async fn send(
    visit: &Visit<'_>,
    client: ClientSide,
    permitted: toolgate_policy::Permitted<LinkCall>,
    tool: &CatalogTool,
    mut record: RecordGuard,
) -> Result<CallRun, Finished> {
    let era = client.revision.era();
    let control = match &client.session {
        None => None,
        Some(session) => {
            let Some(control) = session.begin(&client.id) else {
                let error = RpcError::new(
                    GatewayFault::Overloaded.code(era),
                    "this session has too many calls in flight",
                );
                let finished = Finished::error(StatusCode::OK, &client.id, &error, era);
                record.finish(
                    CallStatus::Refused,
                    Some(error.code),
                    finished.parts[0].len(),
                );
                return Err(finished);
            };
            Some(control)
        }
    };
    let masker = visit
        .admitted
        .workspace
        .secrets
        .get(tool.link.spec().id.as_str())
        .and_then(|secrets| secrets.masker());
    let routed = match toolgate_router::call(permitted).await {
        Ok(routed) => routed,
        Err(error) => {
            if let (Some(session), Some(control)) = (&client.session, &control) {
                session.finish(control);
            }
            let CallFault { error, status } = reply::call_fault(&error, era, record.id());
            let finished = Finished::error(StatusCode::OK, &client.id, &error, era);
            record.finish(status, Some(error.code), finished.parts[0].len());
            return Err(finished);
        }
    };
    Ok(CallRun {
        inner: Some(Box::new(Inner {
            gateway: visit.gateway.clone(),
            routed,
            client,
            control,
            masker,
            token: visit.admitted.token.clone(),
            record,
        })),
    })
}

/// Whose upstream session carries the call (P2.5).
fn isolation(visit: &Visit<'_>, client: &ClientSide) -> IsolationKey {
    IsolationKey {
        principal: visit.admitted.principal.token().id.shared(),
        session: client.session.as_ref().map(|session| session.id.clone()),
    }
}

impl CallRun {
    /// The next notification or the end. Cancel safe.
    pub(super) async fn next(&mut self) -> Step {
        let Some(inner) = &mut self.inner else {
            return Step::Silence;
        };
        let step = inner.next().await;
        if !matches!(step, Step::Interim(_)) {
            self.inner = None;
        }
        step
    }

    /// Runs to the answer, dropping what comes before it: for clients that take only JSON (P5.3).
    pub(super) async fn finish(mut self) -> Step {
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
        let Some(inner) = self.inner.take() else {
            return;
        };
        if inner.client.session.is_none() || inner.client.revision.era() == Era::Modern {
            return;
        }
        let gateway = inner.gateway.clone();
        gateway.background().spawn(async move {
            let mut inner = inner;
            let run_on = async { while let Step::Interim(_) = inner.next().await {} };
            if tokio::time::timeout(RUN_ON, run_on).await.is_err() {
                tracing::debug!("nobody came back for a call; cancelled");
            }
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let (Some(session), Some(control)) = (&self.client.session, &self.control) {
            session.finish(control);
        }
    }
}

impl Inner {
    async fn next(&mut self) -> Step {
        loop {
            let event = {
                let exchange = &mut self.routed.exchange;
                let control = self.control.as_deref();
                tokio::select! {
                    biased;
                    event = exchange.next() => event,
                    () = self.token.life.ended() => return self.revoked(),
                    () = cancelled(control) => return self.cancelled(),
                }
            };
            if self.token.life.has_ended() {
                return self.revoked();
            }
            match event {
                Event::Progress(params) => {
                    if let Some(message) = self.progress(&params) {
                        return Step::Interim(message);
                    }
                }
                Event::Log(params) => {
                    if let Some(message) = self.log(&params) {
                        return Step::Interim(message);
                    }
                }
                Event::Ask(ask) => {
                    // Nothing was declared to the server on this client's behalf, so nothing may be asked (P11.1).
                    let error =
                        RpcError::new(codes::METHOD_NOT_FOUND, "the client cannot be asked");
                    if let Err(error) = self
                        .routed
                        .exchange
                        .answer(ask.id, Answer::Error(error))
                        .await
                    {
                        return Step::Answer(self.failed(&error));
                    }
                }
                Event::Done(Outcome::Result(result)) => return Step::Answer(self.result(&result)),
                Event::Done(Outcome::Error(error)) => return Step::Answer(self.error(error)),
                Event::Failed(error) => return Step::Answer(self.failed(&error)),
            }
        }
    }

    fn result(&mut self, result: &Json) -> Finished {
        let from = self.routed.exchange.revision();
        let to = self.client.revision;
        if from.era() == Era::Modern && result_type(result) != ResultType::Complete {
            return self
                .broken_promise("it asked for input or a task that this client did not offer");
        }
        let adapted = adapt_result("tools/call", result, from, to, self.gateway.server_info());
        let body = match &self.masker {
            Some(masker) => masker.mask(adapted),
            None => adapted,
        };
        let status = if is_error(result) {
            CallStatus::ToolError
        } else {
            CallStatus::Ok
        };
        let parts = write::result_parts(&self.client.id, &body);
        let bytes_out = parts.iter().map(Bytes::len).sum();
        self.record.finish(status, None, bytes_out);
        Finished {
            status: StatusCode::OK,
            parts,
        }
    }

    fn error(&mut self, error: RpcError) -> Finished {
        let era = self.client.revision.era();
        let from = self.routed.exchange.revision().era();
        let mut error = adapt_error("tools/call", error, from, era);
        if let Some(masker) = &self.masker {
            error.message = masker.mask_str(&error.message).into_owned();
            error.data = error.data.map(|data| masker_json(masker, &data));
        }
        let status = if era == Era::Modern && error.code == codes::MISSING_CAPABILITY {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        let finished = Finished::error(status, &self.client.id, &error, era);
        self.record.finish(
            CallStatus::RpcError,
            Some(error.code),
            finished.parts[0].len(),
        );
        finished
    }

    fn failed(&mut self, error: &UpstreamError) -> Finished {
        let era = self.client.revision.era();
        let CallFault { error, status } = reply::upstream_fault(error, era, self.record.id());
        let finished = Finished::error(StatusCode::OK, &self.client.id, &error, era);
        self.record
            .finish(status, Some(error.code), finished.parts[0].len());
        finished
    }

    fn broken_promise(&mut self, what: &str) -> Finished {
        let era = self.client.revision.era();
        let error = RpcError::new(
            GatewayFault::UpstreamUnreachable.code(era),
            format!(
                "the server broke the protocol ({what}); call {}",
                self.record.id()
            ),
        );
        let finished = Finished::error(StatusCode::OK, &self.client.id, &error, era);
        self.record.finish(
            CallStatus::Unreachable,
            Some(error.code),
            finished.parts[0].len(),
        );
        finished
    }

    fn revoked(&mut self) -> Step {
        self.record.finish(CallStatus::Revoked, None, 0);
        Step::Revoked
    }

    fn cancelled(&mut self) -> Step {
        self.record.finish(CallStatus::Cancelled, None, 0);
        Step::Silence
    }

    /// `notifications/progress` with the client's own token (P9.38).
    fn progress(&self, params: &Object) -> Option<Bytes> {
        let token = self.client.progress_token.clone()?;
        let params = params.edit().put_first("progressToken", token).finish();
        Some(write::notification(
            "notifications/progress",
            Some(&self.masked(params)),
        ))
    }

    fn log(&self, params: &Object) -> Option<Bytes> {
        if self.client.revision.era() == Era::Modern && self.client.log_level.is_none() {
            return None;
        }
        let params = params.bytes().clone();
        Some(write::notification(
            "notifications/message",
            Some(&self.masked(params)),
        ))
    }

    fn masked(&self, bytes: Bytes) -> Bytes {
        match &self.masker {
            Some(masker) => masker.mask(bytes),
            None => bytes,
        }
    }
}

fn masker_json(masker: &Masker, data: &Json) -> Json {
    let clean = masker.mask(data.bytes().clone());
    Json::parse(clean, &JsonLimits::UPSTREAM).unwrap_or_else(|_| Json::literal("null"))
}

async fn cancelled(control: Option<&CallControl>) {
    match control {
        Some(control) => control.cancelled().await,
        None => std::future::pending().await,
    }
}

//! One call while it runs: what its server says, what its client says, and what follows (sections 9 to 11).

mod logs;
mod outcome;
mod passing;
mod questions;
mod rounds;
mod standing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use hyper::StatusCode;
use toolgate_analytics::CallStatus;
use toolgate_policy::{Classification, Permitted, Principal};
use toolgate_protocol::mcp::{Question, ResultType, result_type};
use toolgate_protocol::{Era, Json, Object, Outcome, Revision, RpcError, codes};
use toolgate_router::{LinkCall, RouteError, Routed};
use toolgate_upstream::{Answer, Ask, AskId, Call, Event, IsolationKey, UpstreamError};

use self::logs::LogBudget;
pub(super) use self::outcome::adapted;
use self::outcome::missing_capability;
use self::passing::Passing;
use self::rounds::Rounds;
use self::standing::Standing;
use super::Visit;
use super::asking::{Asker, Asking, Said};
use super::call::{ClientSide, Finished, Step, isolation};
use super::target::{Method, Target};
use crate::gateway::Gateway;
use crate::links;
use crate::overload::CallUnderWay;
use crate::record::RecordGuard;
use crate::reply;
use crate::session::CallControl;
use crate::snapshot::{TokenEntry, WorkspaceEntry};

/// Questions that come within this time of the first are put together (P11, section 12).
const GATHER: Duration = Duration::from_millis(30);
/// A call, from the moment it is permitted.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(super) gateway: Arc<Gateway>,
    pub(super) client: ClientSide,
    pub(super) record: RecordGuard,
    pub(super) token: Arc<TokenEntry>,
    pub(super) target: Target,
    pub(super) principal: Principal,
    pub(super) workspace: Arc<WorkspaceEntry>,
    /// The snapshot by which the call was last found to be permitted.
    turn: u64,
    control: Option<Arc<CallControl>>,
    /// Its place among the calls under way; given back while a person is asked.
    place: Option<CallUnderWay>,
    isolation: IsolationKey,
    leg: Leg,
    /// When the server's time is up, over all rounds (P12.1).
    deadline: Instant,
    /// What the server speaks, as far as is known.
    from: Revision,
    /// Questions to a client of an older revision.
    asking: Option<Asking>,
    /// Rounds with a modern server on behalf of such a client.
    rounds: Rounds,
    /// Answers that a modern client gave before it was asked, each good for one question (P11.11).
    given: Option<Object>,
    /// Questions of an older server to a modern client, and until when more are waited for.
    pub(super) asked: Vec<Asked>,
    /// Whether one of them is new, so that the client's next answer begins another round.
    pub(super) asks_anew: bool,
    pub(super) gather_until: Option<tokio::time::Instant>,
    /// Answers on their way to the server, in order.
    answers: VecDeque<(AskId, Answer)>,
    /// When the call was first parked.
    pub(super) parked_since: Option<tokio::time::Instant>,
    /// The call was made again after a -32042.
    reissued: bool,
    logs: LogBudget,
    passing: Passing,
    /// What is to be told before anything else happens.
    queue: VecDeque<Step>,
}

/// The server's side of a call.
#[expect(
    clippy::large_enum_variant,
    reason = "a part of `Inner`, which is boxed; a box in it would be one more"
)]
enum Leg {
    Running(Routed),
    /// The server is being answered; nothing else is heard of it meanwhile.
    Answering(BoxFuture<'static, (Routed, Result<(), UpstreamError>)>),
    /// A moment's rest before a further round.
    Pausing(BoxFuture<'static, ()>),
    /// A further round is on its way.
    Starting(BoxFuture<'static, Result<Routed, RouteError>>),
    /// It is the client's turn.
    Waiting,
}

impl std::fmt::Debug for Leg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running(_) => "Running",
            Self::Answering(_) => "Answering",
            Self::Pausing(_) => "Pausing",
            Self::Starting(_) => "Starting",
            Self::Waiting => "Waiting",
        })
    }
}

/// A question of an older server, under the key a modern client knows it by.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) key: String,
    pub(super) id: AskId,
    pub(super) question: Question,
}

/// What [`Inner::next`] found.
pub(super) enum Next {
    Step(Step),
    /// The client has to be asked in the answer; the call waits (P11.9).
    Park,
}

/// What happened to a running call.
enum Happened {
    Event(Event),
    Answered(Routed, Result<(), UpstreamError>),
    Started(Result<Routed, RouteError>),
    Said(Said),
    Gathered,
    Rested,
    /// Something changed in what the token may do, or it ended.
    Stirred,
    Cancelled,
}

impl Inner {
    pub(super) fn new(
        visit: &Visit<'_>,
        client: ClientSide,
        control: Option<Arc<CallControl>>,
        target: Target,
        reissued: bool,
        record: RecordGuard,
    ) -> Self {
        Self {
            gateway: visit.gateway.clone(),
            isolation: isolation(visit, &client),
            token: visit.admitted.token.clone(),
            principal: visit.admitted.principal.clone(),
            workspace: visit.admitted.workspace.clone(),
            turn: visit.admitted.turn,
            leg: Leg::Waiting,
            deadline: tokio::time::Instant::now().into_std() + target.link.spec().timeouts.call_max,
            from: Revision::LATEST,
            asking: None,
            rounds: Rounds::default(),
            given: target.params.object("inputResponses"),
            asked: Vec::new(),
            asks_anew: false,
            gather_until: None,
            answers: VecDeque::new(),
            parked_since: None,
            logs: LogBudget::default(),
            passing: Passing::default(),
            queue: VecDeque::new(),
            client,
            control,
            place: None,
            target,
            reissued,
            record,
        }
    }

    /// Goes on for another request of the client (P11.11).
    pub(super) fn continue_for(
        &mut self,
        visit: &Visit<'_>,
        client: ClientSide,
        record: RecordGuard,
    ) {
        self.token = visit.admitted.token.clone();
        self.principal = visit.admitted.principal.clone();
        self.turn = visit.admitted.turn;
        self.client = client;
        self.record = record;
    }

    fn call(&self, extra: Vec<(&'static str, Json)>) -> Call {
        let target = &self.target;
        Call {
            method: target.method.to_upstream(),
            params: target.params.clone(),
            name: target.name.clone(),
            tool: target.tool.as_ref().map(|tool| tool.definition.clone()),
            capabilities: self.client.capabilities.clone(),
            log_level: self.client.log_level.clone(),
            wants_progress: self.client.progress_token.is_some(),
            isolation: self.isolation.clone(),
            deadline: self.deadline,
            extra,
        }
    }

    /// The call with policy's leave and the bulkheads it has to pass.
    fn permitted(&self, call: Call) -> Result<Permitted<LinkCall>, RpcError> {
        let principal = self.principal.clone();
        self.target
            .permit(principal, &self.token, &self.workspace, call)
    }

    /// Takes a place among the calls under way, or answers that there is none (R-21).
    pub(super) fn take_place(&mut self) -> Result<(), Finished> {
        let in_workspace = self.workspace.bulkhead.under_way();
        self.place = self.gateway.overload().begin_call(in_workspace);
        if self.place.is_some() {
            return self.take_quota();
        }
        let era = self.client.revision.era();
        let error = reply::overloaded("too many calls under way", era);
        let mut finished = Finished::error(&self.client.id, &error, era);
        finished.status = StatusCode::SERVICE_UNAVAILABLE;
        let len = finished.len();
        self.record
            .finish(CallStatus::Overloaded, Some(error.code), len);
        Err(finished)
    }

    /// Counts a tool call against the month, or answers that it is used up.
    fn take_quota(&mut self) -> Result<(), Finished> {
        if self.target.method != Method::CallTool {
            return Ok(());
        }
        let Err(used_up) = self.gateway.take_call(&self.workspace) else {
            return Ok(());
        };
        let era = self.client.revision.era();
        let error = reply::quota_used_up(&used_up, era);
        let mut finished = Finished::error(&self.client.id, &error, era);
        finished.status = StatusCode::TOO_MANY_REQUESTS;
        let len = finished.len();
        self.record
            .finish(CallStatus::RateLimited, Some(error.code), len);
        Err(finished)
    }

    /// Under strict records, brings the intent of a writing call to the disk before anything is sent; a call whose
    /// intent cannot be recorded is refused (R-12).
    pub(super) async fn begin_durably(&mut self) -> Result<(), Finished> {
        let tool = self.target.tool.as_ref();
        let writes = tool.is_some_and(|tool| tool.classification != Classification::ReadOnly);
        if !self.workspace.strict_records || !writes || self.record.begin_durably().await {
            return Ok(());
        }
        let era = self.client.revision.era();
        let error = reply::not_recorded(era, self.record.id());
        let finished = Finished::error(&self.client.id, &error, era);
        let len = finished.len();
        self.record
            .finish(CallStatus::Internal, Some(error.code), len);
        Err(finished)
    }

    /// Sends the first round, unless what it asks for is taken away before its turn comes.
    pub(super) async fn send(&mut self, extra: Vec<(&'static str, Json)>) -> Result<(), Finished> {
        if self.token.life.is_stirred(self.turn) {
            self.renew()?;
        }
        let call = self.call(extra);
        let Ok(permitted) = self.permitted(call) else {
            return Err(self.no_longer_permitted());
        };
        self.record.goes_to_server();
        let starting = toolgate_router::call(permitted);
        tokio::pin!(starting);
        let started = loop {
            tokio::select! {
                biased;
                started = &mut starting => break started,
                () = self.token.life.stirred(self.turn) => match self.standing() {
                    Standing::Holds => {}
                    Standing::Ended | Standing::Taken => return Err(self.no_longer_permitted()),
                },
            }
        };
        match self.on_started(started) {
            None => Ok(()),
            Some(failed) => Err(failed),
        }
    }

    /// The next message or the end. Cancel safe: everything under way is kept in `self`.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            if let Some(end) = self.look_again() {
                return Next::Step(end);
            }
            if let Some(step) = self.queue.pop_front() {
                return Next::Step(step);
            }
            let happened = self.happens().await;
            // Before anything is made of it: what came too late is not delivered (S-42).
            if let Some(end) = self.look_again() {
                return Next::Step(end);
            }
            let step = match happened {
                Happened::Event(event) => self.on_event(event),
                Happened::Answered(routed, told) => self.on_answered(routed, &told),
                Happened::Started(started) => self.on_started(started).map(|end| self.end(end)),
                Happened::Said(said) => self.on_said(said),
                Happened::Gathered => {
                    self.gather_until = None;
                    return Next::Park;
                }
                Happened::Rested => self.begin_again().err().map(|end| self.end(end)),
                Happened::Stirred => None,
                Happened::Cancelled => Some(self.cancelled()),
            };
            match step {
                // As the next turn would find it.
                Some(step) if self.queue.is_empty() => {
                    return Next::Step(self.look_again().unwrap_or(step));
                }
                Some(step) => self.queue.push_back(step),
                None => {}
            }
        }
    }

    async fn happens(&mut self) -> Happened {
        let control = self.control.as_deref();
        tokio::select! {
            biased;
            happened = heard(&mut self.leg) => happened,
            said = said(&mut self.asking) => Happened::Said(said),
            () = until(self.gather_until) => Happened::Gathered,
            () = self.token.life.stirred(self.turn) => Happened::Stirred,
            () = cancelled(control) => Happened::Cancelled,
        }
    }

    // === what the server says ===

    fn on_event(&mut self, event: Event) -> Option<Step> {
        if let Leg::Running(routed) = &self.leg {
            self.from = routed.exchange.revision();
        }
        match event {
            Event::Progress(params) => self.progress(&params).map(Step::Interim),
            Event::Log(params) => self.log(&params).map(Step::Interim),
            Event::Ask(ask) => self.on_ask(ask),
            Event::Undeclared(ask) => self.on_undeclared(&ask),
            Event::Done(outcome) => self.on_done(outcome),
            Event::Large => self.on_large(),
            Event::Part(part) => Some(self.on_part(part)),
            Event::Whole(end) => Some(self.on_whole(end)),
            Event::Failed(error) if self.is_passing() => Some(self.on_broken(&error)),
            Event::Failed(error) => {
                let end = self.failed(&error);
                Some(self.end(end))
            }
        }
    }

    /// A question of an older server.
    fn on_ask(&mut self, ask: Ask) -> Option<Step> {
        if let Leg::Running(routed) = &mut self.leg {
            routed.yield_turn();
        }
        self.place = None;
        let question = Question {
            method: ask.method,
            params: ask.params,
        };
        if !links::may_show(&question) {
            let error = RpcError::new(codes::INVALID_PARAMS, "the link is not `https`");
            self.answer_server(ask.id, Answer::Error(error));
            return None;
        }
        let shown = self.shown(&question, Era::Legacy);
        if self.client.revision.era() == Era::Modern {
            let key = self.key_for(&ask.id);
            if let Some(answer) = self.given(&key, &shown.method) {
                self.answer_server(ask.id, Answer::Result(answer));
                return None;
            }
            self.asked.push(Asked {
                key,
                id: ask.id,
                question: shown,
            });
            self.asks_anew = true;
            let soon = tokio::time::Instant::now() + GATHER;
            self.gather_until.get_or_insert(soon);
            return None;
        }
        let id = ask.id.clone();
        if let Some(message) = self.ask_client(&shown, Asker::Ask(ask.id)) {
            return Some(Step::Interim(message));
        }
        let error = RpcError::new(codes::METHOD_NOT_FOUND, "the client cannot be asked");
        self.answer_server(id, Answer::Error(error));
        None
    }

    /// The server asked for what the client did not declare, and was told so. A modern client learns what it
    /// would have to declare (P11.23); an older one waits for what the server makes of it.
    fn on_undeclared(&mut self, ask: &Ask) -> Option<Step> {
        if self.client.revision.era() == Era::Legacy {
            return None;
        }
        let error = missing_capability(&ask.method, &ask.params);
        let end = self.error_as_it_is(&error);
        Some(self.end(end))
    }

    fn on_done(&mut self, outcome: Outcome) -> Option<Step> {
        let end = match outcome {
            // Every result of MCP is an object, and clients rely on it (S-69).
            Outcome::Result(result) if !result.bytes().starts_with(b"{") => {
                self.broken_promise("a result that is not an object")
            }
            Outcome::Result(result)
                if self.from.era() == Era::Modern
                    && result_type(&result) != ResultType::Complete =>
            {
                match self.on_input_required(&result) {
                    Ok(()) => return None,
                    Err(end) => end,
                }
            }
            Outcome::Result(result) => self.result(&result),
            Outcome::Error(error) => self.error(error),
        };
        Some(self.end(end))
    }

    // === the end ===

    /// Before the answer, whatever is still open at the client is taken back: it goes into the queue, at whose
    /// end the caller puts the answer.
    fn end(&mut self, finished: Finished) -> Step {
        self.leg = Leg::Waiting;
        self.asked.clear();
        self.after_withdrawals(Step::Answer(finished))
    }

    fn after_withdrawals(&mut self, last: Step) -> Step {
        let withdrawn = self.asking.as_mut().map(Asking::withdraw);
        let withdrawn = withdrawn.into_iter().flatten().map(Step::Interim);
        self.queue.extend(withdrawn);
        last
    }

    fn cancelled(&mut self) -> Step {
        self.record.finish(CallStatus::Cancelled, None, 0);
        self.leg = Leg::Waiting;
        self.after_withdrawals(Step::Silence)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let (Some(session), Some(control)) = (&self.client.session, &self.control) {
            session.finish(control);
        }
        let asked = std::mem::take(&mut self.asked);
        if asked.is_empty() {
            return;
        }
        // P11.13: a server that waits for answers gets them before the call is cancelled.
        let background = self.gateway.background();
        match std::mem::replace(&mut self.leg, Leg::Waiting) {
            Leg::Running(routed) => background.spawn(end_politely(routed, asked)),
            Leg::Answering(answering) => {
                background.spawn(async move { end_politely(answering.await.0, asked).await });
            }
            Leg::Pausing(_) | Leg::Starting(_) | Leg::Waiting => {}
        }
    }
}

async fn end_politely(mut routed: Routed, asked: Vec<Asked>) {
    for asked in asked {
        let answer = match &*asked.question.method {
            "elicitation/create" => Answer::Result(Json::literal(r#"{"action":"cancel"}"#)),
            _ => Answer::Error(RpcError::new(-1, "cancelled")),
        };
        // A server that is gone needs no answer.
        let _ = routed.exchange.answer(asked.id, answer).await;
    }
    routed.exchange.cancel("the client did not come back");
}

/// The server's next word, whatever the call is waiting for.
async fn heard(leg: &mut Leg) -> Happened {
    match leg {
        Leg::Running(routed) => Happened::Event(routed.next().await),
        Leg::Answering(answering) => {
            let (routed, told) = answering.await;
            Happened::Answered(routed, told)
        }
        Leg::Pausing(pausing) => {
            pausing.await;
            Happened::Rested
        }
        Leg::Starting(starting) => Happened::Started(starting.await),
        Leg::Waiting => std::future::pending().await,
    }
}

async fn said(asking: &mut Option<Asking>) -> Said {
    match asking {
        Some(asking) => asking.next().await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn cancelled(control: Option<&CallControl>) {
    match control {
        Some(control) => control.cancelled().await,
        None => std::future::pending().await,
    }
}

//! What one call makes of the messages it hears, whatever carried them.

use bytes::Bytes;
use toolgate_protocol::mcp::{ResultType, may_ask, result_type};
use toolgate_protocol::{
    Era, Json, JsonLimits, Message, Notification, Object, Outcome, Request, RequestId, Response,
    RpcError, codes, write,
};

use crate::call::{Answer, Ask, AskId, Call, Event, Origin};
use crate::notice::Notice;

/// Questions of one call that may be open at once (P11.4).
const MAX_OPEN_ASKS: usize = 8;
/// Longest question (P11.4).
pub(crate) const MAX_ASK_BYTES: usize = 64 * 1024;

/// The rules of one call: its id, what it wants to hear, what its client can be asked.
#[derive(Debug)]
pub(crate) struct Dialogue {
    id: u64,
    era: Era,
    wants_progress: bool,
    last_progress: Option<f64>,
    log_level: Option<u8>,
    capabilities: Json,
    origin: Origin,
    open_asks: Vec<RequestId>,
}

/// What a message means for the call.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The caller is told.
    Event(Event),
    /// The server is answered at once.
    Reply(Bytes),
    /// The server is refused at once, and the caller is told what it wanted.
    Undeclared(Bytes, Ask),
    /// It concerns the server, not the call.
    Notice(Notice),
    /// It means nothing here: dropped and counted (S-69).
    Dropped,
    /// The server broke the protocol; the call cannot go on.
    Broke(&'static str),
}

impl Dialogue {
    /// `capabilities` are what the server may ask the client for on this way; `origin` says whose session
    /// it is.
    pub(crate) fn new(id: u64, era: Era, call: &Call, capabilities: Json, origin: Origin) -> Self {
        Self {
            id,
            era,
            wants_progress: call.wants_progress,
            last_progress: None,
            log_level: call.log_level.as_deref().and_then(level_rank),
            capabilities,
            origin,
            open_asks: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Whether a question waits for its answer.
    pub(crate) fn is_asking(&self) -> bool {
        !self.open_asks.is_empty()
    }

    /// Judges a message. `alone` says that the channel carries this call only, so that an error
    /// without an id is ours (P3.4).
    pub(crate) fn hear(&mut self, message: Message, alone: bool) -> Heard {
        match message {
            Message::Response(response) => self.hear_response(response, alone),
            Message::Notification(notification) => self.hear_notification(notification),
            Message::Request(request) => self.hear_request(request),
        }
    }

    /// Answers matter only under our own id (P3.6, S-47).
    fn hear_response(&self, response: Response, alone: bool) -> Heard {
        let ours = match &response.id {
            Some(id) => id.as_u64() == Some(self.id),
            None => alone && matches!(response.outcome, Outcome::Error(_)),
        };
        if !ours {
            return Heard::Dropped;
        }
        if self.era == Era::Modern
            && let Outcome::Result(result) = &response.outcome
        {
            match result_type(result) {
                ResultType::Complete | ResultType::InputRequired => {}
                // The extension is never declared, so a task breaks the rule (P9.53).
                ResultType::Task => return Heard::Broke("a task that nobody asked for"),
                ResultType::Unknown => return Heard::Broke("unknown resultType"),
            }
        }
        Heard::Event(Event::Done(response.outcome))
    }

    fn hear_notification(&mut self, notification: Notification) -> Heard {
        match &*notification.method {
            "notifications/progress" => self.hear_progress(&notification.params),
            "notifications/message" => self.hear_log(notification.params),
            _ => notice(&notification, &self.origin).map_or(Heard::Dropped, Heard::Notice),
        }
    }

    /// Progress counts under our token and only when it rises (P9.38, P9.39).
    fn hear_progress(&mut self, params: &Object) -> Heard {
        let token = params.get("progressToken").and_then(|token| token.as_u64());
        let value = params
            .get("progress")
            .and_then(|value| value.as_str().parse::<f64>().ok());
        let Some(value) = value.filter(|_| self.wants_progress && token == Some(self.id)) else {
            return Heard::Dropped;
        };
        if self.last_progress.is_some_and(|last| value <= last) {
            return Heard::Dropped;
        }
        self.last_progress = Some(value);
        let rest = params.edit().remove("progressToken").finish();
        match Object::parse(rest, &JsonLimits::UPSTREAM) {
            Ok(params) => Heard::Event(Event::Progress(params)),
            Err(_) => Heard::Dropped,
        }
    }

    /// Logs below the wanted level are dropped here (P9.35).
    fn hear_log(&self, params: Object) -> Heard {
        let level = params
            .text_ref("level")
            .and_then(|level| level_rank(&level));
        match (self.log_level, level) {
            (Some(least), Some(level)) if level < least => Heard::Dropped,
            _ => Heard::Event(Event::Log(params)),
        }
    }

    fn hear_request(&mut self, request: Request) -> Heard {
        if self.era == Era::Modern {
            return Heard::Broke("a request to the client");
        }
        if request.method.as_ref() == "ping" {
            return Heard::Reply(pong(&request.id));
        }
        let fits = request.params.bytes().len() <= MAX_ASK_BYTES
            && self.open_asks.len() < MAX_OPEN_ASKS
            && !self.open_asks.contains(&request.id);
        let refused = refusal(&request.id);
        if !fits || !is_question(&request.method) {
            return Heard::Reply(refused);
        }
        if !may_ask(&self.capabilities, &request.method, &request.params) {
            let ask = Ask {
                id: AskId(request.id),
                method: request.method,
                params: request.params,
            };
            return Heard::Undeclared(refused, ask);
        }
        self.open_asks.push(request.id.clone());
        Heard::Event(Event::Ask(Ask {
            id: AskId(request.id),
            method: request.method,
            params: request.params,
        }))
    }

    /// The message that answers a question; `None` if it is not open (P12.3).
    pub(crate) fn answer(&mut self, ask: &AskId, answer: &Answer) -> Option<Bytes> {
        let at = self.open_asks.iter().position(|id| *id == ask.0)?;
        let id = self.open_asks.swap_remove(at);
        Some(match answer {
            Answer::Result(result) => write::result(&id, result.bytes()),
            Answer::Error(error) => write::error(Some(&id), error, Era::Legacy),
        })
    }
}

/// Whether it is a question to the person or model behind a client.
fn is_question(method: &str) -> bool {
    matches!(
        method,
        "elicitation/create" | "sampling/createMessage" | "roots/list"
    )
}

/// What a notification means that belongs to no call, in a session of this origin. What only one client can
/// be meant by is told only of sessions that were opened for one (P9.36, P11.24).
pub(crate) fn notice(notification: &Notification, origin: &Origin) -> Option<Notice> {
    let is_of_client = origin.session.is_some();
    let params = || notification.params.clone();
    let origin = || origin.clone();
    match &*notification.method {
        "notifications/tools/list_changed" => Some(Notice::ToolsChanged),
        "notifications/prompts/list_changed" => Some(Notice::PromptsChanged),
        "notifications/resources/list_changed" => Some(Notice::ResourcesChanged),
        "notifications/resources/updated" => {
            let uri = notification.params.text("uri")?;
            let origin = origin();
            Some(Notice::ResourceUpdated { uri, origin })
        }
        "notifications/message" if is_of_client => Some(Notice::Log {
            params: params(),
            origin: origin(),
        }),
        "notifications/elicitation/complete" if is_of_client => Some(Notice::ElicitationComplete {
            params: params(),
            origin: origin(),
        }),
        _ => None,
    }
}

/// The answer to a `ping` (P8.11).
pub(crate) fn pong(id: &RequestId) -> Bytes {
    write::result(id, b"{}")
}

/// The answer to a request that nobody here can serve (P8.11).
pub(crate) fn refusal(id: &RequestId) -> Bytes {
    let error = RpcError::new(codes::METHOD_NOT_FOUND, "Method not found");
    write::error(Some(id), &error, Era::Legacy)
}

/// Our own notice that a call is cancelled.
pub(crate) fn cancelled(id: u64, reason: &str) -> Bytes {
    let params = toolgate_protocol::ObjectEdit::new()
        .set("requestId", Json::number(id))
        .set("reason", Json::from_text(reason))
        .finish();
    write::notification("notifications/cancelled", Some(&params))
}

/// The eight levels of logging, least severe first.
pub(crate) fn level_rank(level: &str) -> Option<u8> {
    const LEVELS: [&str; 8] = [
        "debug",
        "info",
        "notice",
        "warning",
        "error",
        "critical",
        "alert",
        "emergency",
    ];
    let rank = LEVELS.iter().position(|known| *known == level)?;
    u8::try_from(rank).ok()
}

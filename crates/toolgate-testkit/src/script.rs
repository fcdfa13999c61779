//! What a tool does when it is called, step by step.

use std::time::Duration;

use serde_json::{Value, json};

/// What a tool does when it is called; a script without an ending answers the text `ok`.
#[derive(Debug, Clone, Default)]
pub struct Script {
    pub(crate) steps: Vec<Step>,
    later: Vec<Script>,
}

/// A question to the client.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// The id it is asked under, or the key towards modern clients; one is made up without it.
    pub(crate) id: Option<Value>,
    pub(crate) method: String,
    pub(crate) params: Value,
}

/// How a legacy server asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// On the stream of the call, and goes on with the answers.
    OnCall,
    /// On the general stream of the session, and goes on with the answers.
    OnGeneral,
    /// On the stream of the call, and goes on at once.
    Passing,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Progress {
        progress: u64,
        total: u64,
    },
    Log {
        level: String,
        data: Value,
    },
    Notify {
        method: String,
        params: Value,
    },
    Ask {
        queries: Vec<Query>,
        manner: Manner,
    },
    General(Value),
    Delay(Duration),
    WaitFor(String),
    /// Ends the script: what the tool answers.
    End(Ending),
}

#[derive(Debug, Clone)]
pub(crate) enum Ending {
    Result(Value),
    Error {
        code: i64,
        message: String,
        data: Value,
    },
    /// The whole request as the result's text: body, headers and the answers to what was asked before.
    Echo,
    /// The answers to the questions asked before, as the result's text.
    Answers,
    /// Waits until the client goes away or the server stops.
    Hang,
    /// Closes the connection; on a stream after what was sent so far.
    Disconnect,
    /// Drops the connection once; the client may resume and then gets the next ending.
    Reconnect {
        retry_ms: u64,
        then: Box<Ending>,
    },
    /// A well-formed answer to another request.
    WrongId,
    /// Any HTTP answer.
    Raw {
        status: u16,
        content_type: String,
        body: Vec<u8>,
    },
    /// An answer that comes piece by piece.
    Pieces {
        content_type: &'static str,
        pieces: Vec<Piece>,
    },
    /// 202 without a body.
    Accepted,
}

/// What happens in the course of an answer that comes piece by piece.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Bytes go out; `"$ID"` in them becomes the id of the request.
    Bytes(Vec<u8>),
    /// Waits for a [signal](crate::Running::signal).
    Wait(&'static str),
    /// The connection breaks.
    Cut,
}

impl Script {
    /// An empty script.
    pub fn new() -> Self {
        Self::default()
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Sends a progress notice, if the caller gave a token. Needs a streamed answer.
    #[must_use]
    pub fn progress(self, progress: u64, total: u64) -> Self {
        self.step(Step::Progress { progress, total })
    }

    /// Sends a log notice. Needs a streamed answer.
    #[must_use]
    pub fn log(self, level: &str, data: impl Into<Value>) -> Self {
        self.step(Step::Log {
            level: level.to_owned(),
            data: data.into(),
        })
    }

    /// Sends any notice. Needs a streamed answer.
    #[must_use]
    pub fn notify(self, method: &str, params: Value) -> Self {
        self.step(Step::Notify {
            method: method.to_owned(),
            params,
        })
    }

    /// Asks the client and waits for its answer. A legacy server asks on the stream; a modern one
    /// ends the round with `input_required` and goes on when the answers come.
    #[must_use]
    pub fn ask(self, method: &str, params: Value) -> Self {
        let query = Query {
            id: None,
            method: method.to_owned(),
            params,
        };
        self.query(vec![query], Manner::OnCall)
    }

    /// Asks several questions at once, each with its id, method and parameters, and waits for all answers.
    /// For a modern server the ids are the keys, and all are asked again when one answer is missing.
    #[must_use]
    pub fn ask_all<'a>(self, questions: impl IntoIterator<Item = (Value, &'a str, Value)>) -> Self {
        let queries = questions.into_iter().map(query).collect();
        self.query(queries, Manner::OnCall)
    }

    /// Asks on the session's general stream, once the client has opened it, and waits for the answer.
    #[must_use]
    pub fn ask_on_general(self, id: impl Into<Value>, method: &str, params: Value) -> Self {
        let query = query((id.into(), method, params));
        self.query(vec![query], Manner::OnGeneral)
    }

    /// Asks, and does not wait for the answer.
    #[must_use]
    pub fn ask_in_passing(self, id: impl Into<Value>, method: &str, params: Value) -> Self {
        let query = query((id.into(), method, params));
        self.query(vec![query], Manner::Passing)
    }

    fn query(self, queries: Vec<Query>, manner: Manner) -> Self {
        self.step(Step::Ask { queries, manner })
    }

    /// What the next call of the same tool does; the last script serves all calls after it.
    #[must_use]
    pub fn then(mut self, next: impl Into<Script>) -> Self {
        self.later.push(next.into());
        self
    }

    /// The script of the call with this number, from zero.
    pub(crate) fn of_call(&self, number: usize) -> Self {
        let last = self.later.len();
        match number.min(last).checked_sub(1) {
            Some(at) => self.later[at].clone(),
            None => self.clone(),
        }
    }

    /// Sends a message on the session's general stream, as servers do that do not know which call
    /// they are in. Goes nowhere if the client did not open that stream.
    #[must_use]
    pub fn general(self, message: Value) -> Self {
        self.step(Step::General(message))
    }

    /// Waits.
    #[must_use]
    pub fn delay(self, time: Duration) -> Self {
        self.step(Step::Delay(time))
    }

    /// Waits until the test gives this signal ([`Running::signal`](crate::Running::signal)).
    #[must_use]
    pub fn wait_for(self, signal: &str) -> Self {
        self.step(Step::WaitFor(signal.to_owned()))
    }

    /// Answers with one text block.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.result(text_result(text))
    }

    /// Answers with any result.
    #[must_use]
    pub fn result(self, result: Value) -> Self {
        self.step(Step::End(Ending::Result(result)))
    }

    /// Answers with a JSON-RPC error.
    #[must_use]
    pub fn error(self, code: i64, message: &str) -> Self {
        self.error_with(code, message, Value::Null)
    }

    /// Answers with a JSON-RPC error that has data.
    #[must_use]
    pub fn error_with(self, code: i64, message: &str, data: Value) -> Self {
        self.step(Step::End(Ending::Error {
            code,
            message: message.to_owned(),
            data,
        }))
    }

    /// Answers with the request itself as text: `{"body": …, "headers": …, "answers": […]}`, the last being
    /// what was answered to the script's questions.
    #[must_use]
    pub fn echo(self) -> Self {
        self.step(Step::End(Ending::Echo))
    }

    /// Answers with the answers to its questions as text: an array.
    #[must_use]
    pub fn answers(self) -> Self {
        self.step(Step::End(Ending::Answers))
    }

    /// Never answers.
    #[must_use]
    pub fn hang(self) -> Self {
        self.step(Step::End(Ending::Hang))
    }

    /// Closes the connection instead of answering.
    #[must_use]
    pub fn disconnect(self) -> Self {
        self.step(Step::End(Ending::Disconnect))
    }

    /// Closes the stream after `retry`, and gives the text to whoever resumes it. Needs
    /// [`Server::event_ids`](crate::Server::event_ids).
    #[must_use]
    pub fn reconnect(self, retry: Duration, text: &str) -> Self {
        let retry_ms = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
        let then = Box::new(Ending::Result(text_result(text)));
        self.step(Step::End(Ending::Reconnect { retry_ms, then }))
    }

    /// Answers with a wrong id.
    #[must_use]
    pub fn wrong_id(self) -> Self {
        self.step(Step::End(Ending::WrongId))
    }

    /// Answers with any HTTP response, without a content type if that is empty; on a stream the body is one event. `"$ID"` in the body becomes the
    /// id of the request, for answers whose bytes matter.
    #[must_use]
    pub fn raw(self, status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.step(Step::End(Ending::Raw {
            status,
            content_type: content_type.to_owned(),
            body: body.into(),
        }))
    }

    /// Answers with 200 and a body that comes piece by piece, its length untold.
    #[must_use]
    pub fn pieces(self, content_type: &'static str, pieces: impl Into<Vec<Piece>>) -> Self {
        let pieces = pieces.into();
        self.step(Step::End(Ending::Pieces {
            content_type,
            pieces,
        }))
    }

    /// Answers with 200 and bytes that are not JSON.
    #[must_use]
    pub fn garbage(self) -> Self {
        self.raw(200, "application/json", *b"}{ not json")
    }

    /// Answers with an HTML page, as proxies do.
    #[must_use]
    pub fn html(self, status: u16) -> Self {
        self.raw(
            status,
            "text/html",
            *b"<html><body>Bad Gateway</body></html>",
        )
    }

    /// Answers a request with 202 and nothing, which breaks the protocol.
    #[must_use]
    pub fn accepted(self) -> Self {
        self.step(Step::End(Ending::Accepted))
    }
}

fn query((id, method, params): (Value, &str, Value)) -> Query {
    Query {
        id: Some(id),
        method: method.to_owned(),
        params,
    }
}

pub(crate) fn text_result(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

impl From<&str> for Script {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<Value> for Script {
    fn from(result: Value) -> Self {
        Self::new().result(result)
    }
}

//! A permitted call on its way to the one server that owns the tool.

use std::sync::Arc;

use toolgate_namespace::ServerSlug;
use toolgate_policy::{Permitted, Principal};
use toolgate_upstream::{Call, Event, Exchange, UpstreamError};

use crate::breaker::{Pass, Verdict};
use crate::bulkhead::{self, Bulkhead, Part, Turn};
use crate::link::Link;

/// When to come again after finding no turn, milliseconds.
const RETRY_AFTER_MS: u64 = 1_000;

/// A call to one server: which, what to send, and whose turns it takes.
#[derive(Debug)]
pub struct LinkCall {
    /// The server that owns what is called.
    pub link: Arc<Link>,
    /// What to send.
    pub call: Call,
    /// What the caller's token may have under way.
    pub token: Arc<Bulkhead>,
    /// What its workspace may have under way.
    pub workspace: Arc<Bulkhead>,
}

/// A call that is under way.
#[derive(Debug)]
pub struct Routed {
    /// The conversation about it; dropping it cancels the call. Its events come from [`Routed::next`].
    pub exchange: Exchange,
    /// Who asked.
    pub principal: Principal,
    passage: Passage,
    turns: Option<[Turn; 3]>,
}

impl Routed {
    /// What [`Exchange::next`] says; how the call ended is noted by the server's breaker. Cancel safe.
    pub async fn next(&mut self) -> Event {
        let event = self.exchange.next().await;
        match &event {
            Event::Done(_) | Event::Whole(_) => self.passage.settle(Verdict::Answered),
            // It may yet break off.
            Event::Large | Event::Part(_) => {}
            Event::Failed(error) => self.passage.settle(Verdict::of(&error.kind)),
            // A probe need not wait for the end to know that the server is back.
            _ if self.passage.pass.is_probe() => self.passage.settle(Verdict::Answered),
            _ => {}
        }
        event
    }

    /// Gives the turns back while a person is asked; the call goes on without them (R-17, P11.4).
    pub fn yield_turn(&mut self) {
        self.turns = None;
    }
}

/// A call's way past the breaker; what is dropped unsettled learnt nothing.
#[derive(Debug)]
struct Passage {
    link: Arc<Link>,
    pass: Pass,
    settled: bool,
}

impl Passage {
    fn settle(&mut self, verdict: Verdict) {
        if !self.settled {
            self.settled = true;
            let breaker = &self.link.breaker;
            breaker.settle(self.pass, verdict, self.link.now_ms());
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.settle(Verdict::Nothing);
    }
}

/// A call that did not get under way.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The token, the server or the workspace has all it can take, and the queue was full or did not move in time.
    #[error("{} has too many calls under way", match part {
        Part::Token => "this token".to_owned(),
        Part::Server => format!("server `{server}`"),
        Part::Workspace => "this workspace".to_owned(),
    })]
    Overloaded {
        /// Which server was called.
        server: ServerSlug,
        /// Whose limit it was.
        part: Part,
        /// When to try again, milliseconds.
        retry_after_ms: u64,
    },
    /// The server failed again and again, and is left alone for a while.
    #[error("server `{server}` keeps failing and is given time to recover")]
    CircuitOpen {
        /// Which server.
        server: ServerSlug,
        /// When to try again, milliseconds.
        retry_after_ms: u64,
    },
    /// The server could not be given the call.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// Sends a permitted call to its server, unless its circuit is open or a bulkhead is full.
///
/// Dropping this future before it resolves abandons the call: nothing more is written, and what was
/// written is cancelled by the exchange.
pub async fn call(permitted: Permitted<LinkCall>) -> Result<Routed, RouteError> {
    let (principal, asked) = permitted.into_parts();
    let LinkCall {
        link,
        call,
        token,
        workspace,
    } = asked;
    let server = || link.spec().slug.clone();
    let overloaded = |part| RouteError::Overloaded {
        server: server(),
        part,
        retry_after_ms: RETRY_AFTER_MS,
    };
    let circuit_open = |retry_after_ms| RouteError::CircuitOpen {
        server: server(),
        retry_after_ms,
    };
    if let Some(retry_after_ms) = link.breaker.refuses(|| link.now_ms()) {
        return Err(circuit_open(retry_after_ms));
    }
    let turns = bulkhead::turns(&token, &link.bulkhead, &workspace).await;
    let turns = turns.map_err(overloaded)?;
    // A call that waits must not hold the one probe meanwhile.
    let pass = link.breaker.admit(|| link.now_ms());
    let pass = pass.map_err(circuit_open)?;
    let mut passage = Passage {
        link: link.clone(),
        pass,
        settled: false,
    };
    match link.upstream().call(call).await {
        Ok(exchange) => Ok(Routed {
            exchange,
            principal,
            passage,
            turns: Some(turns),
        }),
        Err(error) => {
            passage.settle(Verdict::of(&error.kind));
            Err(error.into())
        }
    }
}

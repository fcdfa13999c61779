//! One request and what comes back.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, timeout_at};
use toolgate_protocol::{Json, Revision};

use crate::built_in::BuiltInExchange;
use crate::call::{Answer, AskId, Call, Event};
use crate::channel::ChannelExchange;
use crate::clock::Clock;
use crate::error::{Trouble, UpstreamError, UpstreamErrorKind};
use crate::http::exchange::HttpExchange;
use crate::list;
use crate::notice::Notice;
use crate::route::{Route, Wayfinder};
use crate::session::OpenSession;
use crate::shared::Shared;

/// One request under way.
///
/// # Cancel safety
///
/// [`Exchange::next`] may be dropped and called again. Dropping the exchange before `Done` or
/// `Failed` cancels the request at the server: modern HTTP by closing the response (P8.20), legacy
/// HTTP and stdio by `notifications/cancelled` with our id.
pub struct Exchange {
    shared: Arc<Shared>,
    /// Finds another way if the server turns out to speak another era; used once.
    wayfinder: Option<Arc<Wayfinder>>,
    route: Route,
    call: Arc<Call>,
    clock: Clock,
    revision: Revision,
    way: Way,
    /// A large result is handed on as it comes.
    passing: bool,
}

/// What carries the call.
enum Way {
    Http(Box<HttpExchange>),
    Channel(Box<ChannelExchange>),
    BuiltIn(Box<BuiltInExchange>),
    /// Learning what has changed at the server, then starting again.
    Turning(BoxFuture<'static, Result<Turned, UpstreamError>>),
    Over,
}

/// One step of whatever carries a call.
#[derive(Debug)]
pub(crate) enum Step {
    /// The caller is told.
    Event(Event),
    /// Something happened that only shows that the server is alive.
    Alive,
    /// The server refused in a way that shows another era; told if no other is found (P8.2).
    WrongEra(Event),
    /// The server refused headers that do not fit the tool; told if it happens again (P8.18).
    StaleTool(Event),
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("server", &self.shared.spec.slug)
            .field("method", &self.call.method)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    /// Starts a call on whatever way leads to the server now.
    pub(crate) async fn begin(
        wayfinder: &Arc<Wayfinder>,
        call: Call,
    ) -> Result<Self, UpstreamError> {
        let shared = wayfinder.shared();
        let call = Arc::new(call);
        let deadline = shared.deadline(&call, Instant::now());
        let starting = wayfinder.with_route(|route| {
            let (shared, call) = (Arc::clone(shared), Arc::clone(&call));
            async move { start(&shared, &route, &call).await.map(|way| (route, way)) }
        });
        let started = timeout_at(deadline, starting).await;
        let (route, way) = started.map_err(|_| shared.not_sent(UpstreamErrorKind::TimedOut))??;
        let wayfinder = Some(Arc::clone(wayfinder));
        let now = Instant::now();
        Ok(Self {
            clock: Clock::new(now, shared.spec.timeouts.call_idle, deadline),
            revision: way.revision().unwrap_or(Revision::LATEST),
            shared: Arc::clone(shared),
            wayfinder,
            route,
            call,
            way,
            passing: false,
        })
    }

    /// The next thing that happened. After `Done` or `Failed` it fails again as `Closed`.
    ///
    /// Fails as `TimedOut`, and cancels at the server, when nothing came for `call_idle` or the
    /// deadline passed (P12.2). Cancel safe.
    pub async fn next(&mut self) -> Event {
        if self.passing {
            // How long the caller took over the last part is not the server's time; the whole is.
            let now = Instant::now();
            if self.clock.is_over(now) {
                return self.time_out();
            }
            self.clock.touch(now);
        }
        loop {
            let step = match self.clock.limit() {
                Some(limit) => match timeout_at(limit, self.way.step(&self.shared)).await {
                    Ok(step) => step,
                    Err(_) => return self.time_out(),
                },
                None => self.way.step(&self.shared).await,
            };
            match step {
                Next::Step(Step::Alive) => self.clock.touch(Instant::now()),
                Next::Step(Step::Event(event)) => return self.report(event),
                Next::Step(Step::WrongEra(event)) => {
                    if !self.turn_to_other_era() {
                        return self.report(event);
                    }
                }
                Next::Step(Step::StaleTool(event)) => {
                    if !self.turn_to_new_tool() {
                        return self.report(event);
                    }
                }
                Next::Turned(turned) => {
                    self.route = turned.route;
                    self.way = turned.way;
                }
            }
        }
    }

    fn report(&mut self, event: Event) -> Event {
        self.revision = self.way.revision().unwrap_or(self.revision);
        match &event {
            Event::Done(_) | Event::Whole(_) | Event::Failed(_) => {
                self.way = Way::Over;
                self.passing = false;
            }
            // Time stands still for the server while a person thinks (P11.5).
            Event::Ask(_) => self.clock.pause(Instant::now()),
            Event::Progress(_)
            | Event::Log(_)
            | Event::Undeclared(_)
            | Event::Large
            | Event::Part(_) => {
                self.clock.touch(Instant::now());
            }
        }
        event
    }

    fn time_out(&mut self) -> Event {
        let begun = self.way.has_begun();
        self.way.cancel("the time is up");
        self.way = Way::Over;
        self.passing = false;
        let kind = UpstreamErrorKind::TimedOut;
        Event::Failed(if begun {
            self.shared.unknown(kind)
        } else {
            self.shared.not_sent(kind)
        })
    }

    /// Finds out the era again and starts again there, once a call.
    fn turn_to_other_era(&mut self) -> bool {
        let Some(wayfinder) = self.wayfinder.take().filter(|w| w.may_turn()) else {
            return false;
        };
        wayfinder.forget(&self.route);
        let call = Arc::clone(&self.call);
        self.way = Way::Turning(async move { restart(&wayfinder, call).await }.boxed());
        true
    }

    /// Reads the tool's definition again and repeats the call with headers that fit it, once.
    fn turn_to_new_tool(&mut self) -> bool {
        let (Some(wayfinder), Some(name)) = (self.wayfinder.take(), self.call.name.clone()) else {
            return false;
        };
        let call = Arc::clone(&self.call);
        let turning = async move {
            let tools = list::tools(&wayfinder).await?;
            // Everybody else's copy is stale too.
            wayfinder.shared().tell(Notice::ToolsChanged);
            let tool = tools
                .into_iter()
                .find(|tool| *tool.name == *name)
                .map(Arc::new);
            restart(&wayfinder, Arc::new(call.with_tool(tool))).await
        };
        self.way = Way::Turning(turning.boxed());
        true
    }

    /// The revision spoken with the server. It may still change until the first event, when a server
    /// turns out to have been replaced by a newer one.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// After [`Event::Large`], has the result handed on in parts to a client of revision `to`, changed for it as far
    /// as it needs it; false if it has to be whole for that, and is collected. `server_info` is the gateway's own.
    pub fn pass(&mut self, to: Revision, server_info: &Json) -> bool {
        self.passing = match &mut self.way {
            Way::Http(exchange) => exchange.pass(to, server_info),
            Way::Channel(_) | Way::BuiltIn(_) | Way::Turning(_) | Way::Over => false,
        };
        self.passing
    }

    /// Answers a question. Time stands still for the call while a question is open (P11.5).
    ///
    /// Fails as `Closed` when the question is not open. Not cancel safe: dropped, the answer may or
    /// may not have reached the server.
    pub async fn answer(&mut self, id: AskId, answer: Answer) -> Result<(), UpstreamError> {
        let answered = match &mut self.way {
            Way::Http(exchange) => exchange.answer(&id, &answer).await,
            Way::Channel(exchange) => exchange.answer(&id, &answer).await,
            Way::BuiltIn(_) | Way::Turning(_) | Way::Over => {
                Err(self.shared.not_sent(UpstreamErrorKind::Closed))
            }
        };
        if !self.way.is_asking() {
            self.clock.resume(Instant::now());
        }
        answered
    }

    /// Cancels the request at the server, with a reason that the server may log.
    pub fn cancel(mut self, reason: &str) {
        self.way.cancel(reason);
    }
}

/// A step, or a new way that was found.
enum Next {
    Step(Step),
    Turned(Turned),
}

/// The way after a turn.
struct Turned {
    route: Route,
    way: Way,
}

/// Starts a call again on the way that leads to the server now.
async fn restart(wayfinder: &Arc<Wayfinder>, call: Arc<Call>) -> Result<Turned, UpstreamError> {
    let route = wayfinder.route().await.map_err(Trouble::into_error)?;
    let way = start(wayfinder.shared(), &route, &call)
        .await
        .map_err(Trouble::into_error)?;
    Ok(Turned { route, way })
}

impl Way {
    async fn step(&mut self, shared: &Shared) -> Next {
        match self {
            Self::Http(exchange) => Next::Step(exchange.step().await),
            Self::Channel(exchange) => Next::Step(exchange.step().await),
            Self::BuiltIn(exchange) => Next::Step(exchange.step().await),
            Self::Turning(turning) => match turning.await {
                Ok(turned) => Next::Turned(turned),
                Err(error) => Next::Step(Step::Event(Event::Failed(error))),
            },
            Self::Over => {
                let error = shared.not_sent(UpstreamErrorKind::Closed);
                Next::Step(Step::Event(Event::Failed(error)))
            }
        }
    }

    fn revision(&self) -> Option<Revision> {
        match self {
            Self::Http(exchange) => Some(exchange.revision()),
            Self::Channel(exchange) => Some(exchange.revision()),
            Self::BuiltIn(_) => Some(BuiltInExchange::revision()),
            Self::Turning(_) | Self::Over => None,
        }
    }

    fn is_asking(&self) -> bool {
        match self {
            Self::Http(exchange) => exchange.is_asking(),
            Self::Channel(exchange) => exchange.is_asking(),
            Self::BuiltIn(_) | Self::Turning(_) | Self::Over => false,
        }
    }

    /// Whether the server may have heard of the call.
    fn has_begun(&self) -> bool {
        match self {
            Self::Http(exchange) => exchange.has_begun(),
            Self::Channel(_) => true,
            Self::BuiltIn(exchange) => exchange.has_begun(),
            Self::Turning(_) | Self::Over => false,
        }
    }

    fn cancel(&mut self, reason: &str) {
        match self {
            Self::Http(exchange) => exchange.cancel(reason),
            Self::Channel(exchange) => exchange.cancel(reason),
            // What waits for its turn is not begun; what was begun is done.
            Self::BuiltIn(_) | Self::Turning(_) | Self::Over => {}
        }
    }
}

/// Finds or opens what carries the call, and starts it there.
async fn start(shared: &Arc<Shared>, route: &Route, call: &Arc<Call>) -> Result<Way, Trouble> {
    let own = Arc::clone(shared);
    if let Route::Modern(modern) = route {
        let exchange = HttpExchange::modern(own, modern, Arc::clone(call))?;
        return Ok(Way::Http(Box::new(exchange)));
    }
    if let Route::BuiltIn(server) = route {
        let exchange = BuiltInExchange::new(own, Arc::clone(server), Arc::clone(call));
        return Ok(Way::BuiltIn(Box::new(exchange)));
    }
    let Some(session) = route.session(call).await? else {
        return Err(shared.not_sent(UpstreamErrorKind::Closed).into());
    };
    if let Some(level) = call.log_level.as_deref() {
        Box::pin(session.set_level(Some(level))).await;
    }
    Ok(match session {
        OpenSession::Http(legacy, lease) => {
            let exchange = HttpExchange::legacy(own, legacy, lease, Arc::clone(call));
            Way::Http(Box::new(exchange))
        }
        OpenSession::Channel(lease) => {
            let exchange = Box::pin(ChannelExchange::start(own, lease, call)).await?;
            Way::Channel(Box::new(exchange))
        }
    })
}

//! Modern servers: one `subscriptions/listen` for everything (P9.43, P9.48).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use toolgate_protocol::RpcError;

use super::WatchError;
use super::keeper::{Ending, Keeper};
use super::stream::{Change, Filter, Heard, Listen, NotOpened};
use crate::channel::Conversation;
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::http::modern::Modern;
use crate::notice::Notice;
use crate::pool::Lease;
use crate::route::Route;
use crate::session::OpenSession;
use crate::shared::Shared;

/// How long the listen before is read beside its successor: what came before the acknowledgement may still
/// be on its way there.
const OVERLAP: Duration = Duration::from_millis(250);
/// How long the wish for less waits, since a wish for something else often follows it.
const SETTLE: Duration = Duration::from_millis(100);

/// What carries a listen.
#[derive(Debug)]
pub(super) enum Way {
    /// A request of its own.
    Http(Arc<Modern>),
    /// The child that everybody shares.
    Channel(Lease<Conversation>),
}

impl Way {
    pub(super) fn of(route: &Route, session: Option<OpenSession>) -> Option<Self> {
        match (route, session) {
            (Route::Modern(modern), _) => Some(Self::Http(Arc::clone(modern))),
            (_, Some(OpenSession::Channel(lease))) => Some(Self::Channel(lease)),
            _ => None,
        }
    }

    fn set_kept(&self, kept: bool) {
        if let Self::Channel(lease) = self {
            lease.value.channel.board().set_kept(kept);
        }
    }
}

/// Listens to what is wished for, until the stream ends or nothing is wished for.
pub(super) async fn keep(
    shared: &Arc<Shared>,
    keeper: &Keeper,
    way: &Way,
    stood: &mut bool,
) -> Ending {
    way.set_kept(true);
    let mut ear = Ear {
        shared,
        keeper,
        way,
        current: None,
        refused: None,
    };
    let ending = ear.listen(stood).await;
    if matches!(ending, Ending::Idle) {
        way.set_kept(false);
        *stood = false;
    }
    ending
}

struct Ear<'a> {
    shared: &'a Arc<Shared>,
    keeper: &'a Keeper,
    way: &'a Way,
    current: Option<Listen>,
    /// What the server did not want: not asked for again.
    refused: Option<Filter>,
}

impl Ear<'_> {
    async fn listen(&mut self, stood: &mut bool) -> Ending {
        let mut settled_at = None;
        loop {
            if self.keeper.is_idle() {
                return Ending::Idle;
            }
            if self.keeper.is_rerouted() {
                return Ending::Rerouted;
            }
            let filter = self.wanted();
            let change = self.change_to(&filter);
            if change == Change::Narrower {
                settled_at.get_or_insert_with(|| Instant::now() + SETTLE);
            } else {
                settled_at = None;
            }
            if change == Change::Wider {
                let begins = self.current.is_none();
                if let Err(ending) = self.ask_for(filter).await {
                    return ending;
                }
                if begins && self.current.is_some() && std::mem::replace(stood, true) {
                    self.shared.tell(Notice::Reconnected);
                }
                continue;
            }
            let settled = async {
                match settled_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                heard = next_of(&mut self.current) => {
                    if let Some(error) = tell(self.shared, heard) {
                        return Ending::Lost(error);
                    }
                }
                () = self.keeper.changed() => {}
                () = settled => {
                    settled_at = None;
                    if filter.is_empty() {
                        self.current = None;
                    } else if let Err(ending) = self.ask_for(filter).await {
                        return ending;
                    }
                }
            }
        }
    }

    /// The lists that the server says it tells about, all three when it did not say, and the resources.
    fn wanted(&self) -> Filter {
        let (lists, uris) = self.keeper.wanted();
        let snapshot = self.shared.snapshot();
        let tells = |feature: &str| {
            let Some(snapshot) = &snapshot else {
                return true;
            };
            let capabilities = snapshot.capabilities.object();
            let feature = capabilities.and_then(|capabilities| capabilities.object(feature));
            feature.is_some_and(|feature| feature.raw("listChanged") == Some(b"true"))
        };
        Filter {
            tools: lists && tells("tools"),
            prompts: lists && tells("prompts"),
            resources: lists && tells("resources"),
            uris,
        }
    }

    /// What to do about the difference; tells who waits what is known already.
    fn change_to(&self, filter: &Filter) -> Change {
        if self.keeper.is_unsupported() || filter.is_empty() {
            self.keeper.judge_lists(Ok(()));
        }
        if let Some(listen) = &self.current {
            judge(self.keeper, listen);
            return match listen.change_to(filter) {
                Change::Wider if self.refused.as_ref() == Some(filter) => Change::Same,
                change => change,
            };
        }
        let nothing = self.keeper.is_unsupported() || filter.is_empty();
        if nothing || self.refused.as_ref() == Some(filter) {
            Change::Same
        } else {
            Change::Wider
        }
    }

    /// Opens a listen in place of the one before, which ends only when its successor stands.
    async fn ask_for(&mut self, filter: Filter) -> Result<(), Ending> {
        match self.open(filter.clone()).await {
            Ok(new) => {
                self.refused = None;
                judge(self.keeper, &new);
                match self.current.replace(new) {
                    Some(old) => self.retire(old).await.map_err(Ending::Lost),
                    None => Ok(()),
                }
            }
            Err(NotOpened::Failed(error)) => Err(Ending::Failed(error)),
            Err(NotOpened::WrongEra(error)) => Err(Ending::WrongEra(error)),
            Err(NotOpened::Refused(error)) if !filter.uris.is_empty() => {
                self.refuse(&filter, &error);
                self.refused = Some(filter);
                Ok(())
            }
            Err(NotOpened::Unsupported | NotOpened::Refused(_)) => {
                self.keeper.set_unsupported();
                Ok(())
            }
        }
    }

    /// Asks, and goes on hearing the listen before meanwhile.
    async fn open(&mut self, filter: Filter) -> Result<Listen, NotOpened> {
        let opening = timeout(
            self.shared.spec.timeouts.list,
            Listen::open(self.shared, self.way, filter),
        );
        tokio::pin!(opening);
        loop {
            tokio::select! {
                opened = &mut opening => {
                    let late = |_| self.shared.unknown(UpstreamErrorKind::TimedOut);
                    return opened.map_err(late)?;
                }
                heard = next_of(&mut self.current) => {
                    if tell(self.shared, heard).is_some() {
                        self.current = None;
                    }
                }
            }
        }
    }

    /// Whoever waits for one of these resources hears what the server said.
    fn refuse(&self, filter: &Filter, error: &RpcError) {
        for uri in &filter.uris {
            let refused = WatchError::Refused(error.clone());
            self.keeper.judge(uri, Err(refused));
        }
    }

    /// Reads what is left of the listen before. What came after the acknowledgement comes on its successor
    /// too; what came only here is told at the end, so that nothing is told twice and nothing is lost (P9.48).
    async fn retire(&mut self, mut old: Listen) -> Result<(), UpstreamError> {
        // In a child's one stream everything before the acknowledgement was read before it.
        let overlap = if old.is_queue() {
            Duration::ZERO
        } else {
            OVERLAP
        };
        let until = Instant::now() + overlap;
        let (mut told, mut held) = (Vec::new(), Vec::new());
        let mut is_open = true;
        let ended = loop {
            tokio::select! {
                biased;
                heard = next_of(&mut self.current) => {
                    if let Heard::Notice(notice) = &heard {
                        told.push(notice.clone());
                    }
                    if let Some(error) = tell(self.shared, heard) {
                        break Err(error);
                    }
                }
                heard = old.next(), if is_open => match heard {
                    Heard::Notice(notice) => held.push(notice),
                    Heard::Ended(_) | Heard::Broke(_) => is_open = false,
                    Heard::Acknowledged(_) | Heard::Nothing => {}
                },
                () = sleep_until(until) => break Ok(()),
            }
        };
        for notice in held.into_iter().filter(|notice| !told.contains(notice)) {
            self.shared.tell(notice);
        }
        ended
    }
}

/// Tells who waits what the server agreed to.
fn judge(keeper: &Keeper, listen: &Listen) {
    keeper.judge_lists(Ok(()));
    for uri in &listen.asked.uris {
        let agreed = listen.honoured.contains(uri);
        let judgement = agreed.then_some(()).ok_or(WatchError::NotOffered);
        keeper.judge(uri, judgement);
    }
}

async fn next_of(listen: &mut Option<Listen>) -> Heard {
    match listen {
        Some(listen) => listen.next().await,
        None => std::future::pending().await,
    }
}

/// Passes on what was heard; gives the reason when nothing more will come.
fn tell(shared: &Shared, heard: Heard) -> Option<UpstreamError> {
    match heard {
        Heard::Notice(notice) => {
            shared.tell(notice);
            None
        }
        Heard::Acknowledged(_) => None,
        Heard::Nothing => {
            shared.count_dropped();
            None
        }
        Heard::Ended(_) => {
            let kind = UpstreamErrorKind::Unreachable("the server ended the listen");
            Some(shared.unknown(kind))
        }
        Heard::Broke(error) => Some(error),
    }
}

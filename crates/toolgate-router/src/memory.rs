//! What one server last said to one question, and how it went when it was last asked.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// After a failed attempt nobody waits for a server this long; it is retried in the background.
const QUIET_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// What could not be heard again for this long is forgotten (P9.14).
const KEPT_FOR: Duration = Duration::from_hours(24);

/// How a link fared when it was last asked.
#[derive(Debug, Clone, Default)]
pub enum LinkHealth {
    /// Not asked yet in this process.
    #[default]
    Unknown,
    /// It answered.
    Up,
    /// It did not.
    Down {
        /// What went wrong, fit for an admin's eyes.
        error: Arc<str>,
        /// When.
        since: Instant,
    },
}

/// One answer of a server, remembered.
#[derive(Debug)]
pub(crate) struct Memory<T> {
    heard: ArcSwapOption<Heard<T>>,
    health: ArcSwap<LinkHealth>,
    /// An answer to a question from before this moment may be out of date.
    invalid_since: ArcSwapOption<Instant>,
    first_asked: OnceLock<Instant>,
    asking: Mutex<()>,
}

/// An answer and when it came.
#[derive(Debug)]
pub(crate) struct Heard<T> {
    pub(crate) said: Arc<T>,
    /// When it came; for what came from the store, when that was read.
    pub(crate) at: Instant,
    /// When the question was sent; `None` for what came from the store.
    asked_at: Option<Instant>,
}

impl<T: PartialEq> Memory<T> {
    /// A memory of what the store remembers.
    pub(crate) fn new(stored: Option<T>) -> Self {
        let heard = stored.map(|said| {
            Arc::new(Heard {
                said: Arc::new(said),
                at: Instant::now(),
                asked_at: None,
            })
        });
        Self {
            heard: ArcSwapOption::new(heard),
            health: ArcSwap::default(),
            invalid_since: ArcSwapOption::empty(),
            first_asked: OnceLock::new(),
            asking: Mutex::new(()),
        }
    }

    /// The last answer.
    pub(crate) fn said(&self) -> Option<Arc<T>> {
        self.heard.load().as_ref().map(|heard| heard.said.clone())
    }

    /// The last answer, if it came in this process.
    pub(crate) fn heard_here(&self) -> Option<Arc<T>> {
        let heard = self.heard.load();
        let heard = heard.as_ref().filter(|heard| heard.asked_at.is_some());
        heard.map(|heard| heard.said.clone())
    }

    /// The last answer and when it came.
    pub(crate) fn heard(&self) -> Option<Arc<Heard<T>>> {
        self.heard.load_full()
    }

    /// How the last attempt went.
    pub(crate) fn health(&self) -> Arc<LinkHealth> {
        self.health.load_full()
    }

    /// Whether the last attempt failed.
    pub(crate) fn is_down(&self) -> bool {
        matches!(&**self.health.load(), LinkHealth::Down { .. })
    }

    /// Whether the last attempt failed so recently that nobody should wait for another one.
    pub(crate) fn failed_recently(&self) -> bool {
        matches!(&**self.health.load(), LinkHealth::Down { since, .. } if since.elapsed() < QUIET_AFTER_FAILURE)
    }

    /// Says that answers to questions asked before now may be out of date.
    pub(crate) fn invalidate(&self) {
        self.invalid_since.store(Some(Arc::new(Instant::now())));
    }

    /// Whether who lists everything has to wait: there is no answer, or it is known to be out of date, and the
    /// server is not known to be down. One that failed is asked again behind the lists, or each of them would
    /// wait for it.
    pub(crate) fn must_wait(&self) -> bool {
        !self.is_usable() && !self.is_down()
    }

    /// Whether who needs just this server should ask it first: as above, but one that failed a while ago may be
    /// back.
    pub(crate) fn is_worth_asking(&self) -> bool {
        !self.is_usable() && !self.failed_recently()
    }

    /// Whether the question was put for the first time longer ago than that.
    pub(crate) fn was_asked_before(&self, ago: Duration) -> bool {
        self.first_asked
            .get()
            .is_some_and(|first| first.elapsed() >= ago)
    }

    /// Whether there is an answer that nobody called out of date.
    pub(crate) fn is_usable(&self) -> bool {
        self.heard.load().as_ref().is_some_and(|h| self.is_valid(h))
    }

    /// Whether the answer came in this process, is younger than that, and was not called out of date.
    pub(crate) fn is_fresh(&self, fresh_for: Duration) -> bool {
        self.heard.load().as_ref().is_some_and(|heard| {
            heard.asked_at.is_some() && heard.at.elapsed() < fresh_for && self.is_valid(heard)
        })
    }

    /// Whether the question should be asked again, and nobody is at it.
    pub(crate) fn wants_refresh(&self, fresh_for: Duration) -> bool {
        !self.is_fresh(fresh_for) && !self.failed_recently() && !self.is_being_asked()
    }

    /// Until when there is nothing to do about the answer: it is fresh, or its server failed just now. `None` when
    /// there is something to do already.
    pub(crate) fn settled_until(&self, fresh_for: Duration) -> Option<Instant> {
        let heard = self.heard.load();
        let fresh_until = heard
            .as_ref()
            .filter(|heard| heard.asked_at.is_some() && self.is_valid(heard))
            .map(|heard| heard.at + fresh_for)
            .filter(|until| *until > Instant::now());
        fresh_until.or_else(|| self.quiet_until())
    }

    /// Until when nobody asks again, since the last attempt failed.
    pub(crate) fn quiet_until(&self) -> Option<Instant> {
        match &**self.health.load() {
            LinkHealth::Down { since, .. } => {
                Some(*since + QUIET_AFTER_FAILURE).filter(|until| *until > Instant::now())
            }
            LinkHealth::Unknown | LinkHealth::Up => None,
        }
    }

    /// Whether the question is under way.
    pub(crate) fn is_being_asked(&self) -> bool {
        self.asking.try_lock().is_err()
    }

    /// Ends when the question is not under way any more.
    pub(crate) async fn until_asked(&self) {
        drop(self.asking.lock().await);
    }

    fn is_valid(&self, heard: &Heard<T>) -> bool {
        heard.asked_at >= self.invalid_since.load().as_deref().copied()
    }

    /// Asks and remembers. `news` is told of every answer that differs from the one before, and of one that is
    /// forgotten, before anybody else can see that the question was answered.
    ///
    /// Single flight: whoever comes while the question is asked takes the outcome, unless that was called out
    /// of date meanwhile. Cancel safe: dropped, it leaves the old answer in place.
    pub(crate) async fn refresh<F>(
        &self,
        ask: impl FnOnce() -> F,
        news: impl FnOnce(Option<&T>, Option<&T>),
    ) -> Result<Arc<T>, Arc<str>>
    where
        F: Future<Output = Result<T, Arc<str>>>,
    {
        let came_at = Instant::now();
        let _turn = self.asking.lock().await;
        if let Some(outcome) = self.outcome_since(came_at) {
            return outcome;
        }
        let asked_at = Instant::now();
        self.first_asked.get_or_init(|| asked_at);
        match ask().await {
            Ok(said) => Ok(self.remember(said, asked_at, news)),
            Err(error) => {
                self.fail(error.clone(), news);
                Err(error)
            }
        }
    }

    /// Remembers what the server said by itself; `news` as in [`refresh`](Self::refresh).
    pub(crate) fn learn(&self, said: T, news: impl FnOnce(Option<&T>, Option<&T>)) {
        self.remember(said, Instant::now(), news);
    }

    fn outcome_since(&self, came_at: Instant) -> Option<Result<Arc<T>, Arc<str>>> {
        if let LinkHealth::Down { error, since } = &**self.health.load()
            && *since >= came_at
        {
            return Some(Err(error.clone()));
        }
        let heard = self.heard.load_full()?;
        let taken = heard.at >= came_at && heard.asked_at.is_some() && self.is_valid(&heard);
        taken.then(|| Ok(heard.said.clone()))
    }

    fn remember(
        &self,
        said: T,
        asked_at: Instant,
        news: impl FnOnce(Option<&T>, Option<&T>),
    ) -> Arc<T> {
        let before = self.said();
        // The old value is kept when nothing changed, so that what was built over it stays shared.
        let (said, is_news) = match &before {
            Some(before) if **before == said => (before.clone(), false),
            _ => (Arc::new(said), true),
        };
        self.heard.store(Some(Arc::new(Heard {
            said: said.clone(),
            at: Instant::now(),
            asked_at: Some(asked_at),
        })));
        self.health.store(Arc::new(LinkHealth::Up));
        if is_news {
            news(before.as_deref(), Some(&said));
        }
        said
    }

    fn fail(&self, error: Arc<str>, news: impl FnOnce(Option<&T>, Option<&T>)) {
        let since = Instant::now();
        self.health
            .store(Arc::new(LinkHealth::Down { error, since }));
        let old = self.heard().filter(|heard| heard.at.elapsed() > KEPT_FOR);
        if let Some(old) = old {
            self.heard.store(None);
            news(Some(&old.said), None);
        }
    }
}

//! Who is signed in: sessions live in this process and nowhere else, so a restart ends them all (S-77).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clock::Clock;
use super::draw;
use super::who::Who;

/// A session nobody uses ends after half an hour,
pub(crate) const IDLE_MS: u64 = 30 * 60_000;
/// any session after half a day.
pub(crate) const ABSOLUTE_MS: u64 = 12 * 60 * 60_000;
/// A password that was given again is good for this long.
pub(crate) const PROVED_MS: u64 = 10 * 60_000;
/// Beyond these the one that was quiet longest ends.
const MOST: usize = 1024;
const MOST_OF_ONE: usize = 16;

/// Every session.
#[derive(Debug)]
pub(crate) struct Book {
    sessions: Mutex<HashMap<String, Entry>>,
    clock: Clock,
}

#[derive(Debug)]
struct Entry {
    who: Who,
    csrf: String,
    started_ms: u64,
    used_ms: u64,
    proved_ms: u64,
}

/// A session that holds.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) who: Who,
    /// What every change must carry (S-78).
    pub(crate) csrf: String,
    /// Milliseconds until it ends whatever is done.
    pub(crate) left_ms: u64,
    /// Milliseconds for which the proof of who it is still holds; `None` = it has to be given again.
    pub(crate) proved_for_ms: Option<u64>,
}

impl Book {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            sessions: Mutex::default(),
            clock,
        }
    }

    /// Starts a session under a new id and answers that id. Signing in is a proof, too.
    pub(crate) fn start(&self, who: Who) -> Result<String, draw::NoRandomness> {
        let (id, csrf) = (draw::text()?, draw::text()?);
        let now = self.clock.now_ms();
        let mut sessions = self.lock();
        sessions.retain(|_, entry| entry.holds(now));
        if sessions.values().filter(|e| e.who.same(&who)).count() >= MOST_OF_ONE {
            forget_quietest(&mut sessions, |entry| entry.who.same(&who));
        }
        if sessions.len() >= MOST {
            forget_quietest(&mut sessions, |_| true);
        }
        let entry = Entry {
            who,
            csrf,
            started_ms: now,
            used_ms: now,
            proved_ms: now,
        };
        sessions.insert(id.clone(), entry);
        Ok(id)
    }

    /// The session with this id, if it still holds. Looking at it counts as use, unless it is done in the background by
    /// a page that nobody touches.
    pub(crate) fn find(&self, id: &str, background: bool) -> Option<Session> {
        let now = self.clock.now_ms();
        let mut sessions = self.lock();
        let entry = sessions.get_mut(id)?;
        if !entry.holds(now) {
            sessions.remove(id);
            return None;
        }
        if !background {
            entry.used_ms = now;
        }
        Some(Session {
            who: entry.who.clone(),
            csrf: entry.csrf.clone(),
            left_ms: (entry.started_ms + ABSOLUTE_MS).saturating_sub(now),
            proved_for_ms: (entry.proved_ms + PROVED_MS)
                .checked_sub(now)
                .filter(|left| *left > 0),
        })
    }

    /// Notes that whoever holds the session proved again who they are.
    pub(crate) fn prove(&self, id: &str) {
        let now = self.clock.now_ms();
        if let Some(entry) = self.lock().get_mut(id) {
            entry.proved_ms = now;
        }
    }

    /// Ends a session; one that is over stays so.
    pub(crate) fn end(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn holds(&self, now_ms: u64) -> bool {
        now_ms < self.used_ms + IDLE_MS && now_ms < self.started_ms + ABSOLUTE_MS
    }
}

fn forget_quietest(sessions: &mut HashMap<String, Entry>, among: impl Fn(&Entry) -> bool) {
    let quietest = sessions
        .iter()
        .filter(|(_, entry)| among(entry))
        .min_by_key(|(_, entry)| entry.used_ms)
        .map(|(id, _)| id.clone());
    if let Some(id) = quietest {
        sessions.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn book() -> (Book, Arc<AtomicU64>) {
        let time = Arc::new(AtomicU64::new(1));
        let read = Arc::clone(&time);
        let clock = Clock::of(move || read.load(Ordering::Relaxed));
        (Book::new(clock), time)
    }

    fn wait(time: &AtomicU64, ms: u64) {
        time.fetch_add(ms, Ordering::Relaxed);
    }

    /// S-77: idle 30 min.
    #[test]
    fn s77_a_session_nobody_uses_ends() {
        let (book, time) = book();
        let id = book.start(Who::test("a")).unwrap();
        wait(&time, IDLE_MS - 1);
        assert!(book.find(&id, false).is_some());
        wait(&time, IDLE_MS - 1);
        assert!(book.find(&id, false).is_some(), "use prolongs it");
        wait(&time, IDLE_MS);
        assert!(book.find(&id, false).is_none());
    }

    /// S-77: a page that refreshes itself is not use.
    #[test]
    fn s77_a_page_that_nobody_touches_does_not_keep_a_session_alive() {
        let (book, time) = book();
        let id = book.start(Who::test("a")).unwrap();
        for _ in 0..29 {
            wait(&time, 60_000);
            assert!(book.find(&id, true).is_some());
        }
        wait(&time, 60_000);
        assert!(book.find(&id, true).is_none());
    }

    /// S-77: absolute 12 h, however busy.
    #[test]
    fn s77_every_session_ends_after_half_a_day() {
        let (book, time) = book();
        let id = book.start(Who::test("a")).unwrap();
        for _ in 0..(ABSOLUTE_MS / 60_000 - 1) {
            wait(&time, 60_000);
            assert!(book.find(&id, false).is_some());
        }
        wait(&time, 60_000);
        assert!(book.find(&id, false).is_none());
    }

    /// S-77: step-up, good for 10 minutes.
    #[test]
    fn s77_a_proof_is_good_for_ten_minutes() {
        let (book, time) = book();
        let id = book.start(Who::test("a")).unwrap();
        assert!(book.find(&id, false).unwrap().proved_for_ms.is_some());
        wait(&time, PROVED_MS);
        assert!(book.find(&id, false).unwrap().proved_for_ms.is_none());
        book.prove(&id);
        assert!(book.find(&id, false).unwrap().proved_for_ms.is_some());
    }

    #[test]
    fn s77_ids_are_new_each_time_and_an_ended_one_is_unknown() {
        let (book, _) = book();
        let one = book.start(Who::test("a")).unwrap();
        let other = book.start(Who::test("a")).unwrap();
        assert_ne!(one, other);
        book.end(&one);
        assert!(book.find(&one, false).is_none());
        assert!(book.find(&other, false).is_some());
    }

    #[test]
    fn sessions_are_bounded_and_the_quietest_goes() {
        let (book, time) = book();
        let first = book.start(Who::test("a")).unwrap();
        let others: Vec<String> = (0..MOST_OF_ONE)
            .map(|_| {
                wait(&time, 1);
                book.start(Who::test("a")).unwrap()
            })
            .collect();
        assert!(book.find(&first, false).is_none());
        assert!(others.iter().all(|id| book.find(id, false).is_some()));
        for name in 0..2 * MOST {
            book.start(Who::test(&name.to_string())).unwrap();
        }
        assert!(book.lock().len() <= MOST);
    }
}

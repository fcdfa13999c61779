//! How one alert stands, and what is remembered of it beyond this process.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use toolgate_store::control::{AlertDelivery, AlertState};
use toolgate_store::{AlertId, AlertMemory};

use super::findings::{Downs, Finding};
use super::webhook::{Event, EventKind};
use crate::Subject;

/// Webhooks of one alert that wait for the one before them; the oldest goes when there are more.
const PENDING_MAX: usize = 4;

/// How one alert stands.
#[derive(Debug, Default)]
pub(super) struct Standing {
    stands: Stands,
    pub(super) downs: Downs,
    /// Whether the first of those that wait is on its way.
    is_sending: bool,
    /// Whether it stands otherwise than is remembered.
    is_news: bool,
}

/// What outlives the process.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Stands {
    firing: Option<Firing>,
    /// Webhooks that nobody took yet, nor was given up on.
    pending: VecDeque<Event>,
    last: Option<AlertDelivery>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Firing {
    since_ms: u64,
    /// About what that was told.
    told: BTreeSet<Subject>,
}

impl Standing {
    /// As it stood before this process; `None` of what cannot be read.
    pub(super) fn recalled(memory: &str) -> Option<Self> {
        let stands: Stands = serde_json::from_str(memory).ok()?;
        let told = stands.firing.as_ref().map(|firing| firing.told.clone());
        Some(Self {
            stands,
            downs: Downs::told_before(told.unwrap_or_default()),
            ..Self::default()
        })
    }

    /// What is to be remembered, if that is something new.
    pub(super) fn news(&self, alert: &AlertId) -> Option<AlertMemory> {
        if !self.is_news {
            return None;
        }
        Some(AlertMemory {
            alert: alert.clone(),
            memory: serde_json::to_string(&self.stands).ok()?,
        })
    }

    /// The news are remembered.
    pub(super) fn remembered(&mut self) {
        self.is_news = false;
    }

    pub(super) fn state(&self, alert: &AlertId) -> AlertState {
        AlertState {
            id: alert.clone(),
            firing_since_ms: self.stands.firing.as_ref().map(|firing| firing.since_ms),
            last: self.stands.last.clone(),
        }
    }

    /// Tells when it begins, when something new is found while it lasts, and when it is over; how many webhooks had
    /// no room.
    pub(super) fn judge(&mut self, found: Vec<Finding>, now_ms: u64) -> u64 {
        let told: BTreeSet<Subject> = found
            .iter()
            .map(|finding| finding.subject.clone())
            .collect();
        match &mut self.stands.firing {
            None if found.is_empty() => 0,
            None => {
                self.stands.firing = Some(Firing {
                    since_ms: now_ms,
                    told,
                });
                self.tell(EventKind::Fired, found, now_ms)
            }
            Some(_) if found.is_empty() => {
                self.stands.firing = None;
                self.tell(EventKind::Resolved, Vec::new(), now_ms)
            }
            Some(firing) if firing.told == told => 0,
            Some(firing) => {
                let is_more = !told.is_subset(&firing.told);
                firing.told = told;
                self.is_news = true;
                if is_more {
                    self.tell(EventKind::Fired, found, now_ms)
                } else {
                    0
                }
            }
        }
    }

    /// The next webhook, unless there is none or one is on its way.
    pub(super) fn next(&mut self) -> Option<Event> {
        let next = self.stands.pending.front().filter(|_| !self.is_sending)?;
        self.is_sending = true;
        Some(next.clone())
    }

    /// The webhook is not on its way any more: it was taken, or given up.
    pub(super) fn settled(&mut self, delivery: AlertDelivery) {
        // An alert that was switched off and on meanwhile has others to send.
        if std::mem::take(&mut self.is_sending) {
            self.stands.pending.pop_front();
        }
        self.is_news = true;
        self.stands.last = Some(delivery);
    }

    fn tell(&mut self, kind: EventKind, findings: Vec<Finding>, at_ms: u64) -> u64 {
        self.is_news = true;
        self.stands.pending.push_back(Event {
            kind,
            findings,
            at_ms,
        });
        // The one on its way has left already.
        let first = usize::from(self.is_sending);
        if self.stands.pending.len() > first + PENDING_MAX {
            self.stands.pending.remove(first);
            return 1;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(servers: &[&str]) -> Vec<Finding> {
        let found = servers.iter().map(|server| Finding {
            subject: Subject {
                server: Some((*server).to_owned()),
                ..Subject::default()
            },
            text: "it is down".into(),
            value: None,
            limit: None,
        });
        found.collect()
    }

    fn told(standing: &Standing) -> Vec<EventKind> {
        let pending = standing.stands.pending.iter();
        pending.map(|event| event.kind).collect()
    }

    /// The process that comes after this one.
    fn restarted(standing: &Standing) -> Standing {
        let id = AlertId::from_random([1; 16]);
        match standing.news(&id) {
            Some(news) => Standing::recalled(&news.memory).unwrap(),
            None => Standing::default(),
        }
    }

    #[track_caller]
    fn check(steps: &[&[&str]], expected: &[EventKind]) {
        let mut standing = Standing::default();
        let mut interrupted = Standing::default();
        for (now_ms, step) in (0..).zip(steps) {
            assert_eq!(standing.judge(found(step), now_ms), 0);
            interrupted = restarted(&interrupted);
            interrupted.is_news = true;
            assert_eq!(interrupted.judge(found(step), now_ms), 0);
        }
        assert_eq!(told(&standing), expected);
        assert_eq!(
            told(&interrupted),
            expected,
            "with a restart before each step"
        );
    }

    #[test]
    fn an_alert_is_told_when_it_begins_grows_and_ends_and_not_in_between() {
        use EventKind::{Fired, Resolved};
        check(&[&[], &[]], &[]);
        check(&[&["a"], &["a"], &["a"], &[], &[]], &[Fired, Resolved]);
        check(&[&["a"], &["a", "b"], &["b"]], &[Fired, Fired]);
        check(&[&["a", "b"], &["b"], &["a", "b"]], &[Fired, Fired]);
        check(&[&["a"], &[], &["a"]], &[Fired, Resolved, Fired]);
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let mut standing = Standing::default();
        let step = |n: u64| found(if n.is_multiple_of(2) { &["a"] } else { &[] });
        let lost: u64 = (0..5).map(|n| standing.judge(step(n), n)).sum();
        assert_eq!(lost, 1);
        assert_eq!(standing.stands.pending.len(), PENDING_MAX);
    }

    #[test]
    fn a_webhook_on_its_way_at_the_end_is_sent_again_as_it_was() {
        let mut standing = Standing::default();
        standing.judge(found(&["a"]), 7);
        let sent = standing.next().unwrap();
        assert!(standing.next().is_none(), "one at a time");
        let again = restarted(&standing).next().unwrap();
        assert_eq!((sent.at_ms, sent.kind), (again.at_ms, again.kind));
        standing.settled(AlertDelivery {
            at_ms: 8,
            delivered: true,
            status: Some(200),
            error: None,
            attempts: 1,
        });
        let mut after = restarted(&standing);
        assert!(after.next().is_none());
        let id = AlertId::from_random([1; 16]);
        let state = after.state(&id);
        assert_eq!(state.firing_since_ms, Some(7));
        assert_eq!(state.last.unwrap().status, Some(200));
    }

    #[test]
    fn a_memory_of_another_version_is_none() {
        assert!(Standing::recalled("{}").is_none());
        assert!(Standing::recalled("").is_none());
    }
}

//! Alerts: looked at every few seconds, told by webhooks when they begin and when they are over.

mod findings;
mod webhook;
mod window;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;
use toolgate_analytics::CallRecord;
use toolgate_store::control::{AlertDelivery, AlertState};
use toolgate_store::{Alert, AlertId};

use self::findings::{DownSince, Finding, findings};
use self::webhook::{Event, EventKind, deliver};
use self::window::Windows;
use crate::{Started, Subject, Telemetry, unix_ms};

/// Webhooks of one alert that wait for the one before them; the oldest goes when there are more.
const PENDING_MAX: usize = 4;
/// Webhooks under way at once.
const UNDER_WAY_MAX: usize = 32;

/// What alerts are judged by, and how they stand.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    windows: Mutex<Windows>,
    states: Mutex<Vec<AlertState>>,
    delivered: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Alerts {
    /// Counts calls for the alerts that watch them.
    pub(crate) fn count(&self, calls: &[CallRecord]) {
        self.windows().count(calls, unix_ms());
    }

    pub(crate) fn states(&self) -> Vec<AlertState> {
        self.stands().clone()
    }

    /// How many alerts fire.
    pub(crate) fn firing(&self) -> u64 {
        let states = self.stands();
        let firing = states
            .iter()
            .filter(|state| state.firing_since_ms.is_some());
        firing.count() as u64
    }

    /// How many webhooks were sent, by what became of them.
    pub(crate) fn webhooks(&self) -> [(&'static str, u64); 3] {
        [
            ("delivered", self.delivered.load(Ordering::Relaxed)),
            ("failed", self.failed.load(Ordering::Relaxed)),
            ("dropped", self.dropped.load(Ordering::Relaxed)),
        ]
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stands(&self) -> MutexGuard<'_, Vec<AlertState>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, delivery: &AlertDelivery) {
        let count = if delivery.delivered {
            &self.delivered
        } else {
            &self.failed
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends a sample of an alert's webhook.
pub(crate) async fn test(telemetry: &Telemetry, started: &Started, alert: &Alert) -> AlertDelivery {
    let finding = Finding {
        subject: Subject {
            workspace: alert
                .workspace
                .as_ref()
                .and_then(|id| started.watched.slug(id)),
            server: alert.rule.server().map(ToString::to_string),
            tool: None,
        },
        text: "somebody wanted a sample of this alert; nothing happened".to_owned(),
        value: None,
        limit: None,
    };
    let event = Event {
        kind: EventKind::Test,
        findings: vec![finding],
        at_ms: unix_ms(),
    };
    let pause = telemetry.config.webhook_retry;
    let delivery = deliver(&started.egress, &*started.watched, alert, &event, pause).await;
    telemetry.alerts.settle(&delivery);
    delivery
}

/// Looks at all alerts again and again until telemetry stops.
pub(crate) async fn watch(telemetry: &Telemetry) {
    let mut watching = Watching::default();
    let mut clock = tokio::time::interval(telemetry.config.alerts_every);
    loop {
        tokio::select! {
            () = telemetry.stopped() => return,
            _ = clock.tick() => watching.look(telemetry),
            Some(Ok((alert, delivery))) = watching.under_way.join_next() => {
                telemetry.alerts.settle(&delivery);
                if !delivery.delivered {
                    tracing::warn!("the webhook of an alert was not taken; `toolgatectl alert list` says why");
                }
                watching.delivered(&alert, delivery);
            }
        }
        watching.send(telemetry);
        *telemetry.alerts.stands() = watching.states();
    }
}

/// How alerts stand and what is on its way. Webhooks under way end with it.
#[derive(Default)]
struct Watching {
    standing: HashMap<AlertId, Standing>,
    under_way: JoinSet<(AlertId, AlertDelivery)>,
}

/// How one alert stands.
#[derive(Default)]
struct Standing {
    /// Since when, and about what was told.
    firing: Option<(u64, BTreeSet<Subject>)>,
    down_since: DownSince,
    pending: VecDeque<Event>,
    is_sending: bool,
    last: Option<AlertDelivery>,
}

impl Watching {
    fn look(&mut self, telemetry: &Telemetry) {
        let Some(watched) = telemetry.watched() else {
            return;
        };
        let alerts = watched.alerts();
        let now_ms = unix_ms();
        telemetry.alerts.windows().follow(&alerts);
        let is_watched = |id: &AlertId| alerts.iter().any(|alert| alert.enabled && alert.id == *id);
        self.standing.retain(|id, _| is_watched(id));
        for alert in alerts.iter().filter(|alert| alert.enabled) {
            let standing = self.standing.entry(alert.id.clone()).or_default();
            let found = {
                let windows = telemetry.alerts.windows();
                findings(alert, &windows, now_ms, watched, &mut standing.down_since)
            };
            let lost = standing.judge(found, now_ms);
            telemetry.alerts.dropped.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// Sends what waits, one webhook of an alert at a time.
    fn send(&mut self, telemetry: &Telemetry) {
        let Some(started) = telemetry.started.get() else {
            return;
        };
        for alert in started.watched.alerts().iter() {
            if self.under_way.len() >= UNDER_WAY_MAX {
                return;
            }
            let Some(standing) = self.standing.get_mut(&alert.id) else {
                continue;
            };
            if standing.is_sending {
                continue;
            }
            let Some(event) = standing.pending.pop_front() else {
                continue;
            };
            standing.is_sending = true;
            let pause = telemetry.config.webhook_retry;
            let (started, alert) = (started.clone(), alert.clone());
            self.under_way.spawn(async move {
                let Started { watched, egress } = &*started;
                let delivery = deliver(egress, &**watched, &alert, &event, pause).await;
                (alert.id, delivery)
            });
        }
    }

    fn delivered(&mut self, alert: &AlertId, delivery: AlertDelivery) {
        if let Some(standing) = self.standing.get_mut(alert) {
            standing.is_sending = false;
            standing.last = Some(delivery);
        }
    }

    fn states(&self) -> Vec<AlertState> {
        let states = self.standing.iter().map(|(id, standing)| AlertState {
            id: id.clone(),
            firing_since_ms: standing.firing.as_ref().map(|(since, _)| *since),
            last: standing.last.clone(),
        });
        states.collect()
    }
}

impl Standing {
    /// Tells when it begins, when something new is found while it lasts, and when it is over; how many webhooks had
    /// no room.
    fn judge(&mut self, found: Vec<Finding>, now_ms: u64) -> u64 {
        let subjects: BTreeSet<Subject> = found
            .iter()
            .map(|finding| finding.subject.clone())
            .collect();
        match &mut self.firing {
            None if found.is_empty() => 0,
            None => {
                self.firing = Some((now_ms, subjects));
                self.tell(EventKind::Fired, found, now_ms)
            }
            Some(_) if found.is_empty() => {
                self.firing = None;
                self.tell(EventKind::Resolved, Vec::new(), now_ms)
            }
            Some((_, told)) => {
                let is_new = subjects.iter().any(|subject| !told.contains(subject));
                *told = subjects;
                if is_new {
                    self.tell(EventKind::Fired, found, now_ms)
                } else {
                    0
                }
            }
        }
    }

    fn tell(&mut self, kind: EventKind, findings: Vec<Finding>, at_ms: u64) -> u64 {
        self.pending.push_back(Event {
            kind,
            findings,
            at_ms,
        });
        if self.pending.len() > PENDING_MAX {
            self.pending.pop_front();
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

    #[track_caller]
    fn check(steps: &[&[&str]], told: &[EventKind]) {
        let mut standing = Standing::default();
        for (now_ms, step) in (0..).zip(steps) {
            assert_eq!(standing.judge(found(step), now_ms), 0);
        }
        let kinds: Vec<EventKind> = standing.pending.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, told);
    }

    #[test]
    fn an_alert_is_told_when_it_begins_grows_and_ends_and_not_in_between() {
        use EventKind::{Fired, Resolved};
        check(&[&[], &[]], &[]);
        check(&[&["a"], &["a"], &["a"], &[], &[]], &[Fired, Resolved]);
        check(&[&["a"], &["a", "b"], &["b"]], &[Fired, Fired]);
        check(&[&["a"], &[], &["a"]], &[Fired, Resolved, Fired]);
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let mut standing = Standing::default();
        let lost: u64 = (0..5)
            .map(|n| standing.judge(found(if n % 2 == 0 { &["a"] } else { &[] }), n))
            .sum();
        assert_eq!(lost, 1);
        assert_eq!(standing.pending.len(), PENDING_MAX);
    }
}

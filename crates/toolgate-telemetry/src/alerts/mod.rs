//! Alerts: looked at every few seconds, told by webhooks when they begin and when they are over.
//!
//! What was told is remembered in the store before it is sent, so a restart repeats none and forgets none: at worst a
//! webhook that was on its way is sent once more, under the same id.

mod findings;
mod standing;
mod webhook;
mod window;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;
use toolgate_analytics::CallRecord;
use toolgate_store::control::{AlertDelivery, AlertState};
use toolgate_store::{Alert, AlertId, AlertMemory, StoreError};

use self::findings::{Finding, findings};
use self::standing::Standing;
use self::webhook::{Event, EventKind, deliver};
use self::window::Windows;
use crate::{Started, Subject, Telemetry, Watched, unix_ms};

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
    let mut watching = Watching::recalled(telemetry).await;
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
        watching.remember(telemetry).await;
        watching.send(telemetry);
        *telemetry.alerts.stands() = watching.states();
    }
}

/// How alerts stand and what is on its way. Webhooks under way end with it.
#[derive(Default)]
struct Watching {
    standing: HashMap<AlertId, Standing>,
    under_way: JoinSet<(AlertId, AlertDelivery)>,
    /// Whether the last news could not be remembered.
    forgets: bool,
}

impl Watching {
    /// As alerts stood when the process before this one ended, with what it saw of calls.
    async fn recalled(telemetry: &Telemetry) -> Self {
        let Some(started) = telemetry.started.get().cloned() else {
            return Self::default();
        };
        let alerts = started.watched.alerts();
        // From here on calls are counted as they end.
        telemetry.alerts.windows().follow(&alerts);
        let now_ms = unix_ms();
        let reading = tokio::task::spawn_blocking(move || {
            let windows = past_windows(&*started.watched, &alerts, now_ms);
            (started.watched.alert_memories(), windows)
        });
        let Ok((memories, windows)) = reading.await else {
            return Self::default();
        };
        match windows {
            Ok(windows) => telemetry.alerts.windows().merge(windows),
            Err(error) => {
                tracing::error!(%error, "alerts do not know the calls from before this start");
            }
        }
        let memories = memories.unwrap_or_else(|error| {
            tracing::error!(%error, "alerts that fired before this start may be told again");
            Vec::new()
        });
        let standing = memories.into_iter().filter_map(|of_one| {
            let AlertMemory { alert, memory } = of_one;
            Some((alert, Standing::recalled(&memory)?))
        });
        Self {
            standing: standing.collect(),
            ..Self::default()
        }
    }

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
                findings(alert, &windows, now_ms, watched, &mut standing.downs)
            };
            let lost = standing.judge(found, now_ms);
            telemetry.alerts.dropped.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// Has the store remember what is new. Where it cannot, alerts are told all the same, and it is tried again.
    async fn remember(&mut self, telemetry: &Telemetry) {
        let news = self.standing.iter().filter_map(|(id, of)| of.news(id));
        let news: Vec<AlertMemory> = news.collect();
        let Some(started) = telemetry.started.get().filter(|_| !news.is_empty()) else {
            return;
        };
        let watched = started.watched.clone();
        let remembering = tokio::task::spawn_blocking(move || watched.remember_alerts(&news));
        match remembering.await {
            Ok(Ok(())) => {
                self.forgets = false;
                self.standing.values_mut().for_each(Standing::remembered);
            }
            Ok(Err(error)) if !self.forgets => {
                self.forgets = true;
                tracing::error!(%error, "how alerts stand could not be remembered; a restart may tell them again");
            }
            Ok(Err(_)) | Err(_) => {}
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
            let standing = self.standing.get_mut(&alert.id);
            let Some(event) = standing.and_then(Standing::next) else {
                continue;
            };
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
            standing.settled(delivery);
        }
    }

    fn states(&self) -> Vec<AlertState> {
        let states = self.standing.iter();
        states.map(|(id, standing)| standing.state(id)).collect()
    }
}

/// What the windows of alerts would hold if this process had been there all the time.
fn past_windows(
    watched: &dyn Watched,
    alerts: &Arc<[Alert]>,
    now_ms: u64,
) -> Result<Windows, StoreError> {
    let mut windows = Windows::default();
    windows.follow(alerts);
    let since_ms = now_ms.saturating_sub(windows.longest_ms());
    if since_ms < now_ms {
        watched.past_calls(since_ms, now_ms, &mut |call| windows.count_past(call))?;
    }
    Ok(windows)
}

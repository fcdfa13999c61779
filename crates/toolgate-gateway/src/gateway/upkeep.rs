//! What the gateway does by itself while it runs, and what it cannot do without.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::Gateway;
use crate::notices::View;

/// How often the end of the audit chain is kept (S-84).
const CHECKPOINT_EVERY: Duration = Duration::from_mins(1);
/// How often idle sessions are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How often old maskers are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(5);

impl Gateway {
    /// Resolves with the name of what broke, once something did that the gateway cannot go on without: a task
    /// that panicked, the thread that follows the store, the thread that writes records (S-63). Cancel safe.
    pub async fn broken(&self) -> &'static str {
        let mut broken = self.broken.subscribe();
        match broken.wait_for(Option::is_some).await.map(|what| *what) {
            Ok(Some(what)) => what,
            // The sender is in `self`.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Says that the gateway cannot go on.
    pub(crate) fn break_down(&self, what: &'static str) {
        // Who is told first may take a moment to act on it.
        let news = self.broken.send_if_modified(|broken| {
            let news = broken.is_none();
            broken.get_or_insert(what);
            news
        });
        if news {
            tracing::error!(what, "the gateway cannot go on");
        }
    }

    /// Runs what the gateway cannot do without until it drains; a panic in it ends the process (S-63).
    pub(crate) fn spawn_vital(
        self: &Arc<Self>,
        what: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let (weak, drained) = (Arc::downgrade(self), self.drained());
        self.wiring.background.spawn(async move {
            let work = std::panic::AssertUnwindSafe(work).catch_unwind();
            let ended = tokio::select! {
                () = drained => return,
                ended = work => ended,
            };
            if ended.is_err()
                && let Some(gateway) = weak.upgrade()
            {
                gateway.break_down(what);
            }
        });
    }

    /// Compares what every listener sees with what it saw, whenever something changed (P9.47).
    pub(super) fn tell_changed_views(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        let mut changes = self.changes();
        self.spawn_vital("the task that tells listeners of changes", async move {
            loop {
                if changes.changed().await.is_err() {
                    return;
                }
                let Some(gateway) = weak.upgrade() else {
                    return;
                };
                let snapshot = gateway.snapshot();
                for workspace in snapshot.workspaces.values() {
                    for mailbox in workspace.hub.all() {
                        mailbox.sees(View::of(&gateway, workspace, mailbox.owner()));
                    }
                }
            }
        });
    }

    /// Writes when tokens were last used, off the request path and in one batch (S-39).
    pub(super) async fn store_last_uses(&self) {
        let snapshot = self.snapshot();
        let uses: Vec<_> = snapshot
            .tokens
            .values()
            .filter_map(|entry| Some((entry.token.id.clone(), entry.last_use.take()?)))
            .collect();
        if uses.is_empty() {
            return;
        }
        let store = self.wiring.store.clone();
        let written = tokio::task::spawn_blocking(move || store.touch_tokens(&uses)).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::warn!("when tokens were last used could not be stored; it is tried again");
            for entry in snapshot.tokens.values() {
                entry.last_use.give_back();
            }
        }
    }

    /// Raises the stored mark of time, off the request path (S-38).
    pub(super) async fn store_clock(&self) {
        let (store, mark) = (self.wiring.store.clone(), self.clock.mark());
        let raised = tokio::task::spawn_blocking(move || {
            store.raise_clock(mark.high_water_ms, mark.corrections)
        });
        if !matches!(raised.await, Ok(Ok(_))) {
            tracing::warn!("how late it is could not be stored; it is tried again");
        }
    }

    /// Watches what the process runs out of, and whether its threads live (S-63).
    pub(super) fn watch_load(self: &Arc<Self>) {
        let (weak, overload) = (Arc::downgrade(self), self.overload.clone());
        self.spawn_vital("the task that watches the load", async move {
            let busy = || {
                let Some(gateway) = weak.upgrade() else {
                    return 0;
                };
                if !gateway.recorder.is_alive() {
                    gateway.break_down("the thread that writes call records");
                }
                let snapshot = gateway.snapshot.load();
                let entries = snapshot.workspaces.values();
                let busy = entries.filter(|entry| entry.bulkhead.under_way() > 0);
                busy.count()
            };
            overload.watch(busy).await;
        });
    }

    /// Does something again and again, at once for the first time, until the gateway drains.
    fn every<W>(
        self: &Arc<Self>,
        what: &'static str,
        period: Duration,
        work: impl Fn(Arc<Self>) -> W + Send + 'static,
    ) where
        W: Future<Output = ()> + Send,
    {
        let weak = Arc::downgrade(self);
        self.spawn_vital(what, async move {
            let mut clock = tokio::time::interval(period);
            loop {
                clock.tick().await;
                let Some(gateway) = weak.upgrade() else {
                    return;
                };
                work(gateway).await;
            }
        });
    }

    /// Keeps the end of the audit chain in its second sinks, each minute when something changed (S-84).
    pub(super) fn keep_checkpoints(self: &Arc<Self>) {
        let what = "the task that keeps the audit chain's end";
        self.every(what, CHECKPOINT_EVERY, |gateway| async move {
            gateway.keep_checkpoint().await;
        });
    }

    pub(super) async fn keep_checkpoint(&self) {
        let (sinks, store) = (self.sinks.clone(), self.wiring.store.clone());
        let kept = tokio::task::spawn_blocking(move || sinks.keep(&store)).await;
        if let Ok(Err(error)) = kept {
            tracing::error!(%error, "the audit chain's end could not be kept");
        }
    }

    pub(super) fn sweep_now_and_then(self: &Arc<Self>) {
        let what = "the task that sweeps sessions";
        self.every(what, SWEEP_EVERY, |gateway| async move {
            gateway.sessions.sweep(gateway.now_ms());
            gateway.store_last_uses().await;
            gateway.store_clock().await;
        });
    }

    /// Plaintext that nobody used for a while goes (S-15).
    pub(super) fn forget_maskers(self: &Arc<Self>) {
        let what = "the task that forgets plaintext";
        self.every(what, FORGET_EVERY, |gateway| async move {
            let snapshot = gateway.snapshot();
            let workspaces = snapshot.workspaces.values();
            workspaces
                .flat_map(|workspace| workspace.secrets.values())
                .for_each(|secrets| secrets.forget_old_masker());
        });
    }
}

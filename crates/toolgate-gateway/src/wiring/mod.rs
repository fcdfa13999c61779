//! From what is stored to what answers: compiles the installation into a snapshot, keeping every
//! conversation whose server did not change.

pub(crate) mod guard;
mod pinning;
mod stored;
mod turns;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use toolgate_http::Egress;
use toolgate_namespace::{ServerIdentity, ServerSpec, WorkspaceId, WorkspaceSlug};
use toolgate_policy::{RateLimiter, Token, TokenStatus};
use toolgate_protocol::Json;
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_router::{
    Background, Bulkhead, Link, LinkChanges, LinkConfig, Listed, Part, Workspace, WorkspaceConfig,
};
use toolgate_store::{AlertId, Installation, Store, StoreError, WorkspaceScope};
use toolgate_upstream::{ChildConfig, Notice, Question, Upstream, UpstreamConfig, Verdict};

use self::guard::Guard;
use self::stored::{Stored, server_row};
use crate::alerts::Signer;
use crate::credentials::LinkSecrets;
use crate::notices::{Hub, outside};
use crate::openers::LazyOpeners;
use crate::own_tools::OwnServer;
use crate::snapshot::{Life, Snapshot, TokenEntry, WorkspaceEntry};

/// Everything needed to build links, and what is told when one of them learns something.
#[derive(Debug)]
pub(crate) struct Wiring {
    pub(crate) store: Store,
    /// The gateway's own tools.
    pub(crate) own: Option<OwnServer>,
    pub(crate) egress: Egress,
    pub(crate) children: ChildConfig,
    pub(crate) client_info: Json,
    pub(crate) background: Arc<Background>,
    pub(crate) changes: watch::Sender<u64>,
}

impl Wiring {
    /// Compiles `installation`, taking over from `previous` whatever did not change.
    pub(crate) fn compile(
        self: &Arc<Self>,
        installation: Installation,
        previous: Option<&Snapshot>,
        now_ms: u64,
    ) -> Snapshot {
        let stored = Stored::index(&installation);
        report_refused(&installation, previous);
        let mut snapshot = Snapshot {
            turn: previous.map_or(1, |previous| previous.turn + 1),
            ..Snapshot::default()
        };
        for workspace in &installation.workspaces {
            snapshot.add_workspace(self.workspace(workspace, &stored, previous));
        }
        self.close_what_is_gone(&snapshot, previous, &stored);
        snapshot.signers = signers(&stored);
        for token in installation.tokens {
            let entry = token_entry(token, previous, now_ms);
            snapshot.tokens.insert(entry.token.digest, Arc::new(entry));
        }
        snapshot.refused = installation.refused;
        snapshot.calls_per_month = installation.settings.calls_per_month();
        snapshot.alerts = installation.alerts.into();
        snapshot
    }

    fn workspace(
        self: &Arc<Self>,
        stored: &toolgate_store::Workspace,
        all: &Stored<'_>,
        previous: Option<&Snapshot>,
    ) -> WorkspaceEntry {
        let before = previous.and_then(|previous| previous.workspace(&stored.id));
        let changes = before.map_or_else(Arc::default, |before| before.workspace.changes().clone());
        let hub = before.map_or_else(Arc::default, |before| before.hub.clone());
        let openers = LazyOpeners::new(
            &stored.id,
            &all.installation.master,
            all.keys_of(&stored.id),
        );
        let mut links = Vec::new();
        let mut secrets = HashMap::new();
        for spec in all.servers_of(&stored.id) {
            let kept = before.and_then(|before| kept_link(before, spec));
            if let Some((_, kept)) = &kept {
                kept.renew(all.secrets_of(&stored.id), &openers);
            }
            let (link, link_secrets) = kept
                .unwrap_or_else(|| self.link(&stored.slug, spec, &openers, all, &changes, &hub));
            if let Some(pins) = all.pins_of(spec, &pinning::known(&link, &[])) {
                link.set_pins(pins);
            }
            link_secrets
                .guard()
                .set(all.server_pin_of(&spec.id).cloned());
            secrets.insert(spec.id.as_str().to_owned(), link_secrets);
            links.push(link);
        }
        let config = WorkspaceConfig {
            id: stored.id.clone(),
            slug: stored.slug.clone(),
            read_only_all: stored.read_only_all,
            built_in: self.built_in(&stored.id, &links, &changes, before),
            links,
            changes,
            uris: before.map_or_else(Arc::default, |before| {
                before.workspace.learnt_uris().clone()
            }),
            background: self.background.clone(),
        };
        WorkspaceEntry {
            workspace: match before {
                Some(before) => Workspace::succeeding(config, &before.workspace),
                None => Workspace::new(config),
            },
            secrets,
            hub,
            bulkhead: before.map_or_else(
                || Arc::new(Bulkhead::new(Part::Workspace)),
                |before| before.bulkhead.clone(),
            ),
            strict_records: stored.strict_records,
            calls_per_month: (all.installation.settings).calls_per_month_of(&stored.id),
            calls: before.map_or_else(Arc::default, |before| before.calls.clone()),
        }
    }

    fn link(
        self: &Arc<Self>,
        workspace: &WorkspaceSlug,
        spec: &ServerSpec,
        openers: &LazyOpeners<'_>,
        all: &Stored<'_>,
        changes: &Arc<LinkChanges>,
        hub: &Arc<Hub>,
    ) -> (Arc<Link>, Arc<LinkSecrets>) {
        let spec = Arc::new(spec.clone());
        let secrets = Arc::new(LinkSecrets::new(
            spec.clone(),
            all.secrets_of(&spec.workspace),
            openers,
            Guard::new(self.store.clone(), workspace.clone(), spec.clone()),
        ));
        secrets.guard().set(all.server_pin_of(&spec.id).cloned());
        let slot: Arc<OnceLock<Weak<Link>>> = Arc::default();
        let home = Home {
            workspace: workspace.clone(),
            hub: hub.clone(),
            secrets: secrets.clone(),
            link: slot.clone(),
        };
        let verdict = all.verdict_of(&spec.id);
        let upstream = Upstream::new(UpstreamConfig {
            spec: spec.clone(),
            credentials: secrets.clone(),
            egress: self.egress.clone(),
            notices: self.notices(home.clone(), verdict.clone()),
            questions: self.questions(home),
            verdict,
            client_info: self.client_info.clone(),
            children: self.children.clone(),
        });
        let (store, home) = (self.store.clone(), workspace.clone());
        let link = Link::new(LinkConfig {
            pins: all.pins_of(&spec, &[]),
            snapshot: all.about(&spec.id),
            changes: changes.clone(),
            pinning: Arc::new(move |link, tools| pinning::pin(&store, &home, link, tools)),
            spec,
            upstream,
        });
        // Set once, here; the upstream says nothing before it is first used.
        let _ = slot.set(Arc::downgrade(&link));
        (link, secrets)
    }

    /// The gateway's own tools in one workspace, unless a server of that name is older than they are.
    fn built_in(
        &self,
        workspace: &WorkspaceId,
        links: &[Arc<Link>],
        changes: &Arc<LinkChanges>,
        before: Option<&Arc<WorkspaceEntry>>,
    ) -> Option<Arc<Link>> {
        let own = self.own.as_ref()?;
        let kept = before.and_then(|before| before.workspace.built_in());
        if links.iter().any(|link| link.spec().slug.is_own()) {
            if before.is_none() || kept.is_some() {
                tracing::warn!(%workspace, "a server has the name of the gateway's own tools; they are not offered beside it");
            }
            return None;
        }
        let make = || own.link(workspace, changes, &self.egress, &self.children);
        Some(kept.cloned().unwrap_or_else(make))
    }

    /// What happens when a server tells something unasked.
    fn notices(
        self: &Arc<Self>,
        home: Home,
        verdict: Option<Verdict>,
    ) -> Arc<dyn Fn(Notice) + Send + Sync> {
        let wiring = Arc::downgrade(self);
        let verdict = Arc::new(ArcSwapOption::from_pointee(verdict));
        Arc::new(move |notice| {
            let (Some(wiring), Some(link)) = (wiring.upgrade(), home.link()) else {
                return;
            };
            match notice {
                Notice::ToolsChanged => wiring.list_changed(&home, &link, Listed::Tools),
                Notice::PromptsChanged => wiring.list_changed(&home, &link, Listed::Prompts),
                Notice::ResourcesChanged => wiring.list_changed(&home, &link, Listed::Resources),
                Notice::Reconnected => {
                    link.invalidate(Listed::Prompts);
                    link.invalidate(Listed::Resources);
                    home.hub.may_have_missed(&link.spec().id);
                    wiring.ask_again(&link);
                }
                Notice::ResourceUpdated { uri, origin } => {
                    home.hub.updated(&link.spec().id, &uri, &origin);
                }
                Notice::Log { params, origin } => {
                    outside::log(&home.hub, &link, &params, &origin);
                }
                Notice::ElicitationComplete { params, origin } => {
                    outside::completed(&home.hub, &params, &origin);
                }
                Notice::Verdict(found) => {
                    verdict.store(Some(Arc::new(found)));
                    wiring.remember_server(&home.workspace, &link, &verdict);
                }
                Notice::Snapshot(snapshot) => {
                    wiring.introduced(&home, &link, &snapshot);
                    if link.learn_snapshot(snapshot) {
                        wiring.remember_server(&home.workspace, &link, &verdict);
                    }
                }
            }
        })
    }

    /// A list changed: who listens is told at once, and whoever lists next waits for the new one (P9.46).
    fn list_changed(&self, home: &Home, link: &Arc<Link>, what: Listed) {
        match what {
            Listed::Tools => self.ask_again(link),
            Listed::Prompts | Listed::Resources => link.invalidate(what),
        }
        home.hub.changed(what);
    }

    /// What happens when a server asks outside any call.
    fn questions(self: &Arc<Self>, home: Home) -> Arc<dyn Fn(Question) + Send + Sync> {
        let wiring = Arc::downgrade(self);
        Arc::new(move |question| {
            if let (Some(wiring), Some(link)) = (wiring.upgrade(), home.link()) {
                let asking = outside::ask(home.hub.clone(), link, question);
                wiring.background.spawn(asking);
            }
        })
    }

    fn ask_again(&self, link: &Arc<Link>) {
        link.invalidate(Listed::Tools);
        // A list that is under way may be what made the server say this; asking again at once could go on for ever.
        // The next list waits for another one.
        if !link.wants_refresh(Listed::Tools) {
            return;
        }
        let link = link.clone();
        self.background.spawn(async move {
            // The outcome is kept by the link; a failure shows in its health.
            let _ = link.refresh().await;
        });
    }

    /// A server said who it is: another one than was approved is not served from now on (S-52).
    fn introduced(self: &Arc<Self>, home: &Home, link: &Arc<Link>, snapshot: &ServerSnapshot) {
        let name = snapshot
            .server_info
            .object()
            .and_then(|info| info.text("name"));
        let seen = ServerIdentity::of(&link.spec().transport).named(&name.unwrap_or_default());
        if home.secrets.guard().contradicts(&seen) {
            link.hold_all();
        }
        let secrets = home.secrets.clone();
        self.background.spawn(async move {
            // What comes of it reaches the link with the next snapshot.
            let _ = secrets.guard().saw(seen).await;
        });
    }

    /// Stores what a server was found to speak and what it said of itself, as it stands when it is written.
    fn remember_server(
        &self,
        workspace: &WorkspaceSlug,
        link: &Arc<Link>,
        verdict: &Arc<ArcSwapOption<Verdict>>,
    ) {
        let (link, verdict) = (link.clone(), verdict.clone());
        self.write_behind(workspace, move |store, scope| match &*verdict.load() {
            Some(verdict) => store.save_server_snapshot(scope, &server_row(&link, verdict)),
            // Written with the verdict, which every server gets.
            None => Ok(()),
        });
    }

    fn write_behind(
        &self,
        workspace: &WorkspaceSlug,
        write: impl FnOnce(&Store, &WorkspaceScope) -> Result<(), StoreError> + Send + 'static,
    ) {
        let store = self.store.clone();
        let workspace = workspace.clone();
        self.background.spawn(async move {
            let written = turns::in_turn(move || {
                let scope = store.scope(&workspace)?;
                write(&store, &scope)
            })
            .await;
            if !matches!(written, Ok(Ok(()))) {
                tracing::warn!("what was learnt about a server could not be stored");
            }
        });
    }

    /// Ends conversations with servers that are gone or changed. Secrets that were rotated or deleted are not
    /// used once more, whatever is still under way (S-15, S-41).
    fn close_what_is_gone(
        &self,
        snapshot: &Snapshot,
        previous: Option<&Snapshot>,
        stored: &Stored<'_>,
    ) {
        let Some(previous) = previous else { return };
        for before in previous.workspaces.values() {
            let now = snapshot.workspace(before.workspace.id());
            for link in before.workspace.links() {
                let kept = now.is_some_and(|now| {
                    now.workspace
                        .links()
                        .iter()
                        .any(|other| Arc::ptr_eq(other, link))
                });
                if !kept {
                    let rows = stored.secrets_of(before.workspace.id());
                    if let Some(secrets) = before.secrets.get(link.spec().id.as_str())
                        && !secrets.are_in_force(rows)
                    {
                        secrets.retire();
                    }
                    let upstream = link.upstream().clone();
                    self.background.spawn(async move { upstream.close().await });
                }
            }
        }
    }
}

/// What signs the webhooks of alerts: secrets of their workspaces that no server owns.
fn signers(stored: &Stored<'_>) -> HashMap<AlertId, Signer> {
    let mut signers = HashMap::new();
    for alert in &stored.installation.alerts {
        let (Some(workspace), Some(name)) = (&alert.workspace, &alert.secret) else {
            continue;
        };
        let mut rows = stored.secrets_of(workspace).iter();
        let row = rows.find(|row| row.server.is_none() && row.name.as_str() == name);
        if let Some(row) = row {
            let master = &stored.installation.master;
            let openers = LazyOpeners::new(workspace, master, stored.keys_of(workspace)).get();
            let signer = Signer::new(workspace.clone(), row.clone(), openers);
            signers.insert(alert.id.clone(), signer);
        }
    }
    signers
}

/// Says once of each secret that does not fit its manifest that nobody gets it (S-17).
fn report_refused(installation: &Installation, previous: Option<&Snapshot>) {
    for one in &installation.refused {
        if previous.is_some_and(|previous| previous.refused.contains(one)) {
            continue;
        }
        tracing::error!(
            workspace = %one.workspace,
            secret = %one.name,
            finding = one.finding.as_str(),
            "a secret does not fit its manifest; no server gets it until it is set again"
        );
    }
}

/// Where a link lives: what its notices concern.
#[derive(Clone)]
struct Home {
    workspace: WorkspaceSlug,
    hub: Arc<Hub>,
    secrets: Arc<LinkSecrets>,
    link: Arc<OnceLock<Weak<Link>>>,
}

impl Home {
    fn link(&self) -> Option<Arc<Link>> {
        self.link.get().and_then(Weak::upgrade)
    }
}

fn kept_link(before: &WorkspaceEntry, spec: &ServerSpec) -> Option<(Arc<Link>, Arc<LinkSecrets>)> {
    let link = before
        .workspace
        .links()
        .iter()
        .find(|link| **link.spec() == *spec)?;
    let secrets = before.secrets.get(spec.id.as_str())?;
    Some((link.clone(), secrets.clone()))
}

/// A token's entry, with the rate log and the listeners of the one before. A token that works again, since the
/// clock was corrected, begins a new life: the streams of the old one are gone.
fn token_entry(token: Token, previous: Option<&Snapshot>, now_ms: u64) -> TokenEntry {
    let before = previous.and_then(|previous| previous.tokens.get(&token.digest));
    let is_active = token.status(now_ms) == TokenStatus::Active;
    let limiter = before.filter(|before| before.token.rate_limit == token.rate_limit);
    let life = before.filter(|before| !(is_active && before.life.has_ended()));
    TokenEntry {
        limiter: limiter.map_or_else(
            || Arc::new(RateLimiter::new(token.rate_limit)),
            |before| before.limiter.clone(),
        ),
        life: life.map_or_else(|| Arc::new(Life::default()), |before| before.life.clone()),
        last_use: before.map_or_else(Arc::default, |before| before.last_use.clone()),
        bulkhead: before.map_or_else(
            || Arc::new(Bulkhead::new(Part::Token)),
            |before| before.bulkhead.clone(),
        ),
        token: Arc::new(token),
    }
}

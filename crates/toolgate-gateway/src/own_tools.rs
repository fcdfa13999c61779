//! Tools of the gateway's own: a server like any other, but for the way to it. What they do is not known here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use toolgate_http::Egress;
use toolgate_namespace::{
    EraSetting, Isolation, Prefix, ServerId, ServerSlug, ServerSpec, Timeouts, Transport, Trust,
    WorkspaceId,
};
use toolgate_policy::Role;
use toolgate_protocol::ToolDefinition;
use toolgate_router::{Link, LinkChanges, LinkConfig, Pins, approve_all};
use toolgate_store::master::KeySource;
use toolgate_store::{DataDir, Store};
use toolgate_upstream::{BuiltIn, ChildConfig, Upstream};

/// Contacting a new server may take a minute, and nothing is heard meanwhile.
const LONGEST_ACT: Duration = Duration::from_secs(90);

/// Makes the gateway's own tools, once its store is open.
pub struct OwnTools(Box<dyn FnOnce(Home) -> OwnServer + Send>);

/// The opened installation.
#[derive(Debug)]
pub struct Home {
    /// Where it lives.
    pub dir: DataDir,
    /// Its store, unlocked.
    pub store: Store,
    /// Where its master key comes from.
    pub keys: Arc<KeySource>,
}

/// The server behind the gateway's own tools.
#[derive(Debug)]
pub struct OwnServer {
    /// Who answers.
    pub server: Arc<dyn BuiltIn>,
    /// What it offers, in list order, and the least role that may have each.
    pub tools: Vec<(Arc<ToolDefinition>, Role)>,
}

impl OwnTools {
    /// Tools that are made with the opened installation.
    pub fn new(make: impl FnOnce(Home) -> OwnServer + Send + 'static) -> Self {
        Self(Box::new(make))
    }

    pub(crate) fn make(self, home: Home) -> OwnServer {
        (self.0)(home)
    }
}

impl fmt::Debug for OwnTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnTools").finish_non_exhaustive()
    }
}

impl OwnServer {
    /// Its link in one workspace. Its definitions are trusted as the program is that holds them.
    pub(crate) fn link(
        &self,
        workspace: &WorkspaceId,
        changes: &Arc<LinkChanges>,
        egress: &Egress,
        children: &ChildConfig,
    ) -> Arc<Link> {
        let spec = Arc::new(spec(workspace));
        let upstream = Upstream::built_in(
            spec.clone(),
            self.server.clone(),
            egress.clone(),
            children.clone(),
        );
        Link::new(LinkConfig {
            spec,
            upstream,
            pins: Some(Pins::built_in(self.tools.iter().cloned())),
            snapshot: None,
            changes: changes.clone(),
            pinning: approve_all(),
        })
    }
}

fn spec(workspace: &WorkspaceId) -> ServerSpec {
    ServerSpec {
        // The same everywhere: it is never stored, and records name the workspace beside it.
        id: ServerId::from_random(*b"toolgate-builtin"),
        workspace: workspace.clone(),
        slug: ServerSlug::try_from(ServerSlug::OWN).expect("`toolgate` is a slug"),
        transport: Transport::BuiltIn,
        era: EraSetting::Modern,
        prefix: Prefix::Slug,
        isolation: Isolation::Shared,
        injections: Vec::new(),
        timeouts: Timeouts {
            call_idle: LONGEST_ACT,
            call_max: LONGEST_ACT,
            ..Timeouts::default()
        },
        enabled: true,
        display_order: u32::MAX,
        allowed_origin: None,
        trust: Trust::default(),
        version: 1,
    }
}

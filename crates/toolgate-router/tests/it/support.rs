//! One workspace over scriptable servers.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use toolgate_namespace::{
    EraSetting, HttpKind, Isolation, Prefix, ServerId, ServerSlug, ServerSpec, Timeouts, Transport,
    Trust, WorkspaceId, WorkspaceSlug,
};
use toolgate_policy::{Principal, RateLimit, RawToken, Role, Token, TokenId, ToolRules};
use toolgate_protocol::{Json, Revision};
use toolgate_router::{
    Background, Link, LinkConfig, Listed, Pinning, Pins, Resolved, ResourcePage, ToolList,
    Workspace, WorkspaceConfig, approve_all,
};
use toolgate_testkit::{Running, Server};
use toolgate_upstream::{
    CredentialError, Credentials, Egress, EgressConfig, Injected, ListKind, Notice, Upstream,
    UpstreamConfig,
};

/// Longer than anything here takes; a test that hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(30);
/// The least that a modern list carries around its items.
pub(crate) const MODERN: Revision = Revision::LATEST;
pub(crate) const LEGACY: Revision = Revision::LATEST_LEGACY;

struct NoSecrets;

impl Credentials for NoSecrets {
    fn open(&self) -> Result<Injected, CredentialError> {
        Ok(Injected::default())
    }

    fn mask(&self, message: bytes::Bytes) -> bytes::Bytes {
        message
    }
}

/// A workspace and what its links were made from.
pub(crate) struct Rig {
    pub(crate) workspace: Arc<Workspace>,
    specs: Vec<ServerSpec>,
}

impl Rig {
    /// The servers in this order, everything found out by themselves.
    pub(crate) fn over(servers: &[(&str, &Running)]) -> Self {
        Self::with(servers, |_| {})
    }

    /// The same with other settings.
    pub(crate) fn with(servers: &[(&str, &Running)], change: impl Fn(&mut ServerSpec)) -> Self {
        let specs: Vec<_> = servers
            .iter()
            .zip(0..)
            .map(|((slug, server), order)| {
                let mut spec = spec(slug, server, order);
                change(&mut spec);
                spec
            })
            .collect();
        Self::pinned_by(specs, &approve_all())
    }

    /// The servers, with somebody else to pin their lists.
    pub(crate) fn pinned_by(specs: Vec<ServerSpec>, pinning: &Arc<Pinning>) -> Self {
        let remembered = specs.iter().map(|_| None).collect();
        Self {
            workspace: workspace(&specs, remembered, pinning),
            specs,
        }
    }

    /// The workspace after a restart: only what the store keeps is known.
    pub(crate) fn restarted(&self) -> Self {
        let links = self.workspace.links().iter();
        let remembered = links.map(|link| link.known().map(|pins| pins.definitions()));
        Self {
            workspace: workspace(&self.specs, remembered.collect(), &approve_all()),
            specs: self.specs.clone(),
        }
    }

    pub(crate) fn link(&self, slug: &str) -> &Arc<Link> {
        let slug = ServerSlug::try_from(slug).unwrap();
        self.workspace.link(&slug).unwrap()
    }

    /// The `tools/list` result of a developer's token.
    pub(crate) async fn tools(&self) -> Value {
        let catalog = patient(self.workspace.ready()).await;
        value(&catalog.list_for(&principal("*"), MODERN, &info()))
    }

    pub(crate) async fn tool_names(&self) -> Vec<String> {
        texts(&self.tools().await["tools"], "name")
    }

    pub(crate) async fn prompts(&self) -> Value {
        let catalog = patient(self.workspace.prompts_ready()).await;
        value(&catalog.prompts_for(MODERN, &info()))
    }

    pub(crate) async fn prompt_names(&self) -> Vec<String> {
        texts(&self.prompts().await["prompts"], "name")
    }

    /// The first page of resources.
    pub(crate) async fn resources(&self) -> ResourcePage {
        self.first_page(ListKind::Resources).await
    }

    pub(crate) async fn first_page(&self, kind: ListKind) -> ResourcePage {
        patient(self.workspace.resource_page(kind, None))
            .await
            .unwrap()
    }

    /// All pages: the items as shown, and how many pages it took.
    pub(crate) async fn all_pages(&self, kind: ListKind) -> (Vec<String>, usize) {
        let (mut all, mut from, mut count) = (Vec::new(), None, 0);
        loop {
            let page = self.workspace.resource_page(kind, from.as_ref());
            let page = patient(page).await.unwrap();
            all.extend(shown(&page));
            count += 1;
            assert!(count < 100, "a list of pages ends");
            from = page.next;
            if from.is_none() {
                return (all, count);
            }
        }
    }

    /// Where a URI leads Alice: `server uri`, and whether she used the explicit form; or `nobody`.
    pub(crate) async fn resolve(&self, uri: &str) -> String {
        self.resolve_for("alice", uri).await
    }

    pub(crate) async fn resolve_for(&self, principal: &str, uri: &str) -> String {
        let resolved = patient(self.workspace.resolve(principal, uri)).await;
        resolved.map_or_else(|| "nobody".to_owned(), |resolved| said(&resolved))
    }

    /// Where a template leads.
    pub(crate) async fn resolve_template(&self, template: &str) -> String {
        let resolved = patient(self.workspace.resolve_template(template)).await;
        resolved.map_or_else(|| "nobody".to_owned(), |resolved| said(&resolved))
    }
}

fn said(resolved: &Resolved) -> String {
    let form = if resolved.explicit { " explicit" } else { "" };
    format!("{} {}{form}", resolved.link.spec().slug, resolved.own)
}

pub(crate) fn spec(slug: &str, server: &Running, order: u8) -> ServerSpec {
    ServerSpec {
        id: ServerId::from_random([order; 16]),
        workspace: WorkspaceId::from_random([1; 16]),
        slug: ServerSlug::try_from(slug).unwrap(),
        transport: Transport::Http {
            url: server.url().to_owned(),
            http: HttpKind::Auto,
        },
        era: EraSetting::Auto,
        prefix: Prefix::Slug,
        isolation: Isolation::Auto,
        injections: Vec::new(),
        timeouts: Timeouts::default(),
        enabled: true,
        display_order: u32::from(order),
        allowed_origin: Some(server.origin()),
        trust: Trust::default(),
        version: 1,
    }
}

fn workspace(
    specs: &[ServerSpec],
    remembered: Vec<Option<ToolList>>,
    pinning: &Arc<Pinning>,
) -> Arc<Workspace> {
    let changes: Arc<_> = Arc::default();
    let links = specs
        .iter()
        .zip(remembered)
        .map(|(spec, known)| link(spec, known.as_ref(), &changes, pinning))
        .collect();
    Workspace::new(WorkspaceConfig {
        id: WorkspaceId::from_random([1; 16]),
        slug: WorkspaceSlug::try_from("team").unwrap(),
        read_only_all: false,
        links,
        built_in: None,
        changes,
        uris: Arc::default(),
        background: Arc::<Background>::default(),
    })
}

fn link(
    spec: &ServerSpec,
    known: Option<&ToolList>,
    changes: &Arc<toolgate_router::LinkChanges>,
    pinning: &Arc<Pinning>,
) -> Arc<Link> {
    let slot: Arc<OnceLock<Weak<Link>>> = Arc::default();
    let told = slot.clone();
    let upstream = Upstream::new(UpstreamConfig {
        spec: Arc::new(spec.clone()),
        credentials: Arc::new(NoSecrets),
        egress: Egress::new(EgressConfig::default()).unwrap(),
        verdict: None,
        children: toolgate_upstream::ChildConfig::default(),
        client_info: info(),
        notices: Arc::new(move |notice| {
            let Some(link) = told.get().and_then(Weak::upgrade) else {
                return;
            };
            match notice {
                Notice::ToolsChanged => link.invalidate(Listed::Tools),
                Notice::PromptsChanged => link.invalidate(Listed::Prompts),
                Notice::ResourcesChanged => link.invalidate(Listed::Resources),
                Notice::Snapshot(snapshot) => {
                    link.learn_snapshot(snapshot);
                }
                _ => {}
            }
        }),
        questions: Arc::new(|_| {}),
    });
    let link = Link::new(LinkConfig {
        spec: Arc::new(spec.clone()),
        upstream,
        pins: known.map(|tools| Pins::approved(tools)),
        snapshot: None,
        changes: changes.clone(),
        pinning: pinning.clone(),
    });
    slot.set(Arc::downgrade(&link)).unwrap();
    link
}

/// A token that may call the tools that a rule names.
pub(crate) fn principal(rule: &str) -> Principal {
    let seed = rule.bytes().fold(7_u8, u8::wrapping_add);
    let raw = RawToken::from_random([seed; 32]);
    let token = Arc::new(Token {
        id: TokenId::from_random([seed; 16]),
        workspace: WorkspaceId::from_random([1; 16]),
        name: "test".into(),
        role: Role::Developer,
        rules: match rule {
            "*" => ToolRules::all(),
            rule => ToolRules::parse([rule]).unwrap(),
        },
        rate_limit: RateLimit::Off,
        digest: raw.digest(),
        member: None,
        created_at: 0,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    });
    Principal::authenticate(&token, &raw.digest(), 0).unwrap()
}

/// A server with prompts and resources that it declares.
pub(crate) fn server() -> Server {
    Server::new().capabilities(everything())
}

pub(crate) fn everything() -> Value {
    json!({"tools": {}, "prompts": {}, "resources": {}})
}

/// A page of resources.
pub(crate) fn resources(uris: &[&str]) -> Value {
    let items: Vec<_> = uris
        .iter()
        .map(|uri| json!({"uri": uri, "name": uri}))
        .collect();
    json!({"resources": items})
}

pub(crate) fn templates(templates: &[&str]) -> Value {
    let items: Vec<_> = templates
        .iter()
        .map(|template| json!({"uriTemplate": template, "name": template}))
        .collect();
    json!({"resourceTemplates": items})
}

pub(crate) fn prompts(names: &[&str]) -> Value {
    let items: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"prompts": items})
}

/// A page of something with a cursor for more.
pub(crate) fn more(mut page: Value, cursor: &str) -> Value {
    page["nextCursor"] = json!(cursor);
    page
}

pub(crate) fn shown(page: &ResourcePage) -> Vec<String> {
    page.items.iter().map(|item| item.shown.clone()).collect()
}

pub(crate) fn missing(page: &ResourcePage) -> Vec<&str> {
    page.missing.iter().map(ServerSlug::as_str).collect()
}

pub(crate) fn texts(items: &Value, member: &str) -> Vec<String> {
    let items = items.as_array().unwrap().iter();
    items
        .map(|item| item[member].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn info() -> Json {
    Json::literal(r#"{"name":"toolgate","version":"0"}"#)
}

pub(crate) fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

pub(crate) async fn patient<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("a test is not this slow")
}

/// Lets time pass for what is remembered, and for nothing that is under way.
pub(crate) async fn advance(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

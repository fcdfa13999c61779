//! A gateway over a fresh data directory, with servers and tokens added the way the admin binary does it.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tempfile::TempDir;
use toolgate_gateway::{Config, Gateway};
use toolgate_http::{Drain, DrainSignal, Handler, Listener, ReplyBody, ServeLimits, serve};
use toolgate_namespace::{
    Changes, EraSetting, HttpKind, Injection, Isolation, Prefix, ServerId, ServerSlug, ServerSpec,
    Timeouts, Transport, Trust, WorkspaceId, WorkspaceSlug,
};
use toolgate_policy::{RateLimit, RawToken, Role, Token, TokenId, ToolRules};
use toolgate_store::control::{self, ControlReply, ControlRequest, GatewayStatus};
use toolgate_store::{
    Actor, CallFilter, CallRow, CallsReader, DataDir, Installation, NewWorkspace, Open, SecretRow,
    Store, TokenChange, ToolRow, WorkspaceScope,
};
use toolgate_testkit::{Client, Running};
use toolgate_vault::{MasterKey, MasterKeySource, Secret, SecretContext, SecretName};

/// A running gateway.
pub(crate) struct Setup {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) origin: String,
    pub(crate) admin_token: String,
    store: Store,
    master: Arc<MasterKey>,
    dir: DataDir,
    folder: TempDir,
    signal: DrainSignal,
}

struct Door(Arc<Gateway>);

impl Handler for Door {
    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: std::net::SocketAddr,
    ) -> Response<ReplyBody> {
        self.0.handle(request).await
    }
}

impl Setup {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A gateway whose configuration is changed before it is opened.
    pub(crate) async fn with(shape: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path());
        let mut config = Config::new(dir.clone());
        shape(&mut config);
        let (gateway, first_run) = Gateway::open(config).await.unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let origin = format!("http://{}", listener.local_addr());
        gateway.open_control(origin.clone()).unwrap();
        let (signal, drain) = Drain::new();
        tokio::spawn(serve(
            listener,
            ServeLimits::default(),
            Arc::new(Door(gateway.clone())),
            drain,
        ));
        let uid = toolgate_sys::current_uid();
        let master = Arc::new(MasterKey::load(MasterKeySource::File(dir.key_file()), uid).unwrap());
        let store = Store::open(&dir, Open::MustExist)
            .unwrap()
            .unlock(master.clone(), &actor())
            .unwrap();
        let admin_token = first_run.unwrap().token.expose().to_owned();
        Self {
            gateway,
            origin,
            admin_token,
            store,
            master,
            dir,
            folder,
            signal,
        }
    }

    /// Another gateway on the same data directory; its origin.
    pub(crate) async fn second_gateway(&self) -> String {
        self.another(|_| {}).await.1
    }

    /// The same with other settings.
    pub(crate) async fn another(&self, shape: impl FnOnce(&mut Config)) -> (Arc<Gateway>, String) {
        let mut config = Config::new(self.dir.clone());
        shape(&mut config);
        let (gateway, first_run) = Gateway::open(config).await.unwrap();
        assert!(first_run.is_none(), "the store was there already");
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let origin = format!("http://{}", listener.local_addr());
        let (signal, drain) = Drain::new();
        let door = Arc::new(Door(gateway.clone()));
        tokio::spawn(async move {
            // Lives as long as the test's runtime.
            let _signal = signal;
            serve(listener, ServeLimits::default(), door, drain).await;
        });
        (gateway, origin)
    }

    /// The URL of a workspace.
    pub(crate) fn url(&self, slug: &str) -> String {
        format!("{}/ws/{slug}", self.origin)
    }

    /// An Admin client of `default`, without a session yet.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url("default")).bearer(&self.admin_token)
    }

    pub(crate) fn scope(&self, slug: &str) -> WorkspaceScope {
        self.store
            .scope(&WorkspaceSlug::try_from(slug).unwrap())
            .unwrap()
    }

    pub(crate) fn workspace(&self, slug: &str) -> WorkspaceScope {
        let id = WorkspaceId::from_random(fresh());
        let (_, key) = self.master.new_workspace_key(id.as_str()).unwrap();
        let slug = WorkspaceSlug::try_from(slug).unwrap();
        let new = NewWorkspace {
            id,
            slug: slug.clone(),
            name: slug.to_string(),
            description: String::new(),
            key,
            created_at: 0,
        };
        self.store.create_workspace(&actor(), new).unwrap();
        self.store.scope(&slug).unwrap()
    }

    /// A spec for an HTTP server, to be changed before it is added.
    pub(crate) fn spec(&self, scope: &WorkspaceScope, slug: &str, url: &str) -> ServerSpec {
        let authority = url
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap()
            .to_owned();
        ServerSpec {
            id: ServerId::from_random(fresh()),
            workspace: scope.workspace().clone(),
            slug: ServerSlug::try_from(slug).unwrap(),
            transport: Transport::Http {
                url: url.to_owned(),
                http: HttpKind::Auto,
            },
            era: EraSetting::Auto,
            prefix: Prefix::Slug,
            isolation: Isolation::Auto,
            injections: Vec::new(),
            timeouts: Timeouts {
                list: Duration::from_secs(2),
                ..Timeouts::default()
            },
            enabled: true,
            display_order: u32::try_from(self.store.servers(scope).unwrap().len()).unwrap(),
            allowed_origin: Some(authority),
            trust: Trust::default(),
            version: 1,
        }
    }

    pub(crate) async fn add(&self, scope: &WorkspaceScope, spec: &ServerSpec) {
        self.store.add_server(scope, &actor(), spec).unwrap();
        self.knock().await;
    }

    /// Lifts the plan's limit on the servers of a workspace.
    pub(crate) fn allow_many_servers(&self) {
        let plan = r#"{"name":"unlimited","servers_per_workspace":null}"#;
        self.store.set_setting(&actor(), "plan", plan).unwrap();
    }

    /// Adds a server without telling the gateway yet.
    pub(crate) fn add_later(&self, scope: &WorkspaceScope, spec: &ServerSpec) {
        self.store.add_server(scope, &actor(), spec).unwrap();
    }

    /// Adds a testkit server to `default`.
    pub(crate) async fn link(&self, slug: &str, server: &Running) -> ServerSpec {
        let scope = self.scope("default");
        let spec = self.spec(&scope, slug, server.url());
        self.add(&scope, &spec).await;
        spec
    }

    /// Adds a testkit server to `default` whose changes are all accepted.
    pub(crate) async fn link_accepting(&self, slug: &str, server: &Running) -> ServerSpec {
        let scope = self.scope("default");
        let mut spec = self.spec(&scope, slug, server.url());
        spec.trust.changes = Changes::Accept;
        self.add(&scope, &spec).await;
        spec
    }

    pub(crate) async fn link_with(
        &self,
        slug: &str,
        server: &Running,
        injections: Vec<Injection>,
    ) -> ServerSpec {
        let scope = self.scope("default");
        let spec = ServerSpec {
            injections,
            ..self.spec(&scope, slug, server.url())
        };
        self.add(&scope, &spec).await;
        spec
    }

    pub(crate) async fn secret(
        &self,
        scope: &WorkspaceScope,
        spec: &ServerSpec,
        name: &str,
        value: &str,
    ) {
        let name = SecretName::try_from(name).unwrap();
        let version = self
            .store
            .next_version(scope, Some(&spec.id), &name)
            .unwrap();
        let wrapped = self.store.workspace_key(scope).unwrap();
        let key = self
            .master
            .unwrap_workspace_key(scope.workspace().as_str(), &wrapped)
            .unwrap();
        let context = SecretContext {
            workspace: scope.workspace().as_str(),
            server: Some(spec.id.as_str()),
            name: name.as_str(),
            version,
        };
        let sealed = key.seal(context, &Secret::new(value.to_owned())).unwrap();
        let row = SecretRow {
            workspace: scope.workspace().clone(),
            server: Some(spec.id.clone()),
            name,
            version,
            sealed,
            created_at: 0,
            last_used_at: None,
        };
        self.store.put_secret(scope, &actor(), &row).unwrap();
        self.knock().await;
    }

    /// Makes a token, changed by `shape` before it is stored. Returns its text and its row.
    pub(crate) async fn token(
        &self,
        scope: &WorkspaceScope,
        shape: impl FnOnce(&mut Token),
    ) -> (String, Token) {
        let raw = RawToken::from_random(fresh());
        let mut token = Token {
            id: TokenId::from_random(fresh()),
            workspace: scope.workspace().clone(),
            name: "test".into(),
            role: Role::Developer,
            rules: ToolRules::all(),
            rate_limit: RateLimit::Off,
            digest: raw.digest(),
            member: None,
            created_at: 0,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };
        shape(&mut token);
        self.store.create_token(scope, &actor(), &token).unwrap();
        self.knock().await;
        (raw.expose().to_owned(), token)
    }

    pub(crate) async fn revoke(&self, scope: &WorkspaceScope, token: &Token) {
        self.store
            .revoke_token(scope, &actor(), &token.id, 1)
            .unwrap();
        self.knock().await;
    }

    /// Gives a token other rights.
    pub(crate) async fn change(&self, scope: &WorkspaceScope, token: &Token, change: TokenChange) {
        self.store
            .change_token(scope, &actor(), &token.id, &change)
            .unwrap();
        self.knock().await;
    }

    pub(crate) async fn delete_workspace(&self, scope: &WorkspaceScope) {
        self.store.delete_workspace(scope, &actor()).unwrap();
        self.knock().await;
    }

    /// Says that the clock is right now, whatever was seen before.
    pub(crate) fn correct_clock(&self, now_ms: u64) {
        self.store.correct_clock(&actor(), now_ms).unwrap();
    }

    /// The latest time the store knows of.
    pub(crate) fn stored_clock(&self) -> u64 {
        self.store.clock().unwrap().high_water_ms
    }

    /// Revokes without telling the gateway.
    pub(crate) fn revoke_silently(&self, scope: &WorkspaceScope, token: &Token) {
        self.store
            .revoke_token(scope, &actor(), &token.id, 1)
            .unwrap();
    }

    pub(crate) async fn remove(&self, scope: &WorkspaceScope, spec: &ServerSpec) {
        self.store.remove_server(scope, &actor(), &spec.id).unwrap();
        self.knock().await;
    }

    /// Switches one tool on or off, as an admin does.
    pub(crate) async fn switch_tool(
        &self,
        scope: &WorkspaceScope,
        spec: &ServerSpec,
        tool: &str,
        enabled: bool,
    ) {
        self.store
            .set_tool_enabled(scope, &actor(), &spec.id, tool, enabled)
            .unwrap();
        self.knock().await;
    }

    pub(crate) async fn forget_secret(
        &self,
        scope: &WorkspaceScope,
        spec: &ServerSpec,
        name: &str,
    ) {
        let name = SecretName::try_from(name).unwrap();
        self.store
            .delete_secret(scope, &actor(), Some(&spec.id), &name)
            .unwrap();
        self.knock().await;
    }

    /// A token as it is stored now.
    pub(crate) fn stored_token(&self, scope: &WorkspaceScope, id: &TokenId) -> Token {
        let tokens = self.store.list_tokens(scope).unwrap();
        tokens.into_iter().find(|token| &token.id == id).unwrap()
    }

    /// Waits until what is stored satisfies `done`.
    pub(crate) async fn stored(&self, what: &str, done: impl Fn(&Installation) -> bool) {
        for _ in 0..500 {
            if done(&self.store.load().unwrap()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} was not stored");
    }

    /// Demands of a workspace that writing calls are recorded before they are sent.
    pub(crate) async fn strict(&self, scope: &WorkspaceScope) {
        let mut workspace = self.store.workspace(scope).unwrap().workspace;
        workspace.strict_records = true;
        self.store
            .update_workspace(scope, &actor(), &workspace)
            .unwrap();
        self.knock().await;
    }

    /// How the gateway says it fares.
    pub(crate) async fn status(&self) -> GatewayStatus {
        let dir = self.dir.clone();
        let asked = tokio::task::spawn_blocking(move || {
            control::ask(&dir, &ControlRequest::Status, Duration::from_secs(5))
        });
        match asked.await.unwrap().unwrap() {
            ControlReply::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    /// The figure of a gauge.
    pub(crate) async fn gauge(&self, what: &str) -> u64 {
        let status = self.status().await;
        let gauge = status.gauges.iter().find(|gauge| gauge.what == what);
        gauge.unwrap_or_else(|| panic!("no {what}")).used
    }

    /// Waits until a gauge stands at this.
    pub(crate) async fn until_gauge(&self, what: &str, at: u64) {
        for _ in 0..500 {
            if self.gauge(what).await == at {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} stands at {}", self.gauge(what).await);
    }

    /// Has the gateway contact a server and list its tools, as `toolgatectl workspace test` does.
    pub(crate) async fn probe(&self, slug: &str) -> ControlReply {
        let dir = self.dir.clone();
        let request = ControlRequest::Probe {
            workspace: WorkspaceSlug::try_from("default").unwrap(),
            server: ServerSlug::try_from(slug).unwrap(),
        };
        let asked = move || control::ask(&dir, &request, Duration::from_secs(30));
        tokio::task::spawn_blocking(asked).await.unwrap().unwrap()
    }

    /// The store, as the admin binary holds it.
    pub(crate) fn dir(&self) -> &DataDir {
        &self.dir
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What is pinned of a tool.
    pub(crate) fn pin(&self, spec: &ServerSpec, tool: &str) -> ToolRow {
        let rows = self.store.load().unwrap().tools;
        let row = rows
            .into_iter()
            .find(|row| row.server == spec.id && row.name == tool);
        row.unwrap_or_else(|| panic!("{tool} is not pinned"))
    }

    /// Approves what is offered of a tool now.
    pub(crate) async fn approve(&self, scope: &WorkspaceScope, spec: &ServerSpec, tool: &str) {
        let row = self.pin(spec, tool);
        let shown = row.awaits().expect("something waits for an approval");
        self.store
            .approve_tool(scope, &actor(), &spec.id, tool, shown)
            .unwrap();
        self.knock().await;
    }

    /// Tells the gateway that the store changed, as the admin binary does after every command.
    pub(crate) async fn knock(&self) {
        let dir = self.dir.clone();
        let reply = tokio::task::spawn_blocking(move || {
            control::ask(&dir, &ControlRequest::Changed, Duration::from_secs(5))
        });
        assert!(matches!(
            reply.await.unwrap().unwrap(),
            ControlReply::Done { .. }
        ));
    }

    /// The records so far, oldest first, once there are `count` of them.
    pub(crate) async fn records(&self, count: usize) -> Vec<CallRow> {
        for _ in 0..500 {
            let reader = CallsReader::open(&self.dir).unwrap();
            let filter = CallFilter {
                limit: 1000,
                ..CallFilter::default()
            };
            let mut rows = reader.query(&filter).unwrap();
            if rows.len() >= count {
                rows.reverse();
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} records did not arrive");
    }

    /// Every byte in the data directory.
    pub(crate) fn stored_bytes(&self) -> Vec<u8> {
        std::fs::read_dir(self.folder.path())
            .unwrap()
            .filter_map(|entry| std::fs::read(entry.unwrap().path()).ok())
            .flatten()
            .collect()
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.signal.drain();
    }
}

/// Bytes that differ each time they are asked for.
pub(crate) fn fresh<const N: usize>() -> [u8; N] {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).unwrap();
    bytes
}

fn actor() -> Actor {
    Actor::operator("test")
}

/// Names in the last `tools/list` answer.
pub(crate) fn names(reply: &toolgate_testkit::Reply) -> Vec<String> {
    let message = reply.message();
    let tools = message["result"]["tools"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| panic!("no tools in {message}"));
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect()
}

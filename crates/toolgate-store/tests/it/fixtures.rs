//! An installation to play with: obviously fake names, keys and tokens.

use std::num::NonZeroU32;
use std::sync::Arc;

use tempfile::TempDir;
use toolgate_analytics::{CallRecord, CallStatus, Source};
use toolgate_namespace::{
    EraSetting, HttpKind, Injection, Isolation, Prefix, ServerId, ServerSlug, ServerSpec, Timeouts,
    Transport, Trust, WorkspaceId, WorkspaceSlug,
};
use toolgate_policy::{RateLimit, Role, Token, TokenDigest, TokenId, ToolRules};
use toolgate_store::{
    Actor, DataDir, NewWorkspace, Open, SecretRow, Store, StoreError, ToolRow, ToolState,
    WorkspaceScope,
};
use toolgate_vault::{MasterKey, Secret, SecretContext, SecretName};

pub(crate) const NOW: u64 = 1_800_000_000_000;

/// A store on disk, unlocked, with what is needed to open it again.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) dir: DataDir,
    pub(crate) key: Arc<MasterKey>,
    _temporary: TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temporary.path().join("data"));
        let key = Arc::new(MasterKey::generate().unwrap());
        let store = Store::open(&dir, Open::CreateIfMissing).unwrap();
        let store = store.unlock(Arc::clone(&key), &actor()).unwrap();
        Self {
            store,
            dir,
            key,
            _temporary: temporary,
        }
    }

    /// Another connection, as the other binary would have.
    pub(crate) fn other_store(&self) -> Store {
        let store = Store::open(&self.dir, Open::MustExist).unwrap();
        store.unlock(Arc::clone(&self.key), &actor()).unwrap()
    }

    /// Makes a workspace; `n` tells its ids apart.
    pub(crate) fn workspace(&self, slug: &str, n: u8) -> WorkspaceScope {
        let id = WorkspaceId::from_random([n; 16]);
        let (_, key) = self.key.new_workspace_key(id.as_str()).unwrap();
        let new = NewWorkspace {
            id,
            slug: workspace_slug(slug),
            name: format!("The {slug} workspace"),
            description: String::new(),
            key,
            created_at: NOW,
        };
        self.store.create_workspace(&actor(), new).unwrap();
        self.store.scope(&workspace_slug(slug)).unwrap()
    }

    /// Seals `value` as the next version of a secret.
    pub(crate) fn seal(
        &self,
        scope: &WorkspaceScope,
        server: Option<&ServerId>,
        name: &str,
        value: &str,
    ) -> SecretRow {
        let name = SecretName::normalise(name).unwrap();
        let version = self.store.next_version(scope, server, &name).unwrap();
        let wrapped = self.store.workspace_key(scope).unwrap();
        let workspace = scope.workspace().as_str();
        let key = self.key.unwrap_workspace_key(workspace, &wrapped).unwrap();
        let context = SecretContext {
            workspace,
            server: server.map(ServerId::as_str),
            name: name.as_str(),
            version,
        };
        let value = Secret::check_value(value.to_owned()).unwrap();
        let sealed = key.seal(context, &value).unwrap();
        SecretRow {
            workspace: scope.workspace().clone(),
            server: server.cloned(),
            name,
            version,
            sealed,
            created_at: NOW,
            last_used_at: None,
        }
    }

    pub(crate) fn put_secret(
        &self,
        scope: &WorkspaceScope,
        server: Option<&ServerId>,
        name: &str,
    ) -> SecretRow {
        let row = self.seal(scope, server, name, "not-a-real-secret");
        self.store.put_secret(scope, &actor(), &row).unwrap();
        row
    }

    pub(crate) fn add_server(&self, scope: &WorkspaceScope, slug: &str, n: u8) -> ServerSpec {
        let spec = http_server(scope, slug, n);
        self.store.add_server(scope, &actor(), &spec).unwrap();
        spec
    }

    pub(crate) fn add_token(&self, scope: &WorkspaceScope, n: u8) -> Token {
        let token = token(scope, n);
        self.store.create_token(scope, &actor(), &token).unwrap();
        token
    }
}

pub(crate) fn actor() -> Actor {
    Actor::operator("uid 1000")
}

pub(crate) fn workspace_slug(text: &str) -> WorkspaceSlug {
    WorkspaceSlug::try_from(text).unwrap()
}

pub(crate) fn server_slug(text: &str) -> ServerSlug {
    ServerSlug::try_from(text).unwrap()
}

pub(crate) fn secret_name(text: &str) -> SecretName {
    SecretName::normalise(text).unwrap()
}

pub(crate) fn http_server(scope: &WorkspaceScope, slug: &str, n: u8) -> ServerSpec {
    ServerSpec {
        id: ServerId::from_random([n; 16]),
        workspace: scope.workspace().clone(),
        slug: server_slug(slug),
        transport: Transport::Http {
            url: "https://mcp.example.com/{TENANT}/mcp".to_owned(),
            http: HttpKind::Streamable,
        },
        era: EraSetting::Legacy,
        prefix: Prefix::Slug,
        isolation: Isolation::Principal,
        injections: vec![
            Injection::Bearer {
                secret: "API_TOKEN".to_owned(),
            },
            Injection::Url {
                secret: "TENANT".to_owned(),
            },
        ],
        timeouts: Timeouts::default(),
        enabled: true,
        display_order: u32::from(n),
        allowed_origin: Some("mcp.example.com:443".to_owned()),
        trust: Trust::default(),
        version: 1,
    }
}

pub(crate) fn token(scope: &WorkspaceScope, n: u8) -> Token {
    Token {
        id: TokenId::from_random([n; 16]),
        workspace: scope.workspace().clone(),
        name: format!("token {n}"),
        role: Role::Developer,
        rules: ToolRules::parse(["github__*", "!github__delete_*"]).unwrap(),
        rate_limit: RateLimit::PerMinute(NonZeroU32::new(60).unwrap()),
        digest: TokenDigest([n; 32]),
        member: None,
        created_at: NOW,
        expires_at: Some(NOW + 1_000),
        revoked_at: None,
        last_used_at: None,
    }
}

pub(crate) fn tool(server: &ServerId, name: &str, position: u32) -> ToolRow {
    ToolRow {
        server: server.clone(),
        name: name.to_owned(),
        position,
        definition: format!("{{\"name\":\"{name}\"}}").into_bytes(),
        hash: [u8::try_from(position).unwrap(); 32],
        classification: None,
        enabled: true,
        state: ToolState::Approved,
        offer: None,
        reason: None,
        present: true,
    }
}

/// Compares errors by what they print, which is what people see.
#[track_caller]
pub(crate) fn refuses<T: std::fmt::Debug>(outcome: Result<T, StoreError>, expected: &str) {
    assert_eq!(outcome.unwrap_err().to_string(), expected);
}

/// A call that went well.
pub(crate) fn a_call(scope: &WorkspaceScope, number: u64, time_ms: u64) -> CallRecord {
    CallRecord {
        number,
        time_ms,
        workspace: scope.workspace().clone(),
        server: Some(ServerId::from_random([1; 16])),
        server_slug: Some("github".try_into().unwrap()),
        tool: Some("search".into()),
        token_id: "tok_one".into(),
        status: CallStatus::Ok,
        error_code: None,
        duration_ms: 12,
        bytes_in: 100,
        bytes_out: 2_000,
        revision: "2025-11-25",
        source: Source::Gateway,
        intended: false,
        trace: None,
    }
}

//! The first minute: data directory, master key, store, and a workspace to begin with.

use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use toolgate_namespace::{
    Changes, ChildSettings, EraSetting, Injection, Isolation, Prefix, ServerId, ServerSlug,
    ServerSpec, Timeouts, Transport, Trust, WorkspaceId, WorkspaceSlug,
};
use toolgate_policy::{RateLimit, RawToken, Role, Token, TokenId, ToolRules};
use toolgate_store::master::{self, GivenKeySources, KeySource};
use toolgate_store::{Actor, DataDir, NewWorkspace, SecretRow, Store, StoreError, WorkspaceScope};
use toolgate_vault::{MasterKey, Secret, SecretContext, SecretName};

use crate::config::Demo;
use crate::error::GatewayError;
use crate::record::unix_ms;

/// The workspace made on first start.
const FIRST_WORKSPACE: &str = "default";
/// What the demonstration's weather server is given; it checks that it got something.
const DEMO_SECRET: &str = "demo-weather-key-not-a-real-one";

/// What a first start made, to be shown once.
#[derive(Debug)]
pub struct FirstRun {
    /// Slug of the workspace.
    pub workspace: String,
    /// Its Admin token. It is stored only as a digest.
    pub token: RawToken,
}

/// An opened installation.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) keys: Arc<KeySource>,
    pub(crate) first_run: Option<FirstRun>,
}

/// Opens the installation in `dir`, making what is not there yet.
///
/// A store without its key, or with another key, is refused before anything is written (S-01, S-08).
pub(crate) fn open(
    dir: &DataDir,
    keys: GivenKeySources,
    demo: Option<&Demo>,
) -> Result<Opened, GatewayError> {
    let in_store = |source| GatewayError::Store {
        path: dir.path().to_owned(),
        source,
    };
    let source = keys.choose(dir).map_err(GatewayError::MasterKey)?;
    let uid = toolgate_sys::current_uid();
    let opened = master::open(dir, source, uid, &Actor::gateway());
    let master::Opened {
        store,
        source,
        key_elsewhere,
    } = opened.map_err(|error| explain(dir, error))?;
    if let Some(file) = key_elsewhere {
        tracing::warn!(
            file = %file.display(),
            source = source.describe(),
            "the master key was rotated and its source still gives the old one: put the new one there, or the next start without this file fails"
        );
    }
    let master = store.master().map_err(in_store)?;
    let first_run = if store.workspaces().map_err(in_store)?.is_empty() {
        Some(first_workspace(&store, &master, dir)?)
    } else {
        None
    };
    if let Some(demo) = demo {
        add_demo(&store, demo, dir)?;
    }
    Ok(Opened {
        store,
        keys: source,
        first_run,
    })
}

fn explain(dir: &DataDir, error: master::OpenError) -> GatewayError {
    match error {
        master::OpenError::KeyMissing { key, .. } => GatewayError::KeyMissing { path: key },
        master::OpenError::Key(error) => GatewayError::MasterKey(error),
        master::OpenError::Store(StoreError::WrongKey { .. }) => GatewayError::WrongKey,
        master::OpenError::Store(source) => GatewayError::Store {
            path: dir.path().to_owned(),
            source,
        },
    }
}

fn first_workspace(
    store: &Store,
    master: &MasterKey,
    dir: &DataDir,
) -> Result<FirstRun, GatewayError> {
    let in_store = |source| GatewayError::Store {
        path: dir.path().to_owned(),
        source,
    };
    let actor = Actor::gateway();
    let id = WorkspaceId::from_random(random()?);
    let slug = WorkspaceSlug::try_from(FIRST_WORKSPACE).expect("`default` is a slug");
    let (_, key) =
        master
            .new_workspace_key(id.as_str())
            .map_err(|source| GatewayError::WorkspaceKey {
                workspace: FIRST_WORKSPACE.into(),
                source,
            })?;
    let now = unix_ms();
    let new = NewWorkspace {
        id: id.clone(),
        slug: slug.clone(),
        name: FIRST_WORKSPACE.into(),
        description: String::new(),
        key,
        created_at: now,
    };
    let raw = RawToken::from_random(random()?);
    let token = Token {
        id: TokenId::from_random(random()?),
        workspace: id,
        name: "admin".into(),
        role: Role::Admin,
        rules: ToolRules::all(),
        rate_limit: RateLimit::default(),
        digest: raw.digest(),
        member: None,
        created_at: now,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    // Together: a start that ended between the two would leave a workspace whose token nobody was shown.
    store
        .create_workspace_with(&actor, new, Some(&token))
        .map_err(in_store)?;
    Ok(FirstRun {
        workspace: FIRST_WORKSPACE.into(),
        token: raw,
    })
}

/// Puts the two demonstration servers into `default`, once.
fn add_demo(store: &Store, demo: &Demo, dir: &DataDir) -> Result<(), GatewayError> {
    let in_store = |source| GatewayError::Store {
        path: dir.path().to_owned(),
        source,
    };
    let slug = WorkspaceSlug::try_from(FIRST_WORKSPACE).expect("`default` is a slug");
    let scope = store.scope(&slug).map_err(in_store)?;
    let present = store.servers(&scope).map_err(in_store)?;
    for (order, name, secret) in [(0, "notes", None), (1, "weather", Some("WEATHER_API_KEY"))] {
        if present.iter().any(|spec| spec.slug.as_str() == name) {
            continue;
        }
        let spec = demo_server(&scope, demo, name, order, secret)?;
        store
            .add_server(&scope, &Actor::gateway(), &spec)
            .map_err(in_store)?;
        if let Some(secret) = secret {
            seal_demo_secret(store, &scope, &spec, secret).map_err(in_store)?;
        }
    }
    Ok(())
}

fn demo_server(
    scope: &WorkspaceScope,
    demo: &Demo,
    name: &str,
    order: u32,
    secret: Option<&str>,
) -> Result<ServerSpec, GatewayError> {
    let mut argv = demo.argv.clone();
    argv.push(name.to_owned());
    Ok(ServerSpec {
        id: ServerId::from_random(random()?),
        workspace: scope.workspace().clone(),
        slug: ServerSlug::try_from(name).expect("demo names are slugs"),
        transport: Transport::Stdio {
            argv,
            child: ChildSettings::default(),
        },
        era: EraSetting::Auto,
        prefix: Prefix::Slug,
        isolation: Isolation::Auto,
        injections: secret
            .map(|secret| Injection::Env {
                secret: secret.to_owned(),
            })
            .into_iter()
            .collect(),
        timeouts: Timeouts::default(),
        enabled: true,
        display_order: order,
        allowed_origin: None,
        // It comes with this program, and changes when that does.
        trust: Trust {
            changes: Changes::Accept,
            ..Trust::default()
        },
        version: 1,
    })
}

fn seal_demo_secret(
    store: &Store,
    scope: &WorkspaceScope,
    spec: &ServerSpec,
    name: &str,
) -> Result<(), StoreError> {
    let name = SecretName::try_from(name).expect("demo secrets have valid names");
    let version = store.next_version(scope, Some(&spec.id), &name)?;
    let context = SecretContext {
        workspace: scope.workspace().as_str(),
        server: Some(spec.id.as_str()),
        name: name.as_str(),
        version,
    };
    let key = store.sealing_key(scope)?;
    let Ok(sealed) = key.seal(context, &Secret::new(DEMO_SECRET.to_owned())) else {
        return Ok(());
    };
    store.put_secret(
        scope,
        &Actor::gateway(),
        &SecretRow {
            workspace: scope.workspace().clone(),
            server: Some(spec.id.clone()),
            name,
            version,
            sealed,
            created_at: unix_ms(),
            last_used_at: None,
        },
    )
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], GatewayError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| GatewayError::Random)?;
    Ok(bytes)
}

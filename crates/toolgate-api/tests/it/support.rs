//! An installation with the API in front of it, and who asks it.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use toolgate_admin::{Admin, DataDir, NewToken, Role, operator};
use toolgate_api::{Proxies, RunConfig};
use toolgate_testkit::{Client, Reply};

/// Where the workspaces are.
pub(crate) const BASE: &str = "/api/community/mcp/workspaces";

/// An installation, served.
pub(crate) struct Setup {
    pub(crate) origin: String,
    pub(crate) admin: Admin,
    /// An operator's key.
    pub(crate) key: String,
    pub(crate) folder: TempDir,
    pub(crate) serving: Option<JoinHandle<()>>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
}

/// A workspace with a token of each role.
pub(crate) struct Team {
    pub(crate) slug: String,
    pub(crate) id: String,
    pub(crate) admin: String,
    pub(crate) developer: String,
    pub(crate) read_only: String,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::new(folder.path());
        let admin = Admin::open(dir.clone(), operator()).unwrap();
        let key = admin.create_operator_key("tests", None).unwrap().key;
        let served = Admin::open(dir, operator()).unwrap();
        let config = RunConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            tls: None,
            proxies: Proxies::default(),
            public_url: None,
            checkpoints: None,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let (told, url) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let announce = |announce: &toolgate_api::Announce| {
                told.send(announce.url.clone()).unwrap();
            };
            let shutdown = async {
                let _ = stopped.await;
            };
            toolgate_api::run(served, config, announce, shutdown)
                .await
                .unwrap();
        });
        Self {
            origin: url.await.unwrap(),
            admin,
            key,
            folder,
            serving: Some(serving),
            stop: Some(stop),
        }
    }

    /// Ends the process's part in good order.
    pub(crate) async fn end(&mut self) {
        drop(self.stop.take());
        let serving = self.serving.take().unwrap();
        tokio::time::timeout(Duration::from_mins(1), serving)
            .await
            .expect("it ends")
            .unwrap();
    }

    /// A workspace with a token of each role.
    pub(crate) fn team(&self, name: &str) -> Team {
        let made = self.admin.create_workspace(name, "").unwrap();
        let scope = self.admin.scope(&made.slug).unwrap();
        let token = |role| {
            let new = NewToken {
                role,
                ..NewToken::named("somebody")
            };
            self.admin.create_token(&scope, &new).unwrap().token
        };
        Team {
            admin: token(Role::Admin),
            developer: token(Role::Developer),
            read_only: token(Role::ReadOnly),
            slug: made.slug,
            id: made.id,
        }
    }

    /// Whoever holds this key or token.
    pub(crate) fn by(&self, credential: &str) -> Client {
        Client::new(&self.origin).bearer(credential)
    }

    /// The operator's program.
    pub(crate) fn operator(&self) -> Client {
        self.by(&self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.operator().at(path).request("GET").await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.json());
        reply.json()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.operator().at(path).send_json(method, body).await
    }
}

/// The path of something of a workspace.
pub(crate) fn of(workspace: &str, rest: &str) -> String {
    format!("{BASE}/{workspace}{rest}")
}

/// The code of a refusal, which has to have the one shape.
#[track_caller]
pub(crate) fn code(reply: &Reply) -> String {
    let body = reply.json();
    let members: Vec<&str> = body["error"]
        .as_object()
        .expect("the one shape of errors")
        .keys()
        .map(String::as_str)
        .collect();
    for member in members {
        assert!(["code", "message", "hint"].contains(&member));
    }
    assert!(body["error"]["message"].is_string(), "{body}");
    body["error"]["code"].as_str().unwrap().to_owned()
}

/// Nothing to say.
pub(crate) fn nothing() -> Value {
    json!({})
}

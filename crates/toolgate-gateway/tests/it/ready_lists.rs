//! Lists are kept ready, and never out of date: whatever changes, every kind of client sees what a gateway that
//! remembers nothing would show it.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_namespace::{ServerSpec, Trust};
use toolgate_policy::{Classification, Role, Token, ToolRules};
use toolgate_store::{Actor, TokenChange, WorkspaceScope};
use toolgate_testkit::{Client, Script, Server};

use crate::setup::Setup;

/// One token in one revision, over all of the changes.
struct Viewer {
    what: String,
    token: String,
    client: Client,
    is_modern: bool,
}

impl Viewer {
    /// The result of `tools/list`, as it came.
    async fn list(&mut self) -> Value {
        let reply = if self.is_modern {
            self.client.modern("tools/list", json!({})).await
        } else {
            self.client.rpc("tools/list", &json!({})).await
        };
        reply.message()["result"].clone()
    }
}

async fn viewers(url: &str, tokens: &[(&str, String)]) -> Vec<Viewer> {
    let mut viewers = Vec::new();
    for (name, token) in tokens {
        for revision in ["2024-11-05", "2025-11-25", "2026-07-28"] {
            let mut client = Client::new(url).bearer(token);
            let is_modern = revision == "2026-07-28";
            if !is_modern {
                client.initialize_as(revision, &json!({})).await;
            }
            viewers.push(Viewer {
                what: format!("{name} in {revision}"),
                token: token.clone(),
                client,
                is_modern,
            });
        }
    }
    viewers
}

fn names(list: &Value) -> Vec<&str> {
    let tools = list["tools"].as_array().expect("a list of tools");
    tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect()
}

fn tool(name: &str, description: &str) -> Value {
    json!({"name": name, "description": description, "inputSchema": {"type": "object"}})
}

struct Scene {
    setup: Setup,
    scope: WorkspaceScope,
    viewers: Vec<Viewer>,
    rounds: usize,
}

impl Scene {
    async fn new(setup: Setup, tokens: &[(&str, String)]) -> Self {
        Self {
            scope: setup.scope("default"),
            viewers: viewers(&setup.url("default"), tokens).await,
            setup,
            rounds: 0,
        }
    }

    /// The very next list of every viewer is the one a new gateway makes of the same store, which the change left
    /// with something else to show for somebody.
    async fn check(&mut self, change: &str, before: &mut Vec<Value>) {
        let mut now = Vec::new();
        for viewer in &mut self.viewers {
            now.push(viewer.list().await);
        }
        assert_ne!(&now, before, "after {change} somebody sees something else");
        let fresh = self.setup.second_gateway().await;
        let fresh = format!("{fresh}/ws/default");
        for (viewer, seen) in self.viewers.iter_mut().zip(&now) {
            let mut client = Client::new(&fresh).bearer(&viewer.token);
            let reply = if viewer.is_modern {
                client.modern("tools/list", json!({})).await
            } else {
                let revision = viewer.what.rsplit(' ').next().unwrap();
                client.initialize_as(revision, &json!({})).await;
                client.rpc("tools/list", &json!({})).await
            };
            let expected = reply.message()["result"].clone();
            assert_eq!(*seen, expected, "{} after {change}", viewer.what);
            assert_eq!(viewer.list().await, expected, "{} again", viewer.what);
        }
        *before = now;
        self.rounds += 1;
    }
}

async fn token(setup: &Setup, role: Role, globs: &[&str]) -> (String, Token) {
    let rules = ToolRules::parse(globs.iter().copied()).unwrap();
    let scope = setup.scope("default");
    let shape = |token: &mut Token| {
        token.role = role;
        token.rules = rules;
    };
    setup.token(&scope, shape).await
}

/// S-40, S-48, S-50, S-52, S-54, P9.65: a change of rules, role, classification, pins, settings or servers is in the
/// next list of every token in every revision.
#[tokio::test]
async fn s48_every_variant_of_a_list_follows_every_change() {
    let actor = Actor::operator("test");
    let setup = Setup::new().await;
    let one = Server::new()
        .tool_definition(tool("read", "Reads."), "x")
        .tool_definition(tool("write", "Writes."), "x")
        .start()
        .await;
    let two = Server::new().tool("other", "x").start().await;
    let spec = setup.link("one", &one).await;
    let other = setup.link_accepting("two", &two).await;
    let (admin, _) = token(&setup, Role::Admin, &["*"]).await;
    let (limited, limited_row) = token(&setup, Role::Developer, &["one__*"]).await;
    let (reader, reader_row) = token(&setup, Role::ReadOnly, &["*"]).await;
    let tokens = [("admin", admin), ("limited", limited), ("reader", reader)];
    let mut scene = Scene::new(setup, &tokens).await;
    let scope = scene.scope.clone();
    let mut seen = Vec::new();
    scene.check("the first list", &mut seen).await;
    assert_eq!(names(&seen[0]), ["one__read", "one__write", "two__other"]);
    assert_eq!(names(&seen[3]), ["one__read", "one__write"]);
    assert_eq!(names(&seen[6]), [""; 0]);

    let store = scene.setup.store().clone();
    store
        .classify_tool(
            &scope,
            &actor,
            &spec.id,
            "read",
            Some(Classification::ReadOnly),
        )
        .unwrap();
    scene.setup.knock().await;
    scene.check("a classification", &mut seen).await;
    assert_eq!(names(&seen[6]), ["one__read"]);

    scene.setup.switch_tool(&scope, &spec, "write", false).await;
    scene.check("a tool was switched off", &mut seen).await;

    let rules = Some(ToolRules::parse(["two__*"]).unwrap());
    let change = TokenChange { role: None, rules };
    scene.setup.change(&scope, &limited_row, change).await;
    scene.check("other rules", &mut seen).await;
    assert_eq!(names(&seen[3]), ["two__other"]);

    let role = Some(Role::Developer);
    let change = TokenChange { role, rules: None };
    scene.setup.change(&scope, &reader_row, change).await;
    scene.check("another role", &mut seen).await;
    assert_eq!(names(&seen[6]), ["one__read", "two__other"]);
    let role = Some(Role::ReadOnly);
    let change = TokenChange { role, rules: None };
    scene.setup.change(&scope, &reader_row, change).await;
    scene.check("the old role", &mut seen).await;

    let mut workspace = store.workspace(&scope).unwrap().workspace;
    workspace.read_only_all = true;
    store.update_workspace(&scope, &actor, &workspace).unwrap();
    scene.setup.knock().await;
    scene
        .check("a workspace that lets readers call all", &mut seen)
        .await;
    assert_eq!(names(&seen[6]), ["one__read", "two__other"]);

    two.set_tools([(tool("newer", "Comes later."), Script::from("x"))]);
    listed_anew(&mut scene, &two, "two__newer").await;
    scene.check("another list of a server", &mut seen).await;

    let held = ServerSpec {
        trust: Trust::default(),
        version: other.version + 1,
        ..other.clone()
    };
    store.update_server(&scope, &actor, &held).unwrap();
    store
        .set_server_enabled(&scope, &actor, &spec.id, false)
        .unwrap();
    scene.setup.knock().await;
    scene.check("a server was switched off", &mut seen).await;
    store
        .set_server_enabled(&scope, &actor, &spec.id, true)
        .unwrap();
    scene.setup.knock().await;
    scene.check("it was switched on", &mut seen).await;

    scene.setup.remove(&scope, &other).await;
    scene.check("a server was removed", &mut seen).await;
    assert_eq!(scene.rounds, 11);
}

/// Waits until the gateway has heard that the list changed; what a server says of itself takes its time.
async fn listed_anew(scene: &mut Scene, server: &toolgate_testkit::Running, name: &str) {
    for _ in 0..500 {
        server.notify("notifications/tools/list_changed", &json!({}));
        let list = scene.viewers[0].list().await;
        if names(&list).contains(&name) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the new list was never served");
}

/// P9.47: what a change does not touch is not told to those who listen, however often the store changes.
#[tokio::test]
async fn p9_47_a_change_elsewhere_is_no_change_here() {
    let setup = Setup::new().await;
    let server = Server::new().tool("read", "x").start().await;
    setup.link("one", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    let list = client.rpc("tools/list", &json!({})).await.body;
    let mut stream = client.get_stream(&[]).await;
    for n in 0..3 {
        setup.workspace(&format!("elsewhere-{n}"));
        setup.knock().await;
        token(&setup, Role::Developer, &["one__*"]).await;
    }
    let told = tokio::time::timeout(Duration::from_millis(500), stream.next()).await;
    assert!(told.is_err(), "{told:?}");
    let again = client.rpc("tools/list", &json!({})).await.body;
    assert_eq!(list.len(), again.len());
}

//! Two workspaces of equal shape, with names that a seed chooses.

use serde_json::{Value, json};
use tokio::sync::Mutex;
use toolgate_admin::{Admin, DataDir, NewToken, Role, operator};
use toolgate_testkit::{Client, EventStream, Running, Script, Server};
use toolgate_tests::{Gateway, Installation};

use super::harvest::Names;
use crate::connection::BEHIND_PROXY;
use crate::rng::Rng;

/// Both workspaces and the gateway in front.
pub(super) struct World {
    gateway: Gateway,
    pub(super) alpha: Side,
    pub(super) bravo: Side,
    pub(super) admin: Admin,
    /// A stream of the first workspace's session, and a call of it that waits for an answer.
    pub(super) heard: Mutex<Vec<EventStream>>,
    _installation: Installation,
}

/// One workspace.
pub(super) struct Side {
    pub(super) slug: String,
    pub(super) url: String,
    /// Of its servers: one of older revisions, one modern.
    pub(super) servers: [String; 2],
    /// Text and id of an admin's, a developer's and a read-only token, and of one that was revoked.
    pub(super) tokens: Vec<(String, String)>,
    running: Vec<Running>,
}

impl World {
    pub(super) async fn new(rng: &mut Rng) -> Self {
        let installation = Installation::new();
        let slugs = [rng.word(9), rng.word(9)];
        for slug in &slugs {
            installation.workspace(slug);
        }
        let admin = Admin::open(DataDir::new(installation.data_dir()), operator()).expect("opens");
        let mut sides = Vec::new();
        for slug in slugs {
            sides.push(Side::new(&installation, &admin, slug, rng).await);
        }
        let gateway = installation.start_with(&BEHIND_PROXY);
        for side in &mut sides {
            side.url = gateway.workspace(&side.slug);
            let mut client = Client::new(&side.url).bearer(&side.tokens[0].0);
            client.initialize().await;
            for list in [
                "tools/list",
                "prompts/list",
                "resources/list",
                "resources/templates/list",
            ] {
                assert_eq!(client.rpc(list, &json!({})).await.status, 200);
            }
        }
        let bravo = sides.pop().expect("two");
        let alpha = sides.pop().expect("two");
        Self {
            gateway,
            alpha,
            bravo,
            admin,
            heard: Mutex::default(),
            _installation: installation,
        }
    }

    pub(super) fn authority(&self) -> String {
        self.gateway.url.trim_start_matches("http://").to_owned()
    }

    /// Calls and reads that the first workspace's servers saw.
    pub(super) fn alpha_requests(&self) -> usize {
        let methods = [
            "tools/call",
            "prompts/get",
            "resources/read",
            "completion/complete",
            "resources/subscribe",
            "notifications/cancelled",
        ];
        let seen = |server: &Running| -> usize {
            methods
                .iter()
                .map(|method| server.requests_for(method).len())
                .sum::<usize>()
                + server.answers().len()
        };
        self.alpha.running.iter().map(seen).sum()
    }

    /// Messages on the first workspace's open streams.
    pub(super) async fn heard_by_alpha(&self) -> u64 {
        let mut heard = 0;
        for stream in self.heard.lock().await.iter_mut() {
            let wait = std::time::Duration::from_millis(200);
            while let Ok(next) = tokio::time::timeout(wait, stream.event()).await {
                match next {
                    // It ended, which is worse.
                    None => {
                        heard += 1;
                        break;
                    }
                    Some(event) => {
                        heard += u64::from(event.data.is_some_and(|data| !data.is_empty()));
                    }
                }
            }
        }
        heard
    }

    /// What of the first workspace's does not work for its own any more.
    pub(super) async fn lost_by_alpha(&self, names: &Names) -> u64 {
        let client = Client::new(&self.alpha.url).bearer(&self.alpha.tokens[0].0);
        let mut session = client.clone().header("mcp-session-id", &names.session);
        let mut lost = u64::from(session.rpc("ping", &json!({})).await.status != 200);
        let page = session
            .rpc("resources/list", &json!({"cursor": names.cursor}))
            .await;
        lost += u64::from(page.message().get("result").is_none());
        for (tool, state) in &names.states {
            let claim = json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
            let params = json!({"name": tool, "arguments": {}, "requestState": state, "_meta": claim,
                "inputResponses": {"ask-1": {"action": "accept", "content": {}}, "q1": {"action": "accept", "content": {}}}});
            let reply = client.clone().modern("tools/call", params).await;
            lost += u64::from(reply.message().get("result").is_none());
        }
        lost
    }
}

impl Side {
    async fn new(installation: &Installation, admin: &Admin, slug: String, rng: &mut Rng) -> Self {
        let servers = [rng.word(6), rng.word(6)];
        let mut running = Vec::new();
        for (server, modern) in servers.iter().zip([false, true]) {
            let scheme = rng.word(5);
            let started = library(&scheme, modern).start().await;
            let args = [
                "mcp",
                "add",
                server,
                "--workspace",
                &slug,
                "--url",
                started.url(),
            ];
            installation.done(&args);
            running.push(started);
        }
        let scope = admin.scope(&slug).expect("it was made");
        let mut tokens = Vec::new();
        for role in [
            Role::Admin,
            Role::Developer,
            Role::ReadOnly,
            Role::Developer,
        ] {
            let new = NewToken {
                role,
                rate_limit: Some("off".into()),
                ..NewToken::named("x")
            };
            let made = admin.create_token(&scope, &new).expect("a token");
            tokens.push((made.token, made.id));
        }
        admin
            .revoke_token(&scope, &tokens[3].1)
            .expect("it is there");
        Self {
            slug,
            url: String::new(),
            servers,
            tokens,
            running,
        }
    }
}

/// A server with tools, prompts, templates and more resources than one page holds.
fn library(scheme: &str, modern: bool) -> Server {
    let form = json!({"message": "?", "requestedSchema": {"type": "object", "properties": {}}});
    let resources: Vec<Value> = (0..1_100)
        .map(|n| json!({"uri": format!("{scheme}://{n}"), "name": n.to_string()}))
        .collect();
    let template = json!({"uriTemplate": format!("{scheme}://t/{{x}}"), "name": "t"});
    let look = json!({"name": "look", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true}});
    let server = Server::new()
        .capabilities(json!({"tools": {}, "prompts": {}, "resources": {"subscribe": true}, "completions": {}}))
        .tool_definition(look, "seen")
        .tool("ask", Script::new().ask("elicitation/create", form).text("asked"))
        .page("prompts/list", None, json!({"prompts": [{"name": "plan"}]}))
        .page("resources/list", None, json!({"resources": resources}))
        .page("resources/templates/list", None, json!({"resourceTemplates": [template]}))
        .method("prompts/get", json!({"messages": []}))
        .method("completion/complete", json!({"completion": {"values": []}}))
        .method("resources/read", json!({"contents": []}));
    if modern {
        server.modern()
    } else {
        server.streams()
    }
}

//! The gateway's own tools: an agent runs its workspace through the protocol it already speaks.

mod acts;
mod calls;
mod place;
mod roles;
mod secrets;
mod tokens;

use serde_json::{Value, json};
use toolgate_testkit::{Client, Reply, Running};
use toolgate_tests::{Created, Gateway, Installation, eventually};

use crate::world::{add, names};

/// Every tool, in list order.
const ALL: &[&str] = &[
    "whoami",
    "my_calls",
    "list_servers",
    "add_server",
    "test_server",
    "enable_server",
    "disable_server",
    "remove_server",
    "list_tools",
    "classify_tool",
    "set_tool_enabled",
    "review_tools",
    "approve_tool",
    "list_secrets",
    "set_secret",
    "delete_secret",
    "list_tokens",
    "create_token",
    "revoke_token",
    "query_calls",
    "call_statistics",
    "explain_refusal",
    "audit",
];

/// A workspace `team` behind a gateway that has its own tools, as it has by default.
struct Managed {
    installation: Installation,
    gateway: Gateway,
    /// An Admin token without a rate limit.
    admin: Created,
}

impl Managed {
    fn new(servers: &[(&str, &Running)]) -> Self {
        let installation = Installation::new();
        installation.workspace("team");
        let admin = installation.unlimited("team");
        for (slug, server) in servers {
            add(&installation, slug, server, &[]);
        }
        Self::start(installation, admin, &[])
    }

    fn start(installation: Installation, admin: Created, flags: &[&str]) -> Self {
        let on = ["--management-tools", "on"];
        let gateway = installation.start_with(&[&on, flags].concat());
        Self {
            installation,
            gateway,
            admin,
        }
    }

    fn token(&self, flags: &[&str]) -> Created {
        let unlimited = [flags, &["--rate-limit", "off"]].concat();
        self.installation.token("team", &unlimited)
    }

    fn client(&self, token: &str) -> Client {
        Client::new(&self.gateway.workspace("team")).bearer(token)
    }

    /// An agent with the Admin token.
    fn agent(&self) -> Agent {
        self.agent_as(&self.admin.token)
    }

    fn agent_as(&self, token: &str) -> Agent {
        Agent(self.client(token))
    }

    fn records(&self) -> Vec<Value> {
        let args = ["calls", "--workspace", "team", "--limit", "1000"];
        let mut records = self.installation.lines(&args);
        records.sort_by_key(|record| record["time"].as_str().map(str::to_owned));
        records
    }

    fn audit(&self) -> Vec<Value> {
        self.installation
            .lines(&["audit", "list", "--limit", "1000"])
    }
}

/// Somebody who calls the gateway's own tools, on 2026-07-28.
struct Agent(Client);

impl Agent {
    async fn names(&mut self) -> Vec<String> {
        names(&self.0.modern("tools/list", json!({})).await)
    }

    async fn reply(&mut self, tool: &str, arguments: Value) -> Reply {
        let name = format!("toolgate__{tool}");
        let params = json!({"name": name, "arguments": arguments});
        self.0.modern("tools/call", params).await
    }

    /// The result of a call that was answered.
    async fn result(&mut self, tool: &str, arguments: Value) -> Value {
        let message = self.reply(tool, arguments).await.message();
        let result = &message["result"];
        assert!(result.is_object(), "{tool}: {message}");
        result.clone()
    }

    /// What a tool answered that did what it is for.
    async fn done(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.result(tool, arguments).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        assert!(!text(&result).is_empty(), "{tool} says something");
        result["structuredContent"].clone()
    }

    /// What a tool said that did not do it.
    async fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.result(tool, arguments).await;
        assert_eq!(result["isError"], true, "{tool}: {result}");
        assert!(result.get("structuredContent").is_none(), "{result}");
        text(&result)
    }
}

/// The one text block of a result.
fn text(result: &Value) -> String {
    let blocks = result["content"].as_array().expect("content");
    assert_eq!(blocks.len(), 1, "{result}");
    blocks[0]["text"].as_str().expect("a text block").to_owned()
}

/// Waits until a list has this name in it.
async fn until_listed(agent: &mut Agent, name: &str) {
    for _ in 0..200 {
        if agent.names().await.iter().any(|known| known == name) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{name} was not listed");
}

/// Waits for so many records.
fn until_recorded(managed: &Managed, count: usize) -> Vec<Value> {
    eventually("the records", || {
        let records = managed.records();
        (records.len() >= count).then_some(records)
    })
}

//! A workspace `team` with servers in it, and a gateway in front.

use serde_json::{Value, json};
use toolgate_testkit::{Client, Reply, Running};
use toolgate_tests::{Created, Gateway, Installation, PATIENCE};

/// An installation with one workspace, an admin token without a rate limit, and a running gateway.
pub(crate) struct World {
    pub(crate) installation: Installation,
    pub(crate) gateway: Gateway,
    pub(crate) token: Created,
}

impl World {
    /// Starts with these servers, each added under its name before the gateway ever ran.
    pub(crate) fn new(servers: &[(&str, &Running)]) -> Self {
        Self::prepare(|installation| {
            for (slug, server) in servers {
                add(installation, slug, server, &[]);
            }
        })
    }

    /// Starts with whatever `prepare` does to workspace `team`.
    pub(crate) fn prepare(prepare: impl FnOnce(&Installation)) -> Self {
        let installation = Installation::new();
        installation.workspace("team");
        let token = installation.unlimited("team");
        prepare(&installation);
        let gateway = installation.start();
        Self {
            installation,
            gateway,
            token,
        }
    }

    /// The workspace's URL.
    pub(crate) fn url(&self) -> String {
        self.gateway.workspace("team")
    }

    /// A client that has said nothing yet.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url()).bearer(&self.token.token)
    }

    /// A client on 2025-11-25 with a session.
    pub(crate) async fn legacy(&self) -> Client {
        self.legacy_as(&self.token.token).await
    }

    /// The same with another token.
    pub(crate) async fn legacy_as(&self, token: &str) -> Client {
        let mut client = Client::new(&self.url()).bearer(token);
        let reply = client.initialize().await;
        assert_eq!(
            reply.status,
            200,
            "{}",
            String::from_utf8_lossy(&reply.body)
        );
        client
    }

    /// The call records of the workspace, the oldest first.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut records =
            self.installation
                .lines(&["calls", "--workspace", "team", "--limit", "1000"]);
        records.sort_by_key(|record| record["time"].as_str().map(str::to_owned));
        records
    }
}

/// Adds a server by URL; `flags` as on the command line.
pub(crate) fn add(installation: &Installation, slug: &str, server: &Running, flags: &[&str]) {
    add_url(installation, slug, server.url(), flags);
}

pub(crate) fn add_url(installation: &Installation, slug: &str, url: &str, flags: &[&str]) {
    let args = [
        &["mcp", "add", slug, "--workspace", "team", "--url", url],
        flags,
    ]
    .concat();
    installation.done(&args);
}

/// Adds the scriptable child process; `child` are its own flags.
pub(crate) fn add_child(installation: &Installation, slug: &str, flags: &[&str], child: &[&str]) {
    let program = toolgate_testkit::stdio_server_path();
    let program = program.to_str().expect("a plain path");
    let args = [
        &["mcp", "add", slug, "--workspace", "team"],
        flags,
        &["--", program],
        child,
    ]
    .concat();
    installation.done(&args);
}

/// The names of a `tools/list` answer, in order.
pub(crate) fn names(reply: &Reply) -> Vec<String> {
    let message = reply.message();
    let tools = message["result"]["tools"]
        .as_array()
        .unwrap_or_else(|| panic!("not a list of tools: {message}"));
    tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .map(str::to_owned)
        .collect()
}

/// Lists with a session.
pub(crate) async fn list(client: &mut Client) -> Vec<String> {
    names(&client.rpc("tools/list", &json!({})).await)
}

/// The JSON-RPC error of an answer: code and message.
pub(crate) fn error(reply: &Reply) -> (i64, String) {
    let message = reply.message();
    let error = &message["error"];
    let code = error["code"]
        .as_i64()
        .unwrap_or_else(|| panic!("not an error: {message}"));
    (
        code,
        error["message"].as_str().unwrap_or_default().to_owned(),
    )
}

/// A future that has to come soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}

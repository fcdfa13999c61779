//! Where the gateway's own tools are, and where they are not.

use serde_json::json;
use toolgate_testkit::{Client, Server};

use super::{Agent, Managed};
use crate::world::add;

/// S-45: an agent manages the workspace of its token; nothing of another one is seen or touched.
#[tokio::test(flavor = "multi_thread")]
async fn s45_nothing_of_another_workspace_is_seen_or_touched() {
    let server = Server::new().tool("hello", "good day").start().await;
    let managed = Managed::new(&[("s", &server)]);
    let installation = &managed.installation;
    installation.workspace("other");
    let other = installation.unlimited("other");
    installation.done(&["secrets", "list", "--workspace", "team"]);
    let theirs = managed.admin.json["id"].as_str().expect("an id").to_owned();
    let mut agent = Agent(Client::new(&managed.gateway.workspace("other")).bearer(&other.token));
    managed
        .agent()
        .done("create_token", json!({"name": "ours"}))
        .await;

    assert_eq!(agent.done("whoami", json!({})).await["workspace"], "other");
    assert_eq!(
        agent.done("list_servers", json!({})).await["servers"],
        json!([])
    );
    assert_eq!(
        agent.done("list_tools", json!({})).await["tools"],
        json!([])
    );
    for tool in [
        "list_tokens",
        "query_calls",
        "audit",
        "list_secrets",
        "review_tools",
    ] {
        let seen = agent.done(tool, json!({})).await.to_string();
        assert!(
            !seen.contains(&theirs) && !seen.contains("\"ours\""),
            "{tool}: {seen}"
        );
    }
    agent.refused("remove_server", json!({"server": "s"})).await;
    agent
        .refused("revoke_token", json!({"token": theirs}))
        .await;
    agent
        .refused("revoke_token", json!({"token": "ours"}))
        .await;
    agent
        .refused(
            "explain_refusal",
            json!({"tool": "s__hello", "token": theirs}),
        )
        .await;
    // The token opens no other workspace.
    let mut stray = Agent(managed.client(&other.token));
    assert_eq!(stray.reply("whoami", json!({})).await.status, 401);
    let servers = managed.agent().done("list_servers", json!({})).await;
    assert_eq!(servers["servers"][0]["server"], "s");
}

/// An operator can do without them.
#[tokio::test(flavor = "multi_thread")]
async fn they_can_be_switched_off() {
    let server = Server::new().tool("hello", "good day").start().await;
    let managed = Managed::new(&[("s", &server)]);
    let Managed {
        installation,
        gateway,
        admin,
    } = managed;
    gateway.stop();
    let gateway = installation.start_with(&["--management-tools", "off"]);
    let mut agent = Agent(Client::new(&gateway.workspace("team")).bearer(&admin.token));
    assert_eq!(agent.names().await, ["s__hello"]);
    assert!(agent.reply("whoami", json!({})).await.message()["error"].is_object());
}

/// P9.6: a workspace whose one server has no prefix is left as that server is.
#[tokio::test(flavor = "multi_thread")]
async fn p9_6_a_transparent_workspace_stays_transparent() {
    let server = Server::new().tool("hello", "good day").start().await;
    let managed = Managed::new(&[]);
    add(&managed.installation, "s", &server, &["--prefix", "none"]);
    let mut agent = managed.agent();
    super::until_listed(&mut agent, "hello").await;
    assert_eq!(agent.names().await, ["hello"]);
    assert!(agent.reply("whoami", json!({})).await.message()["error"].is_object());
    // Switched off, it takes no names.
    managed
        .installation
        .done(&["mcp", "disable", "s", "--workspace", "team"]);
    super::until_listed(&mut agent, "toolgate__whoami").await;
}

/// The name is taken, and the refusal says so.
#[test]
fn no_server_can_have_their_name() {
    let installation = toolgate_tests::Installation::new();
    installation.workspace("team");
    let url = "https://mcp.example.com/mcp";
    let said = installation.ctl(&[
        "mcp",
        "add",
        "toolgate",
        "--workspace",
        "team",
        "--url",
        url,
    ]);
    assert!(!said.status.success());
    assert!(
        said.stderr.contains("the name of the gateway's own tools"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("choose another name"),
        "{}",
        said.stderr
    );
}

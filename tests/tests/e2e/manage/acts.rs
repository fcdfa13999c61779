//! Servers and their tools.

use serde_json::{Value, json};
use toolgate_testkit::{Running, Script, Server};

use super::{Managed, until_listed};
use crate::world::{error, soon};

async fn greeter() -> Running {
    Server::new().tool("hello", "good day").start().await
}

/// An agent adds a server, is told that the list changed, calls the new tool, and takes the server away again. The
/// audit trail names its token for each step.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_adds_a_server_and_calls_it() {
    let server = greeter().await;
    // The operator allowed this address by adding a server there.
    let managed = Managed::new(&[("base", &server)]);
    let mut listener = managed.client(&managed.admin.token);
    listener.initialize().await;
    let mut told = soon("a stream", listener.get_stream(&[])).await;

    let mut agent = managed.agent();
    let added = agent
        .done("add_server", json!({"name": "again", "url": server.url()}))
        .await;
    assert_eq!(added["server"], "again");
    assert_eq!(added["probe"]["state"], "ok");
    assert_eq!(added["missing_secrets"], json!([]));
    let change = soon("the list changed", async {
        loop {
            let message = told.next().await.expect("the stream goes on");
            if message["method"] == "notifications/tools/list_changed" {
                return message;
            }
        }
    });
    change.await;
    until_listed(&mut agent, "again__hello").await;
    let params = json!({"name": "again__hello", "arguments": {}});
    let reply = agent.0.modern("tools/call", params).await;
    assert_eq!(super::text(&reply.message()["result"]), "good day");

    let servers = agent.done("list_servers", json!({})).await;
    let slugs: Vec<_> = servers["servers"]
        .as_array()
        .expect("servers")
        .iter()
        .map(|s| &s["server"])
        .collect();
    assert_eq!(slugs, ["base", "again"]);
    let tested = agent.done("test_server", json!({"server": "again"})).await;
    assert_eq!(tested["probe"]["state"], "ok");
    agent
        .done("disable_server", json!({"server": "again"}))
        .await;
    assert!(!agent.names().await.contains(&"again__hello".to_owned()));
    agent
        .done("enable_server", json!({"server": "again"}))
        .await;
    until_listed(&mut agent, "again__hello").await;
    agent
        .done("remove_server", json!({"server": "again"}))
        .await;
    assert!(!agent.names().await.contains(&"again__hello".to_owned()));

    let actor = format!(
        "token {}",
        managed.admin.json["id"].as_str().expect("an id")
    );
    let acts: Vec<Value> = managed
        .audit()
        .into_iter()
        .filter(|act| act["actor"] == *actor)
        .collect();
    let actions: Vec<_> = acts.iter().map(|act| act["action"].clone()).collect();
    assert_eq!(actions.len(), 4, "{actions:?}");
    assert!(acts.iter().all(|act| act["workspace"] == "team"));
    let own = agent
        .done("audit", json!({"actor": managed.admin.json["id"]}))
        .await;
    assert_eq!(own["changes"].as_array().map(Vec::len), Some(4));
}

/// S-64, S-65, S-70: an agent reaches what is public or was allowed, and sets no command.
#[tokio::test(flavor = "multi_thread")]
async fn s65_private_addresses_are_the_operators_to_allow() {
    let (base, other) = (greeter().await, greeter().await);
    let managed = Managed::new(&[("base", &base)]);
    let mut agent = managed.agent();
    for url in [
        other.url(),
        "http://10.0.0.9/mcp",
        "https://10.0.0.9/mcp",
        "http://169.254.169.254/latest",
        "https://[::1]:9/mcp",
        "http://1.1.1.1/mcp",
        "file:///etc/passwd",
    ] {
        agent
            .refused("add_server", json!({"name": "x", "url": url}))
            .await;
    }
    let said = agent
        .refused("add_server", json!({"name": "x", "url": other.url()}))
        .await;
    assert!(said.contains("toolgatectl mcp add"), "{said}");
    agent
        .refused(
            "add_server",
            json!({"name": "x", "url": base.url(), "command": "sh"}),
        )
        .await;
    let servers = agent.done("list_servers", json!({})).await;
    assert_eq!(servers["servers"].as_array().map(Vec::len), Some(1));
    assert_eq!(other.requests().len(), 0);
}

/// S-67: why a server could not be reached is not told, or a network could be mapped by it.
#[tokio::test(flavor = "multi_thread")]
async fn s67_failures_to_reach_a_server_read_the_same() {
    let refusing = Server::new().refuse(401, "no").start().await;
    let gone = greeter().await;
    let managed = Managed::new(&[("refusing", &refusing), ("gone", &gone)]);
    gone.stop().await;
    let mut agent = managed.agent();
    let mut said = Vec::new();
    for server in ["refusing", "gone"] {
        let result = agent.result("test_server", json!({"server": server})).await;
        assert_eq!(
            result["structuredContent"]["probe"],
            json!({"state": "failed"})
        );
        said.push(super::text(&result).replace(server, "it"));
    }
    assert_eq!(said[0], said[1]);
}

/// What does not exist is said not to, with what there is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_is_said_with_what_there_is() {
    let server = greeter().await;
    let managed = Managed::new(&[("s", &server)]);
    let mut agent = managed.agent();
    for (tool, arguments) in [
        ("test_server", json!({"server": "x"})),
        ("enable_server", json!({"server": "x"})),
        ("disable_server", json!({"server": "x"})),
        ("remove_server", json!({"server": "x"})),
        ("list_tools", json!({"server": "x"})),
        ("review_tools", json!({"server": "x"})),
        (
            "classify_tool",
            json!({"server": "x", "tool": "t", "classification": "write"}),
        ),
        (
            "set_tool_enabled",
            json!({"server": "x", "tool": "t", "enabled": true}),
        ),
        (
            "set_secret",
            json!({"name": "A", "value": "long enough", "server": "x"}),
        ),
    ] {
        let said = agent.refused(tool, arguments).await;
        assert!(
            said.contains("there is s; see toolgate__list_servers"),
            "{tool}: {said}"
        );
    }
    for (tool, arguments, hint) in [
        (
            "approve_tool",
            json!({"server": "s", "tool": "hello", "hash": "00"}),
            "toolgate__review_tools",
        ),
        (
            "delete_secret",
            json!({"name": "NOT_THERE"}),
            "toolgate__list_secrets",
        ),
        (
            "revoke_token",
            json!({"token": "tok_00000000000000000000000000"}),
            "toolgate__list_tokens",
        ),
        (
            "add_server",
            json!({"name": "s", "url": server.url()}),
            "choose another name",
        ),
        (
            "add_server",
            json!({"name": "toolgate", "url": server.url()}),
            "choose another name",
        ),
        ("explain_refusal", json!({}), "give either"),
        (
            "explain_refusal",
            json!({"call": "call_nope"}),
            "toolgate__query_calls",
        ),
    ] {
        let said = agent.refused(tool, arguments).await;
        assert!(said.contains(hint), "{tool}: {said}");
    }
}

/// S-50, S-51, S-54: an agent classifies, switches and approves tools; an approval is for what was shown.
#[tokio::test(flavor = "multi_thread")]
async fn s51_an_agent_reviews_and_approves_what_changed() {
    let server = greeter().await;
    let managed = Managed::new(&[("s", &server)]);
    let mut agent = managed.agent();
    until_listed(&mut agent, "s__hello").await;
    let reader = managed.token(&["--role", "read-only"]);
    let mut reader = managed.agent_as(&reader.token);
    assert!(!reader.names().await.contains(&"s__hello".to_owned()));
    let word = json!({"server": "s", "tool": "hello", "classification": "read-only"});
    agent.done("classify_tool", word).await;
    until_listed(&mut reader, "s__hello").await;

    let off = json!({"server": "s", "tool": "hello", "enabled": false});
    assert_eq!(agent.done("set_tool_enabled", off).await["enabled"], false);
    assert!(!agent.names().await.contains(&"s__hello".to_owned()));
    let on = json!({"server": "s", "tool": "hello", "enabled": true});
    agent.done("set_tool_enabled", on).await;
    until_listed(&mut agent, "s__hello").await;

    let changed = json!({
        "name": "hello",
        "description": "greets somebody",
        "inputSchema": {"type": "object", "properties": {"who": {"type": "string"}}, "required": ["who"]},
    });
    server.set_tools([(changed, Script::from("good day"))]);
    agent.done("test_server", json!({"server": "s"})).await;
    let review = agent.done("review_tools", json!({})).await;
    let waiting = &review["tools"][0];
    assert_eq!(
        (&waiting["tool"], &waiting["waits"]),
        (&json!("hello"), &json!(true)),
        "{review}"
    );
    let tools = agent.done("list_tools", json!({"server": "s"})).await;
    assert_eq!(tools["tools"][0]["hash"], waiting["hash"]);

    let other = json!({"server": "s", "tool": "hello", "hash": "0".repeat(64)});
    let said = agent.refused("approve_tool", other).await;
    assert!(said.contains("changed since it was shown"), "{said}");
    let shown = json!({"server": "s", "tool": "hello", "hash": waiting["hash"]});
    agent.done("approve_tool", shown).await;
    let review = agent.done("review_tools", json!({})).await;
    assert_eq!(review["tools"], json!([]));
}

/// Whoever acts is refused by the same rate limit as for any other tool, and what was refused did not happen.
#[tokio::test(flavor = "multi_thread")]
async fn r20_the_rate_limit_of_a_token_holds() {
    let managed = Managed::new(&[]);
    let token = managed
        .installation
        .token("team", &["--role", "admin", "--rate-limit", "3"]);
    let mut agent = managed.agent_as(&token.token);
    for name in ["a", "b", "c"] {
        agent.done("create_token", json!({"name": name})).await;
    }
    let reply = agent.reply("create_token", json!({"name": "d"})).await;
    assert_ne!(error(&reply).0, 0);
    let tokens = managed.agent().done("list_tokens", json!({})).await;
    let names: Vec<_> = tokens["tokens"]
        .as_array()
        .expect("tokens")
        .iter()
        .map(|t| t["name"].clone())
        .collect();
    assert!(
        names.contains(&json!("c")) && !names.contains(&json!("d")),
        "{names:?}"
    );
}

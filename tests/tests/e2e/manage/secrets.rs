//! Secrets that an agent sets, and where they must not turn up (S-19 to S-25).

use serde_json::json;
use toolgate_testkit::Server;

use super::{Managed, until_recorded};

const VALUE: &str = "canary-7f3a91c2-value-of-a-secret";

/// S-19, S-20, S-23, S-25: the value goes to the server that is given it, and to no answer, log, record or file.
#[tokio::test(flavor = "multi_thread")]
async fn s19_a_secret_that_an_agent_sets_is_seen_by_its_server_alone() {
    let server = Server::new()
        .require_header("authorization", &format!("Bearer {VALUE}"))
        .tool("hello", "good day")
        .start()
        .await;
    let base = Server::new().tool("x", "y").start().await;
    let managed = Managed::new(&[("base", &base)]);
    // Allowed by the operator, who set up the server and left its secret to the agent.
    let args = [
        "mcp",
        "add",
        "locked",
        "--workspace",
        "team",
        "--url",
        server.url(),
        "--bearer",
        "API_KEY",
    ];
    managed.installation.done(&args);
    let mut agent = managed.agent();
    let servers = agent.done("list_servers", json!({})).await;
    assert_eq!(servers["servers"][1]["missing_secrets"], json!(["API_KEY"]));

    let mut said = Vec::new();
    let set = json!({"name": "API_KEY", "value": VALUE, "server": "locked"});
    let result = agent.result("set_secret", set).await;
    assert_eq!(result["structuredContent"]["name"], "API_KEY");
    assert_eq!(
        result["structuredContent"]["probe"]["state"], "ok",
        "{result}"
    );
    said.push(result);
    super::until_listed(&mut agent, "locked__hello").await;
    let params = json!({"name": "locked__hello", "arguments": {}});
    let reply = agent.0.modern("tools/call", params).await;
    assert_eq!(super::text(&reply.message()["result"]), "good day");

    // Spelled otherwise it is refused, and the value is not repeated.
    let otherwise = json!({"name": "api-key", "value": VALUE, "server": "locked"});
    said.push(agent.result("set_secret", otherwise).await);
    let bad = json!({"name": "not a name!", "value": VALUE});
    said.push(agent.result("set_secret", bad).await);
    said.push(agent.result("list_secrets", json!({})).await);
    let deleted = agent
        .result(
            "delete_secret",
            json!({"name": "API_KEY", "server": "locked"}),
        )
        .await;
    assert_eq!(deleted["structuredContent"]["deleted"], true);
    said.push(deleted);
    said.push(agent.result("audit", json!({})).await);
    for one in &said {
        assert!(!one.to_string().contains(VALUE), "{one}");
    }

    until_recorded(&managed, said.len());
    let Managed {
        installation,
        mut gateway,
        ..
    } = managed;
    gateway.process.signal("TERM");
    gateway.process.wait();
    let log = gateway.process.output();
    assert!(!log.contains(VALUE), "{log}");
    let mut read = 0;
    for entry in std::fs::read_dir(installation.data_dir()).expect("a folder") {
        if let Ok(bytes) = std::fs::read(entry.expect("an entry").path()) {
            read += 1;
            let found = bytes
                .windows(VALUE.len())
                .any(|window| window == VALUE.as_bytes());
            assert!(!found, "a file holds the value");
        }
    }
    assert!(read > 2, "the stores were read");
}

/// Who is offered the tool is told what it costs, and of the safer way.
#[tokio::test(flavor = "multi_thread")]
async fn set_secret_warns_that_the_model_sees_the_value() {
    let managed = Managed::new(&[]);
    let mut client = managed.client(&managed.admin.token);
    let message = client.modern("tools/list", json!({})).await.message();
    let tools = message["result"]["tools"]
        .as_array()
        .expect("tools")
        .clone();
    let tool = tools
        .iter()
        .find(|tool| tool["name"] == "toolgate__set_secret")
        .expect("it is there");
    let about = tool["description"].as_str().expect("a description");
    assert!(about.contains("through the model") && about.contains("toolgatectl secrets set"));
}

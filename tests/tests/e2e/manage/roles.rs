//! Who sees and may call what (S-40).

use serde_json::{Value, json};
use toolgate_testkit::Server;

use super::{ALL, Managed, text};
use crate::world::{error, names};

const OPEN: &[&str] = &["whoami", "my_calls"];

fn exposed(tools: &[&str]) -> Vec<String> {
    tools
        .iter()
        .map(|tool| format!("toolgate__{tool}"))
        .collect()
}

/// S-40: an Admin token sees every tool, others see who they are and what they called; in both eras.
#[tokio::test(flavor = "multi_thread")]
async fn s40_each_role_sees_its_own() {
    let server = Server::new().tool("hello", "good day").start().await;
    let managed = Managed::new(&[("s", &server)]);
    for (role, own) in [("admin", ALL), ("developer", OPEN), ("read-only", OPEN)] {
        let token = managed.token(&["--role", role]);
        let mut expected = exposed(own);
        if role != "read-only" {
            expected.insert(0, "s__hello".to_owned());
        }
        let mut client = managed.client(&token.token);
        client.initialize().await;
        assert_eq!(
            names(&client.rpc("tools/list", &json!({})).await),
            expected,
            "{role}"
        );
        let mut agent = managed.agent_as(&token.token);
        assert_eq!(agent.names().await, expected, "{role}");
    }
}

/// S-40, P4.5: what a role may not have is answered like a tool that there is not, and recorded as refused.
#[tokio::test(flavor = "multi_thread")]
async fn s40_what_a_role_may_not_have_reads_as_unknown() {
    let managed = Managed::new(&[]);
    for role in ["developer", "read-only"] {
        let token = managed.token(&["--role", role]);
        let mut agent = managed.agent_as(&token.token);
        let unknown = error(&agent.reply("no_such_tool", json!({})).await);
        for tool in ALL {
            let reply = agent.reply(tool, json!({})).await;
            if OPEN.contains(tool) {
                assert_eq!(reply.message()["error"], Value::Null, "{role} {tool}");
            } else {
                assert_eq!(error(&reply), unknown, "{role} {tool}");
            }
        }
    }
    let mut agent = managed.agent();
    for tool in ALL {
        let message = agent.reply(tool, json!({})).await.message();
        assert_eq!(message["error"], Value::Null, "{tool}: {message}");
    }
    let refused = super::until_recorded(&managed, 2 * (ALL.len() + 1) + ALL.len());
    let refused: Vec<_> = refused
        .iter()
        .filter(|one| one["status"] == "refused")
        .collect();
    assert_eq!(refused.len(), 2 * (ALL.len() - OPEN.len() + 1));
}

/// Tool patterns of a token hold for the gateway's own tools as for any other.
#[tokio::test(flavor = "multi_thread")]
async fn s40_patterns_of_a_token_hold() {
    let server = Server::new().tool("hello", "good day").start().await;
    let managed = Managed::new(&[("s", &server)]);
    let only_server = managed.token(&["--role", "admin", "--tools", "s__*"]);
    let mut agent = managed.agent_as(&only_server.token);
    assert_eq!(agent.names().await, ["s__hello"]);
    assert!(error(&agent.reply("list_servers", json!({})).await).0 != 0);

    let reader = managed.token(&["--role", "admin", "--tools", "toolgate__list_*"]);
    let mut agent = managed.agent_as(&reader.token);
    let lists = ["list_servers", "list_tools", "list_secrets", "list_tokens"];
    assert_eq!(agent.names().await, exposed(&lists));
}

/// Definitions are honest: what they say of themselves is what they are, and each schema is closed.
#[tokio::test(flavor = "multi_thread")]
async fn definitions_say_what_the_tools_do() {
    let managed = Managed::new(&[]);
    let mut client = managed.client(&managed.admin.token);
    let message = client.modern("tools/list", json!({})).await.message();
    let tools = message["result"]["tools"]
        .as_array()
        .expect("tools")
        .clone();
    assert_eq!(tools.len(), ALL.len());
    for tool in &tools {
        let (name, hints) = (
            tool["name"].as_str().unwrap_or_default(),
            &tool["annotations"],
        );
        let reads = [
            "whoami",
            "my_calls",
            "list_",
            "review_",
            "query_",
            "call_stat",
            "explain_",
            "audit",
        ]
        .iter()
        .any(|start| name.starts_with(&format!("toolgate__{start}")));
        let takes_away = [
            "remove_",
            "delete_",
            "revoke_",
            "disable_",
            "set_",
            "classify_",
            "approve_",
        ]
        .iter()
        .any(|start| name.starts_with(&format!("toolgate__{start}")));
        assert_eq!(hints["readOnlyHint"], reads, "{name}");
        assert_eq!(hints["destructiveHint"], takes_away, "{name}");
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{name}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
    }
}

/// Arguments that do not fit are said to, with what is expected, and no value of theirs is repeated (S-19).
#[tokio::test(flavor = "multi_thread")]
async fn wrong_arguments_are_a_failure_that_says_what_is_expected() {
    let managed = Managed::new(&[]);
    let mut agent = managed.agent();
    for (tool, arguments, expected) in [
        ("whoami", json!({"x": 1}), "call it without arguments"),
        ("remove_server", json!({}), "`server` is missing"),
        (
            "remove_server",
            json!({"server": ""}),
            "a text that is not empty",
        ),
        ("query_calls", json!({"limit": 0}), "from 1 to 200"),
        ("query_calls", json!({"since": "yesterday"}), "`24h`"),
        (
            "create_token",
            json!({"name": "x", "role": "owner"}),
            "one of read-only, developer, admin",
        ),
        (
            "set_tool_enabled",
            json!({"server": "s", "tool": "t", "enabled": "yes"}),
            "true or false",
        ),
        (
            "set_secret",
            json!({"name": "A", "value": 31_415_926}),
            "`value` has to be a text",
        ),
        (
            "set_secret",
            json!({"name": "A", "valeu": "31415926"}),
            "there is no argument `valeu`",
        ),
    ] {
        let said = agent.refused(tool, arguments).await;
        assert!(said.contains(expected), "{tool}: {said}");
        assert!(!said.contains("31415926"), "{said}");
    }
}

/// Everybody is told who they are.
#[tokio::test(flavor = "multi_thread")]
async fn whoami_tells_the_caller_about_itself() {
    let managed = Managed::new(&[]);
    for role in ["admin", "developer", "read-only"] {
        let token = managed.token(&["--role", role, "--expires-in", "2h"]);
        let mut agent = managed.agent_as(&token.token);
        let result = agent.result("whoami", json!({})).await;
        let about = &result["structuredContent"];
        assert_eq!(about["workspace"], "team");
        assert_eq!(about["anonymous"], false);
        assert_eq!(about["token"]["role"], role);
        assert_eq!(about["token"]["id"], token.json["id"]);
        assert!(text(&result).contains(role), "{result}");
        assert!(!result.to_string().contains(&token.token));
    }
}

/// A guest of a workspace that is open without a token is a Developer: it is told so, and manages nothing.
#[tokio::test(flavor = "multi_thread")]
async fn guests_are_told_that_they_are_guests() {
    let managed = Managed::new(&[]);
    let Managed {
        installation,
        gateway,
        admin,
    } = managed;
    gateway.stop();
    let managed = Managed::start(installation, admin, &["--anonymous", "team"]);
    let mut agent = super::Agent(toolgate_testkit::Client::new(
        &managed.gateway.workspace("team"),
    ));
    assert_eq!(agent.names().await, exposed(OPEN));
    let about = agent.done("whoami", json!({})).await;
    assert_eq!(about["anonymous"], true);
    assert_eq!(about["token"], Value::Null);
    assert!(error(&agent.reply("list_tokens", json!({})).await).0 != 0);
}

//! Records of calls, statistics and explanations.

use serde_json::json;
use toolgate_testkit::Server;

use super::{Managed, until_recorded};

/// Everybody sees their own calls and nobody else's; an Admin token sees all, counted and explained.
#[tokio::test(flavor = "multi_thread")]
async fn s40_calls_are_seen_by_who_made_them_and_by_admins() {
    let server = Server::new().tool("hello", "good day").start().await;
    let managed = Managed::new(&[("s", &server)]);
    let alice = managed.token(&["--role", "developer", "--tools", "toolgate__*,s__*"]);
    // Whose name is the id of another is shown no call of that one.
    let id = alice.json["id"].as_str().expect("an id").to_owned();
    let bob = managed.installation.json(&[
        "workspace",
        "token",
        "create",
        "team",
        "--name",
        &id,
        "--role",
        "read-only",
        "--rate-limit",
        "off",
    ]);
    let mut alice = managed.agent_as(&alice.token);
    let mut bob = managed.agent_as(bob["token"].as_str().expect("its text"));
    let call = json!({"name": "s__hello", "arguments": {}});
    alice.0.modern("tools/call", call.clone()).await;
    bob.0.modern("tools/call", call).await;
    alice.reply("list_servers", json!({})).await;
    let records = until_recorded(&managed, 3);

    let own = alice.done("my_calls", json!({})).await;
    let calls = own["calls"].as_array().expect("calls").clone();
    assert!(calls.iter().all(|call| call["token_id"] == *id), "{own}");
    assert!(
        calls
            .iter()
            .any(|call| call["tool"] == "hello" && call["status"] == "ok")
    );
    let others = bob.done("my_calls", json!({})).await;
    let others = others["calls"].as_array().expect("calls").clone();
    assert!(
        others.iter().all(|call| call["token_id"] != *id),
        "{others:?}"
    );

    let mut admin = managed.agent();
    let all = admin.done("query_calls", json!({"server": "s"})).await;
    assert_eq!(all["calls"].as_array().map(Vec::len), Some(2), "{all}");
    let failed = admin.done("query_calls", json!({"failed": true})).await;
    let failed = failed["calls"].as_array().expect("calls").clone();
    assert!(!failed.is_empty() && failed.iter().all(|call| call["status"] != "ok"));
    let counted = admin.done("call_statistics", json!({"server": "s"})).await;
    assert_eq!(
        (&counted["calls"], &counted["failed"]),
        (&json!(2), &json!(1)),
        "{counted}"
    );
    assert_eq!(counted["by_tool"][0]["tool"], "s/hello");
    assert_eq!(counted["by_status"]["ok"], 1);

    // Why the read-only token was refused, and why the Developer was.
    let refused = records
        .iter()
        .find(|one| one["status"] == "refused" && one["tool"] == "hello");
    let refused = refused.expect("it was recorded");
    let why = admin
        .done("explain_refusal", json!({"call": refused["id"]}))
        .await;
    assert_eq!(why["allowed"], false);
    assert!(
        why["reason"]
            .as_str()
            .is_some_and(|why| why.contains("read-only")),
        "{why}"
    );
    let question = json!({"tool": "toolgate__list_servers", "token": id});
    // The id of one token is the name of the other; the id wins.
    let why = admin.done("explain_refusal", question).await;
    assert!(
        why["reason"]
            .as_str()
            .is_some_and(|why| why.contains("role admin")),
        "{why}"
    );
    let own = admin
        .done("explain_refusal", json!({"tool": "s__hello"}))
        .await;
    assert_eq!(own["allowed"], true);
}

/// Calls of the gateway's own tools leave the same records as any other.
#[tokio::test(flavor = "multi_thread")]
async fn each_call_leaves_one_record() {
    let managed = Managed::new(&[]);
    let mut agent = managed.agent();
    agent.done("whoami", json!({})).await;
    agent.refused("remove_server", json!({"server": "x"})).await;
    let records = until_recorded(&managed, 2);
    let seen: Vec<_> = records
        .iter()
        .map(|one| {
            (
                one["server"].as_str(),
                one["tool"].as_str(),
                one["status"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Some("toolgate"), Some("whoami"), Some("ok")),
            (Some("toolgate"), Some("remove_server"), Some("tool_error")),
        ]
    );
}

//! Every call leaves one record, however it ended.

use serde_json::{Value, json};
use toolgate_testkit::{Script, Server};
use toolgate_tests::eventually;

use crate::world::{World, add, soon};

#[tokio::test(flavor = "multi_thread")]
async fn each_outcome_has_its_status() {
    let failed = json!({ "content": [{ "type": "text", "text": "no" }], "isError": true });
    let server = Server::new()
        .tool("fine", "ok")
        .tool("fails", failed)
        .tool("errs", Script::new().error(-32000, "broken"))
        .tool("dies", Script::new().disconnect())
        .tool("hangs", Script::new().hang())
        .start()
        .await;
    let world =
        World::prepare(|installation| add(installation, "s", &server, &["--timeout", "1s"]));
    let mut client = world.legacy().await;

    for tool in ["fine", "fails", "errs", "dies", "hangs"] {
        soon(tool, client.call(&format!("s__{tool}"), json!({}))).await;
    }
    client.call("s__nothing", json!({})).await;
    let mut modern = world.client();
    modern
        .modern("tools/call", json!({ "name": "s__fine", "arguments": {} }))
        .await;
    let (modern, message) =
        modern.modern_message("tools/call", json!({ "name": "s__hangs", "arguments": {} }));
    let call = tokio::spawn(async move { modern.post_stream(&message).await });
    soon(
        "it is under way",
        server.until_requests(|seen| {
            seen.iter()
                .filter(|one| one.body["params"]["name"] == "hangs")
                .count()
                == 2
        }),
    )
    .await;
    call.abort();

    let records = eventually("eight records", || {
        let records = world.records();
        (records.len() >= 8).then_some(records)
    });
    let outcomes: Vec<(&str, &str)> = records
        .iter()
        .map(|record| (text(record, "tool"), text(record, "status")))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("fine", "ok"),
            ("fails", "tool_error"),
            ("errs", "rpc_error"),
            ("dies", "unreachable"),
            ("hangs", "timed_out"),
            ("", "refused"),
            ("fine", "ok"),
            ("hangs", "cancelled"),
        ]
    );
    let ids: Vec<&str> = records
        .iter()
        .map(|record| text(record, "token_id"))
        .collect();
    assert!(
        ids.iter().all(|id| *id == ids[0] && id.starts_with("tok_")),
        "{ids:?}"
    );
    assert_eq!(records[0]["server"], "s");
    assert_eq!(records[0]["workspace"], "team");
    assert_eq!(records[2]["error_code"], -32000);
    assert!(
        records[4]["duration_ms"]
            .as_f64()
            .is_some_and(|took| took >= 1_000.0),
        "{}",
        records[4]
    );
}

fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record[key].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_call_is_recorded_too() {
    let server = Server::new().tool("fine", "ok").start().await;
    let world = World::new(&[("s", &server)]);
    let token = world.installation.token("team", &["--rate-limit", "2"]);
    let mut client = toolgate_testkit::Client::new(&world.url()).bearer(&token.token);
    let statuses = [
        client.call("s__fine", json!({})).await,
        client.call("s__fine", json!({})).await,
        client.call("s__fine", json!({})).await,
    ];
    assert_eq!(statuses.map(|reply| reply.status), [200, 200, 429]);
    let records = eventually("three records", || {
        Some(world.records()).filter(|records| records.len() == 3)
    });
    assert_eq!(records[2]["status"], "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_can_be_asked_for() {
    let (one, two) = (
        Server::new().tool("t", "ok").start().await,
        Server::new().tool("t", "ok").start().await,
    );
    let world = World::new(&[("one", &one), ("two", &two)]);
    let mut client = world.legacy().await;
    for _ in 0..5 {
        client.call("one__t", json!({})).await;
    }
    client.call("two__t", json!({})).await;
    eventually("six records", || (world.records().len() == 6).then_some(()));
    let count = |flags: &[&str]| {
        world
            .installation
            .lines(&[&["calls", "--workspace", "team"], flags].concat())
            .len()
    };
    assert_eq!(count(&["--server", "two"]), 1);
    assert_eq!(count(&["--limit", "4"]), 4);
    assert_eq!(count(&["--since", "1h"]), 6);
    let id = world.token.json["id"].as_str().expect("an id");
    assert_eq!(count(&["--token", id]), 6);
    assert_eq!(count(&["--token", "tok_00000000000000000000"]), 0);
}

/// Arguments and results are nobody's business afterwards (S-23).
#[tokio::test(flavor = "multi_thread")]
async fn records_hold_no_payload() {
    let server = Server::new().tool("t", "fake-answer-marker").start().await;
    let world = World::new(&[("s", &server)]);
    let mut client = world.legacy().await;
    client
        .call("s__t", json!({ "note": "fake-argument-marker" }))
        .await;
    client.call("s__fake-unknown-marker", json!({})).await;
    let records = eventually("two records", || {
        Some(world.records()).filter(|records| records.len() == 2)
    });
    let text = Value::from(records).to_string();
    assert!(!text.contains("-marker"), "{text}");
}

//! Strict records: a writing call is sent once its intent is on the disk, or not at all.

use serde_json::json;
use toolgate_analytics::CallStatus;
use toolgate_testkit::{Script, Server};

use crate::setup::Setup;
use crate::wire::{linked, until};

fn server() -> Server {
    let reads = json!({"name": "read", "inputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": true}});
    Server::new()
        .modern()
        .tool_definition(reads, "read")
        .tool("write", Script::new().wait_for("go").text("written"))
}

#[tokio::test]
async fn r12_the_intent_is_there_before_the_server_is_asked() {
    let setup = Setup::new().await;
    setup.strict(&setup.scope("default")).await;
    let server = linked(&setup, "s", server()).await;
    setup.client().modern("tools/list", json!({})).await;
    let params = json!({"name": "s__write", "arguments": {}});
    let (client, message) = setup.client().modern_message("tools/call", params);
    let call = tokio::spawn(async move { client.post(&message).await });
    until("the server has it", || server.calls("write") == 1).await;
    let begun = setup.records(1).await;
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0].status, CallStatus::Begun);
    assert_eq!(begun[0].tool.as_deref(), Some("write"));
    server.signal("go");
    assert_eq!(call.await.unwrap().text(), "written");
    // The record takes its intent's place.
    for _ in 0..500 {
        let rows = setup.records(1).await;
        if rows[0].status == CallStatus::Ok {
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].id, begun[0].id);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the call was not recorded");
}

#[tokio::test]
async fn r12_only_writing_calls_are_recorded_before_they_are_sent() {
    let setup = Setup::new().await;
    setup.strict(&setup.scope("default")).await;
    let _server = linked(&setup, "s", server()).await;
    setup.client().modern("tools/list", json!({})).await;
    let read = json!({"name": "s__read", "arguments": {}});
    for _ in 0..3 {
        let reply = setup.client().modern("tools/call", read.clone()).await;
        assert_eq!(reply.text(), "read");
    }
    let records = setup.records(3).await;
    assert!(records.iter().all(|row| row.status == CallStatus::Ok));
    // Followers never saw an intent: the rows were numbered one after the other.
    let rows: Vec<u64> = records.iter().map(|row| row.rowid).collect();
    assert_eq!(rows, [1, 2, 3]);
}

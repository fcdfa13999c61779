//! Lists of tools, page by page.

use serde_json::{Value, json};
use toolgate_testkit::{Script, Server};
use toolgate_upstream::UpstreamErrorKind;

use crate::support::Rig;

fn many(server: Server, count: usize) -> Server {
    (0..count).fold(server, |server, n| {
        server.tool(&format!("tool-{n:03}"), "x")
    })
}

async fn names(rig: &Rig) -> Vec<String> {
    let tools = rig.upstream.list_tools().await.unwrap();
    tools
        .into_iter()
        .map(|tool| tool.name.to_string())
        .collect()
}

#[tokio::test]
async fn p9_54_pages_are_drained_in_order() {
    for server in [
        Server::new(),
        Server::new().modern(),
        Server::new().streams(),
        Server::new().http_sse(),
    ] {
        let server = many(server, 25).page_size(10).start().await;
        let names = names(&Rig::over(&server)).await;
        assert_eq!(names.len(), 25);
        assert!(names.is_sorted());
        assert_eq!(server.requests_for("tools/list").len(), 3);
    }
}

#[tokio::test]
async fn p9_56_a_loop_of_cursors_ends_with_what_there_is() {
    let server = many(Server::new(), 3)
        .page_size(2)
        .endless_pages()
        .start()
        .await;
    assert_eq!(names(&Rig::over(&server)).await, ["tool-000", "tool-001"]);
    assert_eq!(server.requests_for("tools/list").len(), 2);
}

#[tokio::test]
async fn p9_56_an_empty_string_is_a_cursor() {
    let page = json!({"tools": [{"name": "a", "inputSchema": {}}], "nextCursor": ""});
    let server = Server::new().method("tools/list", page).start().await;
    assert_eq!(names(&Rig::over(&server)).await, ["a"]);
    let cursors: Vec<Value> = server
        .requests_for("tools/list")
        .iter()
        .map(|r| r.body["params"]["cursor"].clone())
        .collect();
    assert_eq!(cursors, [Value::Null, json!("")]);
}

#[tokio::test]
async fn p9_54_at_most_256_tools_are_kept() {
    let server = many(Server::new(), 300).page_size(100).start().await;
    let rig = Rig::over(&server);
    assert_eq!(names(&rig).await.len(), 256);
    assert_eq!(rig.upstream.counters().tools_dropped, 44);
}

#[tokio::test]
async fn p9_9_invalid_tools_are_dropped_alone() {
    let schema =
        json!({"type": "object", "properties": {"a": {"type": "array", "x-mcp-header": "A"}}});
    let server = Server::new()
        .modern()
        .tool("good", "x")
        .tool_definition(json!({"name": "bad", "inputSchema": schema}), "x")
        .tool_definition(json!({"description": "no name"}), "x")
        .tool_definition(
            json!({"name": "huge", "description": "x".repeat(70_000)}),
            "x",
        )
        .tool("last", "x")
        .start()
        .await;
    let rig = Rig::over(&server);
    assert_eq!(names(&rig).await, ["good", "last"]);
    assert_eq!(rig.upstream.counters().tools_dropped, 3);
}

#[tokio::test]
async fn a_list_that_is_none_is_an_error() {
    for script in [
        Script::from(json!({"toolz": []})),
        Script::new().error(-32603, "no"),
        Script::new().garbage(),
    ] {
        let server = Server::new().method("tools/list", script).start().await;
        let error = Rig::over(&server).upstream.list_tools().await.unwrap_err();
        assert!(
            matches!(error.kind, UpstreamErrorKind::Protocol(_)),
            "{error}"
        );
    }
}

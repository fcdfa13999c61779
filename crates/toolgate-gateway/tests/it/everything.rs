//! A server of 2026-07-28 whose catalogue and results have every member there is.

use serde_json::{Value, json};
use toolgate_testkit::{Running, Server};

use crate::setup::Setup;

pub(crate) fn icons() -> Value {
    json!([
        {"src": "https://example.com/i.png", "sizes": ["48x48"]},
        {"src": "javascript:alert(1)"},
        {"src": "data:image/png;base64,AA=="},
        {"src": "http://example.com/i.png"},
    ])
}

fn input_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
        "$defs": {"far": {"$ref": "https://example.com/schema"}},
    })
}

/// A tool with every member there is, with an output schema of that kind.
pub(crate) fn tool(name: &str, output: &Value) -> Value {
    json!({
        "name": name,
        "title": "Title",
        "description": "What it does",
        "icons": icons(),
        "inputSchema": input_schema(),
        "outputSchema": output,
        "annotations": {"readOnlyHint": true, "title": "T"},
        "execution": {"taskSupport": "optional"},
        "_meta": {"com.example/k": 1},
        "x-unknown": [1],
    })
}

/// The blocks of a result, one of each kind and one that nobody knows.
pub(crate) fn blocks() -> Value {
    json!([
        {"type": "text", "text": "t", "annotations": {"audience": ["user"]}},
        {"type": "image", "data": "AAAA", "mimeType": "image/png"},
        {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"},
        {"type": "resource_link", "uri": "test://a", "name": "a", "mimeType": "text/plain"},
        {"type": "resource", "resource": {"uri": "test://b", "text": "b"}},
        {"type": "hologram", "data": "?"},
    ])
}

/// What every result of the server carries that older clients must not see.
pub(crate) fn modern(mut result: Value) -> Value {
    result["resultType"] = json!("complete");
    result["_meta"] = json!({
        "com.example/own": {"n": 1},
        "io.modelcontextprotocol/serverInfo": {"name": "s", "version": "1"},
        "io.modelcontextprotocol/whatever": true,
    });
    result
}

pub(crate) const KINDS: [&str; 6] = ["object", "array", "string", "number", "boolean", "null"];

pub(crate) fn structured(kind: &str) -> Value {
    match kind {
        "object" => json!({"n": 1}),
        "array" => json!([1, "two"]),
        "string" => json!("s"),
        "number" => json!(7),
        "boolean" => json!(false),
        _ => Value::Null,
    }
}

pub(crate) async fn everything(setup: &Setup) -> Running {
    let mut server = Server::new()
        .modern()
        .capabilities(json!({
            "tools": {}, "prompts": {}, "resources": {}, "completions": {},
            "extensions": {"io.modelcontextprotocol/ui": {}},
        }))
        .tool_definition(
            tool("blocks", &json!({"type": "object"})),
            modern(json!({"content": blocks(), "structuredContent": {"n": 1}})),
        )
        .method("prompts/list", modern(json!({"prompts": [prompt()], "ttlMs": 5, "cacheScope": "public"})))
        .method("prompts/get", modern(json!({"description": "d", "messages": messages(&blocks())})))
        .method("resources/list", modern(json!({"resources": [resource("uri")]})))
        .method("resources/templates/list", modern(json!({"resourceTemplates": [resource("uriTemplate")]})))
        .method("resources/read", modern(json!({"contents": [{"uri": "test://a", "text": "x", "_meta": {"k": 1}}], "ttlMs": 9, "cacheScope": "public"})))
        .method("completion/complete", modern(json!({"completion": {"values": ["v"], "total": 1}})));
    for kind in KINDS {
        let silent = modern(json!({"content": [], "structuredContent": structured(kind)}));
        let said = json!({"content": [{"type": "text", "text": "said"}], "structuredContent": structured(kind)});
        server = server
            .tool_definition(tool(kind, &json!({"type": kind})), silent)
            .tool_definition(
                tool(&format!("{kind}-said"), &json!({"anyOf": []})),
                modern(said),
            );
    }
    let server = server.start().await;
    setup.link("new", &server).await;
    server
}

pub(crate) fn prompt() -> Value {
    json!({
        "name": "p", "title": "P", "description": "d", "icons": icons(),
        "arguments": [{"name": "a", "title": "A", "required": true}],
        "_meta": {"com.example/k": 1},
    })
}

pub(crate) fn resource(uri: &str) -> Value {
    json!({
        uri: "test://a", "name": "a", "title": "A", "description": "d", "mimeType": "text/plain",
        "icons": icons(), "annotations": {"priority": 1, "lastModified": "2026-01-01T00:00:00Z"},
        "_meta": {"com.example/k": 1},
    })
}

pub(crate) fn messages(blocks: &Value) -> Value {
    let blocks = blocks.as_array().unwrap().iter();
    blocks
        .map(|block| json!({"role": "user", "content": block}))
        .collect()
}

//! S-22 `redact_echo`: a server that writes the secret it was given into every place it can write to, in every
//! encoding of S-19. None of them reaches a client, whatever either side speaks, nor the store.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use toolgate_namespace::Injection;
use toolgate_testkit::{Client, Running, Script, Server};

use crate::setup::Setup;

/// With all that encoders treat differently.
const SECRET: &str = r#"fake/s3cr\et"Ab+xyz=0001"#;

/// The nine encodings.
fn encodings() -> Vec<String> {
    let hex: String = SECRET
        .bytes()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let percent: String = SECRET
        .bytes()
        .fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    let quoted = Value::from(SECRET).to_string();
    let offset = |before: &str| STANDARD.encode(format!("{before}{SECRET}"));
    vec![
        SECRET.to_owned(),
        SECRET.chars().rev().collect(),
        hex.to_uppercase(),
        hex,
        percent,
        quoted,
        offset(""),
        offset("a"),
        offset("ab"),
    ]
}

/// What no answer may hold: each encoding, without the characters that depend on its neighbours.
fn traces() -> Vec<String> {
    let mut traces = encodings();
    for encoded in traces.split_off(6) {
        traces.push(encoded.trim_end_matches('=')[4..encoded.len() - 4].to_owned());
    }
    traces.push(URL_SAFE_NO_PAD.encode(SECRET)[..28].to_owned());
    let escaped: Vec<String> = traces
        .iter()
        .map(|trace| Value::from(trace.as_str()).to_string())
        .map(|quoted| quoted[1..quoted.len() - 1].to_owned())
        .collect();
    traces.extend(escaped);
    traces
}

/// A text for one place: its name, then the secret in every encoding.
fn at(place: &str) -> String {
    format!("{place}: {}", encodings().join(" | "))
}

/// The same as a blob.
fn blob(place: &str) -> String {
    STANDARD.encode(at(place))
}

fn bearer() -> Vec<Injection> {
    vec![Injection::Header {
        name: "x-api-key".into(),
        template: "{API_KEY}".into(),
    }]
}

/// Echoes in forty places and some more.
fn echoing(server: Server) -> Server {
    let schema = json!({"type": "object", "description": at("schema"), "properties": {
        "a": {"type": "string", "enum": [at("enum")], "default": at("default"), "examples": [at("example")]},
    }});
    let definition = json!({
        "name": "echo", "title": at("title"), "description": at("description"), "inputSchema": schema,
        "outputSchema": {"type": "object", "description": at("output")},
        "annotations": {"title": at("annotation")}, "icons": [{"src": at("icon")}], "_meta": {"x": at("meta")},
    });
    let content = json!([
        {"type": "text", "text": at("text"), "annotations": {"x": at("content-annotation")}},
        {"type": "text", "text": json!({"nested": at("nested")}).to_string()},
        {"type": "image", "mimeType": "image/png", "data": blob("image")},
        {"type": "audio", "mimeType": "audio/wav", "data": blob("audio")},
        {"type": "resource", "resource": {"uri": "test://a", "text": at("embedded")}},
        {"type": "resource", "resource": {"uri": "test://a", "blob": blob("embedded-blob")}},
        {"type": "resource_link", "uri": format!("test://{SECRET}"), "name": "n", "description": at("link")},
    ]);
    let result = json!({
        "content": content, "structuredContent": {"value": at("structured"), at("key"): [at("deep")]},
        "_meta": {"x": at("result-meta")}, "unknown": at("unknown"),
    });
    let question = json!({"message": at("elicitation"), "requestedSchema": {"type": "object", "properties": {
        "a": {"type": "string", "description": at("elicitation-schema")}}}});
    let sampling = json!({"maxTokens": 1, "systemPrompt": at("system"),
        "messages": [{"role": "user", "content": {"type": "text", "text": at("sampling")}}]});
    let asks = Script::new()
        .ask("elicitation/create", question)
        .text(&at("after"));
    let samples = Script::new()
        .ask("sampling/createMessage", sampling)
        .text(&at("after"));
    let notices = Script::new()
        .notify(
            "notifications/message",
            json!({"level": "error", "logger": at("logger"), "data": {"x": at("log")}}),
        )
        .result(result);
    let mut server = server
        .instructions(&at("instructions"))
        .capabilities(json!({"tools": {}, "prompts": {}, "resources": {}, "completions": {}, "logging": {},
            "experimental": {"x": {"y": at("experimental")}}}))
        .tool_definition(definition, notices)
        .tool("fails", Script::new().error_with(-32000, &at("message"), json!({"x": at("data"), at("data-key"): 1})))
        .tool("refuses", Script::new().raw(400, "application/json", json!({"jsonrpc": "2.0", "id": "$ID",
            "error": {"code": -32000, "message": at("refusal"), "data": at("refusal-data")}}).to_string()))
        .tool("breaks", Script::new().raw(500, "text/html", at("html")))
        .tool("garbage", Script::new().raw(200, "application/json", at("garbage")))
        .tool("asks", asks)
        .tool("samples", samples)
        .answer_header("x-echo", "fake-header-is-not-passed-on")
        .method("prompts/list", json!({"prompts": [{"name": "p", "title": at("prompt-title"),
            "description": at("prompt"), "arguments": [{"name": "a", "description": at("argument")}]}]}))
        .method("prompts/get", json!({"description": at("prompt-description"),
            "messages": [{"role": "user", "content": {"type": "text", "text": at("prompt-text")}}]}))
        .method("resources/list", json!({"resources": [{"uri": "test://a", "name": "a", "title": at("resource-title"),
            "description": at("resource")}]}))
        .method("resources/templates/list", json!({"resourceTemplates": [{"uriTemplate": "test://{x}", "name": "t",
            "description": at("template")}]}))
        .method("resources/read", json!({"contents": [{"uri": format!("test://{SECRET}"), "text": at("contents")},
            {"uri": "test://a", "blob": blob("contents-blob")}]}))
        .method("completion/complete", json!({"completion": {"values": [at("completion")]}}));
    for header in ["www-authenticate", "retry-after-x", "server-timing"] {
        server = server.answer_header(header, "fake");
    }
    server
}

/// Every answer a client gets, as bytes.
async fn heard(setup: &Setup, modern: bool) -> Vec<Vec<u8>> {
    let mut client = setup.client();
    let mut bodies = Vec::new();
    let everything = json!({"elicitation": {}, "sampling": {}});
    if !modern {
        bodies.push(
            client
                .initialize_as("2025-11-25", &everything)
                .await
                .body
                .to_vec(),
        );
    }
    let requests = [
        ("server/discover", json!({})),
        ("tools/list", json!({})),
        ("prompts/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("prompts/get", json!({"name": "api__p"})),
        ("resources/read", json!({"uri": "api+test://a"})),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "api__p"},
            "argument": {"name": "a", "value": "x"}}),
        ),
        ("tools/call", json!({"name": "api__echo", "arguments": {}})),
        ("tools/call", json!({"name": "api__fails", "arguments": {}})),
        (
            "tools/call",
            json!({"name": "api__refuses", "arguments": {}}),
        ),
        (
            "tools/call",
            json!({"name": "api__breaks", "arguments": {}}),
        ),
        (
            "tools/call",
            json!({"name": "api__garbage", "arguments": {}}),
        ),
        ("tools/call", json!({"name": "api__asks", "arguments": {}})),
        (
            "tools/call",
            json!({"name": "api__samples", "arguments": {}}),
        ),
    ];
    for (method, mut params) in requests {
        if modern {
            params["_meta"] = json!({"io.modelcontextprotocol/clientCapabilities": everything,
                "io.modelcontextprotocol/logLevel": "debug", "progressToken": 1});
            bodies.push(client.modern(method, params).await.body.to_vec());
        } else if method != "server/discover" {
            let message = client.request_message(method, &params);
            bodies.extend(answered(&client, &message).await);
        }
    }
    bodies
}

/// The messages of an answer, with every question declined.
async fn answered(client: &Client, message: &Value) -> Vec<Vec<u8>> {
    let decline = |_: &Value| json!({"error": {"code": -1, "message": "no"}});
    if !["api__asks", "api__samples"]
        .contains(&message["params"]["name"].as_str().unwrap_or_default())
    {
        return vec![client.post(message).await.body.to_vec()];
    }
    let messages = client.post_answering(message, decline).await;
    messages
        .iter()
        .map(|m| m.to_string().into_bytes())
        .collect()
}

/// Whether the places that were to be heard of were, and the secret nowhere.
fn check(what: &str, bodies: &[Vec<u8>], places: &[&str]) {
    let text: Vec<String> = bodies
        .iter()
        .map(|body| String::from_utf8_lossy(body).into_owned())
        .collect();
    let all = text.join("\n");
    for trace in traces() {
        let found = text.iter().find(|text| text.contains(&trace));
        assert!(found.is_none(), "{what}: {trace} in {}", found.unwrap());
    }
    for place in places {
        assert!(
            all.contains(&format!("{place}: [REDACTED] | [REDACTED]")),
            "{what}: nothing from `{place}` in {all}"
        );
    }
    // What blobs hold, and that they still are blobs.
    let mut blobs = 0;
    for quoted in all.split('"') {
        let Ok(decoded) = STANDARD.decode(quoted) else {
            continue;
        };
        let decoded = String::from_utf8_lossy(&decoded).into_owned();
        if decoded.contains(": [REDACTED]") {
            blobs += 1;
            assert!(
                !traces().iter().any(|trace| decoded.contains(trace)),
                "{what}: {decoded}"
            );
        }
    }
    assert!(blobs >= 4, "{what}: {blobs} blobs");
}

async fn world(server: Server) -> (Setup, Running) {
    let setup = Setup::new().await;
    let server = server.start().await;
    let spec = setup.link_with("api", &server, bearer()).await;
    setup
        .secret(&setup.scope("default"), &spec, "API_KEY", SECRET)
        .await;
    (setup, server)
}

const PLACES: [&str; 30] = [
    "schema",
    "enum",
    "default",
    "example",
    "title",
    "description",
    "output",
    "annotation",
    "meta",
    "text",
    "content-annotation",
    "nested",
    "embedded",
    "link",
    "structured",
    "key",
    "deep",
    "result-meta",
    "unknown",
    "message",
    "data",
    "data-key",
    "refusal",
    "prompt-title",
    "prompt",
    "argument",
    "prompt-description",
    "prompt-text",
    "contents",
    "completion",
];

#[tokio::test]
async fn s22_nothing_that_a_server_echoes_reaches_a_client_or_the_store() {
    let servers = [
        ("legacy, JSON", Server::new()),
        ("legacy, events", Server::new().streams()),
        ("modern, JSON", Server::new().modern()),
        ("modern, events", Server::new().modern().streams()),
    ];
    for (speaks, server) in servers {
        let (setup, server) = world(echoing(server)).await;
        for modern in [false, true] {
            let what = format!("{speaks}, modern client: {modern}");
            let bodies = heard(&setup, modern).await;
            let mut places = PLACES.to_vec();
            places.extend(["instructions", "resource", "resource-title", "template"]);
            if speaks.ends_with("events") {
                places.extend([
                    "log",
                    "logger",
                    "elicitation",
                    "elicitation-schema",
                    "system",
                    "sampling",
                ]);
            }
            check(&what, &bodies, &places);
        }
        let given = server.requests_for("tools/call");
        assert!(
            given
                .iter()
                .all(|call| call.header("x-api-key") == Some(SECRET)),
            "it was given"
        );
        // Pinned tools and what the server said of itself are stored, without it.
        setup
            .stored("the tools", |stored| !stored.tools.is_empty())
            .await;
        let stored = setup.stored_bytes();
        for trace in traces() {
            let found = stored
                .windows(trace.len())
                .any(|window| window == trace.as_bytes());
            assert!(!found, "{speaks}: {trace} is stored");
        }
    }
}

/// A blob as long as messages may be, the secret at its very end, escaped as in a key file in JSON.
#[tokio::test]
async fn s22_a_blob_of_megabytes_is_decoded() {
    let mut long = "x".repeat(8 << 20);
    long.push_str(&json!({"key": SECRET}).to_string());
    let result = json!({"contents": [{"uri": "test://a", "blob": STANDARD.encode(&long)}]});
    let server = Server::new().method("resources/read", result);
    let (setup, _server) = world(server.capabilities(json!({"resources": {}}))).await;
    let mut client = setup.client();
    client.initialize().await;
    let reply = client
        .rpc("resources/read", &json!({"uri": "api+test://a"}))
        .await;
    let message = reply.message();
    let blob = message["result"]["contents"][0]["blob"].as_str().unwrap();
    let decoded = String::from_utf8(STANDARD.decode(blob).unwrap()).unwrap();
    assert_eq!(decoded.len(), (8 << 20) + r#"{"key":"[REDACTED]"}"#.len());
    assert!(decoded.ends_with(r#"{"key":"[REDACTED]"}"#));
}

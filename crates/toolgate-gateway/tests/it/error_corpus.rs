//! S-21 `error_corpus`: malformed requests with a canary in every field. No answer repeats one; each is one of our
//! own sentences, under a code of the table.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use toolgate_testkit::{Client, Server};

use crate::setup::Setup;
use crate::wire::at_once;

const CASES: u64 = 2_000;
/// What every text holds that a client could have meant as a value.
const CANARY: &str = "cAnArY7f3b";

/// Codes that a malformed request can be answered with (section 4.2).
const CODES: [i64; 9] = [
    -32700, -32600, -32601, -32602, -32002, -32020, -32022, -32000, -32001,
];

/// Marsaglia's xorshift: the same cases on every run.
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % limit
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }
}

fn canary(what: &str) -> String {
    format!("{what}-{CANARY}")
}

/// Requests of every kind, their texts canaries.
fn requests() -> Vec<Value> {
    let c = canary;
    let params = [
        (
            "initialize",
            json!({"protocolVersion": c("v"), "capabilities": {c("cap"): {}},
            "clientInfo": {"name": c("client"), "version": c("v")}}),
        ),
        (
            "tools/call",
            json!({"name": c("tool"), "arguments": {c("key"): c("value")}, "_meta": {"progressToken": c("t")}}),
        ),
        (
            "tools/call",
            json!({"name": "api__hello", "arguments": [c("value")]}),
        ),
        ("tools/list", json!({"cursor": c("cursor")})),
        (
            "prompts/get",
            json!({"name": c("prompt"), "arguments": {c("key"): c("value")}}),
        ),
        ("prompts/list", json!({"cursor": c("cursor")})),
        (
            "resources/read",
            json!({"uri": format!("test://{}", c("uri"))}),
        ),
        ("resources/list", json!({"cursor": c("cursor")})),
        ("resources/subscribe", json!({"uri": c("uri")})),
        ("resources/unsubscribe", json!({"uri": c("uri")})),
        (
            "completion/complete",
            json!({"ref": {"type": c("type"), "name": c("name")}, "argument": c("argument")}),
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": c("name")}, "argument": {"name": c("a")}}),
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/resource", "uri": c("uri")}, "argument": {}}),
        ),
        ("logging/setLevel", json!({"level": c("level")})),
        (
            "subscriptions/listen",
            json!({"notifications": {"resourceSubscriptions": [c("uri")]}}),
        ),
        ("server/discover", json!({c("key"): c("value")})),
        ("tasks/get", json!({"taskId": c("task")})),
        ("method-cAnArY7f3b", json!({c("key"): c("value")})),
        (
            "tools/call",
            json!({"name": "api__hello", "arguments": {}, "requestState": c("state"),
            "inputResponses": {c("key"): c("value")}}),
        ),
    ];
    params.map(|(method, params)| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})).into()
}

/// One thing made wrong, somewhere.
fn broken(rng: &mut Rng, mut message: Value) -> Vec<u8> {
    match rng.below(7) {
        // A value of another kind.
        0 => *somewhere(rng, &mut message) = wrong(rng),
        1 => {
            let member = *rng.pick(&["jsonrpc", "method", "params", "id"]);
            message[member] = wrong(rng);
        }
        // A member that is not ours, or is spelt almost like one of ours.
        2 => {
            let member = *rng.pick(&[
                "Method",
                "PARAMS",
                "iD",
                "result",
                "error",
                CANARY,
                "param\u{17f}",
            ]);
            message[member] = json!(canary("member"));
        }
        3 => {
            let member = *rng.pick(&["Name", "URI", "_Meta", "Cursor", "ReF", CANARY]);
            if let Some(params) = message["params"].as_object_mut() {
                params.insert(member.to_owned(), json!(canary("member")));
            }
        }
        // Bytes that are no JSON any more.
        4 => {
            let mut bytes = message.to_string().into_bytes();
            bytes.truncate(rng.below(bytes.len()));
            return bytes;
        }
        5 => {
            let mut bytes = message.to_string().into_bytes();
            let at = rng.below(bytes.len());
            bytes[at] = *rng.pick(b"\x00\"\\{}[],:\xff\x80x9\n");
            return bytes;
        }
        // The same member twice.
        _ => {
            let text = message.to_string();
            let member = *rng.pick(&["method", "id", "params", "jsonrpc"]);
            return format!("{},\"{member}\":\"{CANARY}\"}}", &text[..text.len() - 1]).into();
        }
    }
    message.to_string().into()
}

fn wrong(rng: &mut Rng) -> Value {
    let c = canary("wrong");
    let values = [
        json!(c),
        json!([c]),
        json!({&c: c}),
        json!(null),
        json!(1.5),
        json!(true),
        json!(-1),
    ];
    rng.pick(&values).clone()
}

/// A value inside the parameters.
fn somewhere<'a>(rng: &mut Rng, value: &'a mut Value) -> &'a mut Value {
    let size = match &*value {
        Value::Object(members) => members.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if size == 0 || rng.below(4) == 0 {
        return value;
    }
    let at = rng.below(size);
    let inner = match value {
        Value::Object(members) => members.values_mut().nth(at),
        Value::Array(items) => items.get_mut(at),
        _ => None,
    };
    somewhere(rng, inner.unwrap())
}

/// Headers of either era, some of them wrong.
fn dressed(rng: &mut Rng, session: &Client, bare: &Client, body: &[u8]) -> Client {
    let mut client = if rng.below(2) == 0 {
        session.clone()
    } else {
        bare.clone()
    };
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    if rng.below(2) == 0 {
        client.set_header("mcp-protocol-version", "2026-07-28");
        let method = parsed["method"].as_str().filter(|method| method.is_ascii());
        client.set_header("mcp-method", method.unwrap_or(CANARY));
        client.set_header("mcp-name", CANARY);
    }
    let header = *rng.pick(&[
        "mcp-protocol-version",
        "mcp-session-id",
        "mcp-name",
        "last-event-id",
        "x-other",
        "accept",
    ]);
    if rng.below(3) == 0 {
        client.set_header(header, &canary("header"));
    }
    client
}

#[tokio::test]
async fn s21_error_corpus() {
    let setup = Setup::new().await;
    let server = Server::new().tool("hello", "hi").start().await;
    setup.link("api", &server).await;
    let (token, _) = setup.token(&setup.scope("default"), |_| {}).await;
    let bare = Client::new(&setup.url("default")).bearer(&token);
    let mut session = bare.clone();
    session.initialize().await;

    let mut rng = Rng(0x5eed_0021);
    let requests = requests();
    let mut sentences: BTreeMap<String, u32> = BTreeMap::new();
    for case in 0..CASES {
        let mut message = rng.pick(&requests).clone();
        let version = *rng.pick(&["2026-07-28", CANARY]);
        if rng.below(2) == 0 {
            message["params"]["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientCapabilities": {canary("capability"): {}},
                "io.modelcontextprotocol/logLevel": canary("level")});
        }
        let body = broken(&mut rng, message);
        let client = dressed(&mut rng, &session, &bare, &body);
        // A stream that was opened after all stays open, and has nothing to say.
        let Some(reply) = at_once(client.post_raw(body.clone())).await else {
            continue;
        };
        let shown = String::from_utf8_lossy(&body).into_owned();
        let headers = format!("{:?}", reply.headers);
        assert!(!headers.contains(CANARY), "case {case}: {shown}: {headers}");
        for mut answer in reply.messages() {
            let error = &answer["error"];
            if let Some(code) = error["code"].as_i64() {
                assert!(CODES.contains(&code), "case {case}: {shown}: {answer}");
                let words = error["message"].as_str().unwrap();
                let sentence: String = words.chars().filter(|c| !c.is_ascii_digit()).collect();
                *sentences.entry(sentence).or_default() += 1;
                // The one member that the protocol wants repeated (table 4.1).
                if let Some(data) = answer["error"]["data"].as_object_mut() {
                    data.remove("uri");
                }
            }
            // The id is the request's own, which JSON-RPC wants back.
            let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
            assert!(
                answer["id"].is_null() || answer["id"] == sent["id"],
                "case {case}: {shown}: {answer}"
            );
            answer["id"] = Value::Null;
            let answer = answer.to_string();
            assert!(!answer.contains(CANARY), "case {case}: {shown}: {answer}");
        }
    }
    assert!(
        (8..64).contains(&sentences.len()),
        "fixed sentences: {sentences:#?}"
    );
    let errors: u32 = sentences.values().sum();
    assert!(errors > 1_000, "most cases are errors: {errors}");
}

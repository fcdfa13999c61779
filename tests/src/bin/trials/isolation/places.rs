//! Every place in a request that can hold a name.

use std::sync::Arc;

use serde_json::{Value, json};
use toolgate_gateway::routes;

use super::harvest::Names;
use super::world::World;

/// One request with a place for a name.
pub(super) struct Ask {
    /// For the report.
    pub(super) what: String,
    /// The name of the first workspace that goes there.
    pub(super) name: String,
    pub(super) build: Arc<dyn Fn(&str) -> Wire + Send + Sync>,
}

/// A request as it goes out.
pub(super) struct Wire {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

type Build = Arc<dyn Fn(&str) -> Wire + Send + Sync>;

/// Who asks: a credential of the second workspace, or nobody, with a session where it can have one.
#[derive(Clone)]
struct Caller {
    what: &'static str,
    token: Option<String>,
    session: Option<String>,
}

/// Every name in every place, by every caller.
pub(super) fn places(world: &World, names: &Names) -> Vec<Ask> {
    let mut all = Vec::new();
    for caller in callers(world) {
        let mut builds: Vec<(String, Build)> = on_routes(world, &caller);
        builds.extend(in_messages(world, &caller));
        for (what, build) in builds {
            for name in &names.all {
                all.push(Ask {
                    what: format!("{} as {}", what, caller.what),
                    name: name.clone(),
                    build: build.clone(),
                });
            }
        }
    }
    all
}

fn callers(world: &World) -> Vec<Caller> {
    let tokens = &world.bravo.tokens;
    let named = ["admin", "developer", "read-only", "revoked"];
    let mut callers: Vec<Caller> = named
        .into_iter()
        .zip(tokens)
        .map(|(what, (text, _))| Caller {
            what,
            token: Some(text.clone()),
            session: session(world, text),
        })
        .collect();
    callers.push(Caller {
        what: "nobody",
        token: None,
        session: None,
    });
    callers
}

/// A session of the second workspace, where the token opens one.
fn session(world: &World, token: &str) -> Option<String> {
    let mut client = toolgate_testkit::Client::new(&world.bravo.url).bearer(token);
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| handle.block_on(client.initialize()));
    client.session().map(str::to_owned)
}

fn wire(caller: &Caller, method: &str, path: String, body: &Value) -> Wire {
    let mut headers = vec![
        (
            "accept".to_owned(),
            "application/json, text/event-stream".to_owned(),
        ),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    if let Some(token) = &caller.token {
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    Wire {
        method: method.to_owned(),
        path,
        headers,
        body: if method == "POST" {
            body.to_string()
        } else {
            String::new()
        },
    }
}

/// What can stand in a path or a query.
fn in_path(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    name.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// In the path, the session header, the query, the place in a stream and the authorization, on every route.
fn on_routes(world: &World, caller: &Caller) -> Vec<(String, Build)> {
    let mut builds: Vec<(String, Build)> = Vec::new();
    let ping = json!({"jsonrpc": "2.0", "id": 7, "method": "ping"});
    for (method, pattern, _) in routes().filter(|(_, pattern, _)| pattern.contains("{slug}")) {
        let here = pattern.replace("{slug}", &world.bravo.slug);
        let what = |place: &str| format!("{method} {pattern} ({place})");
        let query = if pattern.ends_with("/messages") {
            "?session=0123456789abcdef0123456789abcdef"
        } else {
            ""
        };
        let (c, m, body) = (caller.clone(), method.to_string(), ping.clone());
        builds.push((
            what("slug"),
            Arc::new(move |name| {
                let path = pattern.replace("{slug}", &in_path(name)) + query;
                let mut wire = wire(&c, &m, path, &body);
                // With or without one of its own: a GET of the old transport would otherwise stay open.
                wire.headers.push((
                    "mcp-session-id".into(),
                    c.session.clone().unwrap_or_default(),
                ));
                wire
            }),
        ));
        let (c, m, p, body) = (
            caller.clone(),
            method.to_string(),
            format!("{here}{query}"),
            ping.clone(),
        );
        builds.push((
            what("session"),
            Arc::new(move |name| {
                let mut wire = wire(&c, &m, p.clone(), &body);
                wire.headers.push(("mcp-session-id".into(), name.into()));
                wire
            }),
        ));
        let (c, m, p, body) = (
            caller.clone(),
            method.to_string(),
            format!("{here}{query}"),
            ping.clone(),
        );
        builds.push((
            what("authorization"),
            Arc::new(move |name| {
                let stranger = Caller {
                    token: Some(name.into()),
                    ..c.clone()
                };
                let mut wire = wire(&stranger, &m, p.clone(), &body);
                wire.headers.push((
                    "mcp-session-id".into(),
                    c.session.clone().unwrap_or_default(),
                ));
                wire
            }),
        ));
        if pattern.ends_with("/messages") {
            let (c, m, body) = (caller.clone(), method.to_string(), ping.clone());
            builds.push((
                what("connection"),
                Arc::new(move |name| {
                    wire(&c, &m, format!("{here}?session={}", in_path(name)), &body)
                }),
            ));
        } else if method == "GET" && caller.session.is_some() {
            let (c, m) = (caller.clone(), method.to_string());
            builds.push((
                what("event"),
                Arc::new(move |name| {
                    let mut wire = wire(&c, &m, here.clone(), &Value::Null);
                    wire.headers.push((
                        "mcp-session-id".into(),
                        c.session.clone().unwrap_or_default(),
                    ));
                    wire.headers.push(("last-event-id".into(), name.into()));
                    wire
                }),
            ));
        }
    }
    builds
}

/// Every method with every member that names something; `$` is the place.
fn messages(own: &str) -> Vec<Value> {
    let tool = format!("{own}__look");
    let prompt = format!("{own}__plan");
    vec![
        json!({"method": "tools/call", "params": {"name": "$", "arguments": {}}}),
        json!({"method": "tools/call", "params": {"name": "$__look", "arguments": {}}}),
        json!({"method": "tools/call", "params": {"name": tool, "arguments": {"x": "$"}}}),
        json!({"method": "tools/call", "params": {"name": tool, "arguments": {}, "requestState": "$"}}),
        json!({"method": "tools/call", "params": {"name": tool, "arguments": {}, "requestState": "x", "inputResponses": {"$": {"action": "accept"}}}}),
        json!({"method": "tools/call", "params": {"name": tool, "arguments": {}, "_meta": {"progressToken": "$"}}}),
        json!({"method": "tools/list", "params": {"cursor": "$"}}),
        json!({"method": "prompts/list", "params": {"cursor": "$"}}),
        json!({"method": "resources/list", "params": {"cursor": "$"}}),
        json!({"method": "resources/templates/list", "params": {"cursor": "$"}}),
        json!({"method": "prompts/get", "params": {"name": "$"}}),
        json!({"method": "prompts/get", "params": {"name": prompt, "requestState": "$"}}),
        json!({"method": "resources/read", "params": {"uri": "$"}}),
        json!({"method": "resources/read", "params": {"uri": "x://y", "requestState": "$"}}),
        json!({"method": "resources/subscribe", "params": {"uri": "$"}}),
        json!({"method": "resources/unsubscribe", "params": {"uri": "$"}}),
        json!({"method": "completion/complete", "params": {"ref": {"type": "ref/prompt", "name": "$"}, "argument": {"name": "a", "value": ""}}}),
        json!({"method": "completion/complete", "params": {"ref": {"type": "ref/resource", "uri": "$"}, "argument": {"name": "a", "value": ""}}}),
        json!({"method": "logging/setLevel", "params": {"level": "$"}}),
        json!({"method": "tasks/get", "params": {"taskId": "$"}}),
        json!({"method": "tasks/cancel", "params": {"taskId": "$"}}),
        json!({"method": "subscriptions/listen", "params": {"notifications": {"resourceSubscriptions": ["$"]}}}),
        json!({"method": "$", "params": {}}),
        json!({"notice": "notifications/cancelled", "params": {"requestId": "$"}}),
        json!({"notice": "notifications/progress", "params": {"progressToken": "$", "progress": 1}}),
        json!({"answer": "$", "result": {"action": "accept", "content": {}}}),
        json!({"method": "initialize", "params": {"protocolVersion": "$", "capabilities": {}, "clientInfo": {"name": "$", "version": "1"}}}),
        json!({"method": "server/discover", "params": {"workspace": "$"}}),
    ]
}

fn in_messages(world: &World, caller: &Caller) -> Vec<(String, Build)> {
    let mut builds: Vec<(String, Build)> = Vec::new();
    let path = format!("/ws/{}", world.bravo.slug);
    for message in messages(&world.bravo.servers[0]) {
        for modern in [false, true] {
            if !modern && caller.session.is_none() {
                continue;
            }
            let (c, path, template) = (caller.clone(), path.clone(), message.clone());
            let era = if modern { "modern" } else { "legacy" };
            builds.push((
                format!("{era} {message}"),
                Arc::new(move |name| {
                    let filled = filled(&template, name);
                    let body = envelope(&filled, modern);
                    let mut wire = wire(&c, "POST", path.clone(), &body);
                    if modern {
                        wire.headers.extend(modern_headers(&body));
                    } else {
                        wire.headers.push((
                            "mcp-session-id".into(),
                            c.session.clone().unwrap_or_default(),
                        ));
                    }
                    wire
                }),
            ));
        }
    }
    builds
}

/// The message with the name in its place, wherever that is.
fn filled(template: &Value, name: &str) -> Value {
    match template {
        Value::String(text) => Value::String(text.replace('$', name)),
        Value::Array(items) => items.iter().map(|item| filled(item, name)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (key.replace('$', name), filled(value, name)))
            .collect(),
        other => other.clone(),
    }
}

fn envelope(filled: &Value, modern: bool) -> Value {
    if let Some(id) = filled.get("answer") {
        return json!({"jsonrpc": "2.0", "id": id, "result": filled["result"]});
    }
    let mut params = filled["params"].clone();
    if modern {
        let mut meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
            "io.modelcontextprotocol/clientInfo": {"name": "trial", "version": "1"},
        });
        if let Some(token) = params["_meta"].get("progressToken") {
            meta["progressToken"] = token.clone();
        }
        params["_meta"] = meta;
    }
    match filled.get("notice") {
        Some(method) => json!({"jsonrpc": "2.0", "method": method, "params": params}),
        None => json!({"jsonrpc": "2.0", "id": 7, "method": filled["method"], "params": params}),
    }
}

/// What a modern client repeats in headers (none of it needs escaping here).
fn modern_headers(body: &Value) -> Vec<(String, String)> {
    let method = body["method"].as_str().unwrap_or_default();
    let mut headers = vec![
        ("mcp-protocol-version".to_owned(), "2026-07-28".to_owned()),
        ("mcp-method".to_owned(), method.to_owned()),
    ];
    let params = &body["params"];
    if let Some(name) = params["name"].as_str().or(params["uri"].as_str()) {
        headers.push(("mcp-name".to_owned(), name.to_owned()));
    }
    headers
}

//! MCP over standard input and output, revision 2025-06-18: one message a line, answered in the order they come.

use std::io::{self, BufRead, Read, Write};

use serde_json::{Map, Value, json};

/// The revisions we can honestly claim: for two tools that only return text they are all alike.
const REVISIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];

/// A client that sends longer lines than this is not talking to us.
const MAX_LINE_BYTES: u64 = 1024 * 1024;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

/// The arguments of a call.
pub(crate) type Arguments = Map<String, Value>;

/// What a tool says: `Err` becomes a result with `isError`, which the model reads, not a protocol error.
pub(crate) type Said = Result<String, String>;

/// What makes one server different from another.
pub(crate) trait Server {
    /// Its name in `serverInfo`.
    fn name(&self) -> &'static str;
    /// One sentence for the model.
    fn instructions(&self) -> &'static str;
    /// Its tool definitions, as they are listed.
    fn tools(&self) -> Value;
    /// Calls a tool; `None` when there is none of that name.
    fn call(&mut self, tool: &str, arguments: &Arguments) -> Option<Said>;
}

/// An error of the protocol: code and message.
struct Refusal(i64, String);

/// Answers every line of `input` until it ends.
pub(crate) fn serve(
    server: &mut impl Server,
    mut input: impl BufRead,
    mut output: impl Write,
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut input)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 == MAX_LINE_BYTES && !line.ends_with(b"\n") {
            return Err(io::Error::other("a line longer than 1 MiB"));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Some(answer) = answer(server, &line) {
            writeln!(output, "{answer}")?;
            output.flush()?;
        }
    }
}

/// The answer to one message, or `None` for a notification.
fn answer(server: &mut impl Server, line: &[u8]) -> Option<Value> {
    let Ok(message) = serde_json::from_slice::<Value>(line) else {
        return Some(failed(&Value::Null, PARSE_ERROR, "not JSON"));
    };
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        return Some(failed(&Value::Null, INVALID_REQUEST, "not a request"));
    };
    // No id: a notification, and none of those asks anything of us.
    let id = message.get("id")?;
    let nothing = Map::new();
    let params = message
        .get("params")
        .and_then(Value::as_object)
        .unwrap_or(&nothing);
    Some(match dispatch(server, method, params) {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(Refusal(code, message)) => failed(id, code, &message),
    })
}

fn dispatch(
    server: &mut impl Server,
    method: &str,
    params: &Map<String, Value>,
) -> Result<Value, Refusal> {
    match method {
        "initialize" => Ok(initialize(server, params)),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": server.tools() })),
        "tools/call" => call(server, params),
        other => Err(Refusal(
            METHOD_NOT_FOUND,
            format!("no method is called {other}"),
        )),
    }
}

fn initialize(server: &impl Server, params: &Map<String, Value>) -> Value {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let revision = REVISIONS
        .into_iter()
        .find(|known| Some(*known) == asked)
        .unwrap_or(REVISIONS[0]);
    json!({
        "protocolVersion": revision,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": server.name(), "version": env!("CARGO_PKG_VERSION") },
        "instructions": server.instructions(),
    })
}

fn call(server: &mut impl Server, params: &Map<String, Value>) -> Result<Value, Refusal> {
    let Some(tool) = params.get("name").and_then(Value::as_str) else {
        return Err(Refusal(
            INVALID_PARAMS,
            "tools/call needs a name".to_owned(),
        ));
    };
    let nothing = Map::new();
    let arguments = params
        .get("arguments")
        .and_then(Value::as_object)
        .unwrap_or(&nothing);
    let Some(said) = server.call(tool, arguments) else {
        return Err(Refusal(INVALID_PARAMS, format!("no tool is called {tool}")));
    };
    let is_error = said.is_err();
    let text = said.unwrap_or_else(|complaint| complaint);
    Ok(json!({ "content": [{ "type": "text", "text": text }], "isError": is_error }))
}

fn failed(id: &Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

/// A required text argument, or what to tell the model instead.
pub(crate) fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, String> {
    arguments
        .get(name)
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| format!("the argument {name} is missing: give it some text"))
}

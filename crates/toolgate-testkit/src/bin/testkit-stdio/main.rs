//! A scriptable MCP server over standard input and output.
//!
//! Flags: `--era legacy|modern|both` (default legacy), `--exit-at-start`, `--silent` (answers
//! nothing), `--exit-on-discover`, `--hang-on-discover`, `--garbage-first` (a line that is not JSON
//! before anything else), `--ignore-end` (survives the end of its input and the TERM signal),
//! `--crash-file PATH` (exits at start as long as the file exists), `--ask-roots` (asks `roots/list` as
//! soon as it is initialized), `--start-after MS` (says and reads nothing for so long), `--hello` (a line to
//! standard error at start).
//!
//! Tools: `echo` (its request as text), `env` (its environment), `pid`, `hang`, `sleep`
//! (`arguments.ms`), `exit`, `garbage` (five lines that are not JSON, then an answer), `flood` (200
//! such lines), `stderr` (1 MiB to standard error, then an answer), `progress`, `log`, `ask`
//! (asks all of `arguments.questions`, each with `id`, `method` and `params`, or one `elicitation/create`; its
//! answers as text), `wrong_id`, `twice` (answers twice), `big` (1 MiB of text), `child`
//! (starts a child that sleeps; answers its pid), `notify` (a list-changed notice), `seen` (methods
//! of all messages so far), `updated` (a changed resource), `touch`
//! (`arguments.uri` changed, told to who watches it), `spam` (1000 progress notices, then an answer), `cwd`
//! (its working directory), `orphan` (leaves processes behind that ignore signals), `processes`, `descriptors`
//! (`arguments.most`), `memory` (`arguments.mib`), `disk` (`arguments.bytes`: take all they get, answer how much
//! that was), `stderr_flood` (`arguments.mib`), `stderr_line` (`arguments.line`).

mod greedy;

use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

const CLAIM: &str = "io.modelcontextprotocol/protocolVersion";
const TOOLS: [&str; 29] = [
    "echo",
    "env",
    "pid",
    "hang",
    "sleep",
    "exit",
    "garbage",
    "flood",
    "stderr",
    "progress",
    "log",
    "ask",
    "wrong_id",
    "twice",
    "big",
    "child",
    "notify",
    "seen",
    "spam",
    "updated",
    "touch",
    "cwd",
    "orphan",
    "processes",
    "descriptors",
    "memory",
    "disk",
    "stderr_flood",
    "stderr_line",
];

struct Flags(Vec<String>);

impl Flags {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|f| f == name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|f| f == name)?;
        self.0.get(at + 1).map(String::as_str)
    }
}

struct Server {
    flags: Flags,
    seen: Vec<Value>,
    /// Resources subscribed to, and open listens: id and what was asked for.
    subscribed: Vec<Value>,
    listens: Vec<(Value, Value)>,
    lines: mpsc::Receiver<String>,
    /// What came while a tool waited for answers.
    backlog: VecDeque<String>,
}

fn main() {
    let flags = Flags(std::env::args().skip(1).collect());
    let crash = flags
        .value("--crash-file")
        .is_some_and(|p| std::path::Path::new(p).exists());
    if flags.has("--exit-at-start") || crash {
        std::process::exit(3);
    }
    if flags.has("--ignore-end") {
        ignore_term();
    }
    if let Some(ms) = flags.value("--start-after").and_then(|ms| ms.parse().ok()) {
        std::thread::sleep(Duration::from_millis(ms));
    }
    if flags.has("--hello") {
        write_stderr("the server runs on standard input");
    }
    if flags.has("--garbage-first") {
        write_line("Starting the server... ready!");
    }
    let (sender, lines) = mpsc::sync_channel(64);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut server = Server {
        flags,
        seen: Vec::new(),
        subscribed: Vec::new(),
        listens: Vec::new(),
        lines,
        backlog: VecDeque::new(),
    };
    while let Some(line) = server.next_line() {
        server.take(&line);
    }
    if server.flags.has("--ignore-end") {
        loop {
            std::thread::sleep(Duration::from_mins(1));
        }
    }
}

impl Server {
    fn next_line(&mut self) -> Option<String> {
        let kept = self.backlog.pop_front();
        kept.or_else(|| self.lines.recv().ok())
    }

    fn take(&mut self, line: &str) {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            return;
        };
        self.seen.push(message.clone());
        if message["method"] == "notifications/cancelled" {
            let id = &message["params"]["requestId"];
            self.listens.retain(|(listen, _)| listen != id);
        }
        if self.flags.has("--ask-roots") && message["method"] == "notifications/initialized" {
            write(&json!({"jsonrpc": "2.0", "id": "roots-1", "method": "roots/list"}));
        }
        if self.flags.has("--silent") || message["method"].is_null() || message["id"].is_null() {
            return;
        }
        let id = message["id"].clone();
        let outcome = self.answer(&message);
        match outcome {
            Some(Ok(result)) => write(&json!({"jsonrpc": "2.0", "id": id, "result": result})),
            Some(Err((code, text, data))) => {
                let error = json!({"code": code, "message": text, "data": data});
                write(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
            None => {}
        }
    }

    fn answer(&mut self, message: &Value) -> Option<Result<Value, (i64, &'static str, Value)>> {
        let method = message["method"].as_str().unwrap_or_default();
        let modern = message["params"]["_meta"][CLAIM].is_string();
        let era = self.flags.value("--era").unwrap_or("legacy").to_owned();
        if method == "server/discover" && self.flags.has("--exit-on-discover") {
            std::process::exit(4);
        }
        if method == "server/discover" && self.flags.has("--hang-on-discover") {
            return None;
        }
        if modern && era == "legacy" {
            return Some(Err((-32601, "Method not found", Value::Null)));
        }
        if !modern && era == "modern" {
            let data = json!({"supported": ["2026-07-28"], "requested": "2025-11-25"});
            return Some(Err((-32022, "Unsupported protocol version", data)));
        }
        let about = json!({
            "protocolVersion": "2025-11-25",
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {"listChanged": true}, "resources": {"subscribe": true}, "logging": {}},
            "serverInfo": {"name": "testkit-stdio", "version": "1"},
            "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
        });
        match method {
            "initialize" | "server/discover" => Some(Ok(about)),
            "tools/list" => {
                let tool = |name: &&str| json!({"name": name, "inputSchema": {"type": "object"}});
                let tools: Vec<Value> = TOOLS.iter().map(tool).collect();
                Some(Ok(json!({"tools": tools, "resultType": "complete"})))
            }
            "tools/call" => self.call(message).map(Ok),
            "resources/subscribe" | "resources/unsubscribe" => {
                let uri = message["params"]["uri"].clone();
                self.subscribed.retain(|known| *known != uri);
                if method == "resources/subscribe" {
                    self.subscribed.push(uri);
                }
                Some(Ok(json!({})))
            }
            "subscriptions/listen" if modern => {
                let asked = message["params"]["notifications"].clone();
                let method = "notifications/subscriptions/acknowledged";
                notify_listen(&message["id"], method, json!({"notifications": asked}));
                self.listens.push((message["id"].clone(), asked));
                None
            }
            "ping" | "logging/setLevel" => Some(Ok(json!({}))),
            _ => Some(Err((-32601, "Method not found", Value::Null))),
        }
    }

    fn call(&mut self, message: &Value) -> Option<Value> {
        let params = &message["params"];
        let token = &params["_meta"]["progressToken"];
        match params["name"].as_str().unwrap_or_default() {
            "echo" => Some(text(&message.to_string())),
            "env" => {
                let vars: serde_json::Map<String, Value> =
                    std::env::vars().map(|(k, v)| (k, Value::from(v))).collect();
                Some(text(&Value::from(vars).to_string()))
            }
            "pid" => Some(text(&std::process::id().to_string())),
            "hang" => None,
            "sleep" => {
                let ms = params["arguments"]["ms"].as_u64().unwrap_or(0);
                std::thread::sleep(Duration::from_millis(ms));
                Some(text("slept"))
            }
            "exit" => std::process::exit(5),
            "garbage" => {
                (0..5).for_each(|n| write_line(&format!("debug line {n}")));
                Some(text("after garbage"))
            }
            "flood" => {
                (0..200).for_each(|n| write_line(&format!("flood line {n}")));
                None
            }
            "stderr" => {
                let line = "x".repeat(1023);
                (0..1024).for_each(|_| write_stderr(&line));
                write_stderr("the last line");
                Some(text("after stderr"))
            }
            "progress" => {
                for progress in [1, 3, 2, 4] {
                    notify(
                        "notifications/progress",
                        &json!({"progressToken": token, "progress": progress}),
                    );
                }
                notify(
                    "notifications/progress",
                    &json!({"progressToken": 987_654, "progress": 1}),
                );
                Some(text("progressed"))
            }
            "spam" => {
                for progress in 1..=1000 {
                    notify(
                        "notifications/progress",
                        &json!({"progressToken": token, "progress": progress}),
                    );
                }
                Some(text("spammed"))
            }
            "log" => {
                notify(
                    "notifications/message",
                    &json!({"level": "info", "data": "a log line"}),
                );
                Some(text("logged"))
            }
            "ask" => self.ask(message),
            "wrong_id" => {
                write(&json!({"jsonrpc": "2.0", "id": 987_654, "result": text("not yours")}));
                Some(text("yours"))
            }
            "twice" => {
                write(&json!({"jsonrpc": "2.0", "id": message["id"], "result": text("first")}));
                Some(text("second"))
            }
            "big" => Some(text(&"y".repeat(1 << 20))),
            "child" => {
                let child = std::process::Command::new("sleep").arg("600").spawn();
                Some(text(&child.map_or(0, |c| c.id()).to_string()))
            }
            "notify" => {
                notify("notifications/tools/list_changed", &json!({}));
                Some(text("notified"))
            }
            "touch" => {
                self.touch(&params["arguments"]["uri"]);
                Some(text("touched"))
            }
            "updated" => {
                notify(
                    "notifications/resources/updated",
                    &json!({"uri": "test://a"}),
                );
                Some(text("updated"))
            }
            "seen" => Some(text(&Value::from(self.seen.clone()).to_string())),
            name => Some(match greedy::run(name, &params["arguments"]) {
                Some(said) => text(&said),
                None => {
                    json!({"isError": true, "content": [{"type": "text", "text": "no such tool"}]})
                }
            }),
        }
    }

    fn touch(&self, uri: &Value) {
        let method = "notifications/resources/updated";
        if self.subscribed.contains(uri) {
            notify(method, &json!({"uri": uri}));
        }
        for (id, asked) in &self.listens {
            let uris = asked["resourceSubscriptions"].as_array();
            if uris.is_some_and(|uris| uris.contains(uri)) {
                notify_listen(id, method, json!({"uri": uri}));
            }
        }
    }

    /// Asks and waits; `None` once the call was cancelled.
    fn ask(&mut self, call: &Value) -> Option<Value> {
        let given = &call["params"]["arguments"]["questions"];
        let params = json!({"message": "your name?", "requestedSchema": {"type": "object"}});
        let one = json!([{"id": "q-1", "method": "elicitation/create", "params": params}]);
        let questions = if given.is_array() { given.clone() } else { one };
        let mut open: Vec<Value> = Vec::new();
        for mut question in questions.as_array().cloned().unwrap_or_default() {
            question["jsonrpc"] = json!("2.0");
            write(&question);
            open.push(question["id"].clone());
        }
        let mut answers = Vec::new();
        while !open.is_empty() {
            let Ok(line) = self.lines.recv() else { break };
            let message: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
            let is_answer = message["method"].is_null();
            if is_answer && let Some(at) = open.iter().position(|id| *id == message["id"]) {
                open.remove(at);
                self.seen.push(message.clone());
                answers.push(message);
            } else {
                let ends = message["method"] == "notifications/cancelled"
                    && message["params"]["requestId"] == call["id"];
                self.backlog.push_back(line);
                if ends {
                    return None;
                }
            }
        }
        // One question is answered with its answer alone.
        let one_answer = answers.len() == 1 && !given.is_array();
        let said = if one_answer {
            answers.remove(0)
        } else {
            answers.into()
        };
        Some(text(&said.to_string()))
    }
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "resultType": "complete"})
}

fn notify(method: &str, params: &Value) {
    write(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
}

fn notify_listen(id: &Value, method: &str, mut params: Value) {
    params["_meta"]["io.modelcontextprotocol/subscriptionId"] = id.clone();
    notify(method, &params);
}

fn write(message: &Value) {
    write_line(&message.to_string());
}

fn write_line(line: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

fn write_stderr(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Catches the TERM signal and does nothing about it.
fn ignore_term() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let Ok(mut term) = signal(SignalKind::terminate()) else {
                return;
            };
            while term.recv().await.is_some() {}
        });
    });
}

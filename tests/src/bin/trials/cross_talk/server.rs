//! The child process: an MCP server over standard input and output that gets everything but its own answers wrong.

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::rng::Rng;

/// The first argument that makes this program that server.
pub(crate) const SERVER: &str = "server-that-shuffles";
/// So many calls are held back before they are answered, in any order.
const HELD: usize = 24;
/// Unless no other comes for so long.
const PAUSE: Duration = Duration::from_millis(2);

/// Serves until its input ends.
pub(crate) fn serve() -> ExitCode {
    let seed = std::env::args().nth(2).and_then(|seed| seed.parse().ok());
    let mut rng = Rng(seed.unwrap_or(1));
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let (mut held, mut answered) = (Vec::new(), Vec::new());
    loop {
        match lines.recv_timeout(PAUSE) {
            Ok(line) => {
                let message: Value = serde_json::from_str(&line).unwrap_or_default();
                match message["method"].as_str() {
                    Some("tools/call") => held.push(message),
                    Some(method) => own(method, &message["id"]),
                    None => {}
                }
                if held.len() >= HELD {
                    answer(&mut held, &mut answered, &mut rng);
                }
            }
            Err(RecvTimeoutError::Timeout) => answer(&mut held, &mut answered, &mut rng),
            Err(RecvTimeoutError::Disconnected) => return ExitCode::SUCCESS,
        }
    }
}

fn own(method: &str, id: &Value) {
    let schema = json!({"type": "object"});
    let result = match method {
        "initialize" => {
            json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "shuffler", "version": "1"}})
        }
        "tools/list" => json!({"tools": [{"name": "tell", "inputSchema": schema}]}),
        _ => {
            if !id.is_null() {
                let error = json!({"code": -32601, "message": "unknown"});
                say(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
            return;
        }
    };
    say(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
}

/// Answers what was held back: shuffled, some twice, between answers to what was answered before and to ids that
/// nobody used.
fn answer(held: &mut Vec<Value>, answered: &mut Vec<Value>, rng: &mut Rng) {
    while !held.is_empty() {
        let call = held.swap_remove(rng.below(held.len()));
        let reply = reply(&call["id"], &call["params"]["arguments"]["nonce"]);
        match rng.below(6) {
            0 => say(&reply),
            // With another's id, long after it was answered.
            1 => {
                if let Some(old) = answered.get(rng.below(answered.len())) {
                    say(old);
                }
            }
            2 => say(&self::reply(&json!(rng.bits() >> 12), &json!("to nobody"))),
            3 => say(&self::reply(
                &json!(call["id"].to_string()),
                &json!("to its id as text"),
            )),
            _ => {}
        }
        // The one above may be the same: then this is the second.
        say(&reply);
        answered.push(reply);
        if answered.len() > 1_000 {
            answered.swap_remove(rng.below(1_000));
        }
    }
}

fn reply(id: &Value, nonce: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": nonce}]}})
}

#[expect(
    clippy::print_stdout,
    reason = "standard output is how such a server answers"
)]
fn say(message: &Value) {
    println!("{message}");
    // Whoever listens may be gone; then the input ends as well.
    let _ = std::io::stdout().flush();
}

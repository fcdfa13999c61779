//! Many clients share one child process that answers out of order, twice, and to ids nobody asked with: nobody hears
//! what is another's (S-47).
//!
//! All clients use the same ids, so that an answer that came back by the client's own id would find the wrong one.
//! Answers over HTTP come on the request's own stream; what happens when a server puts another's there is proven by
//! `p8_13_s47_an_answer_to_another_id_is_dropped`.
//!
//! From: CVE-2026-25536.

mod server;

use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use toolgate_testkit::Client;
use toolgate_tests::Installation;

pub(crate) use self::server::{SERVER, serve};
use crate::connection::Connection;
use crate::effort::Effort;
use crate::rng::Rng;
use crate::score::{Bar, Score};

const CLIENTS: u64 = 64;

/// Runs it.
pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let installation = Installation::new();
        installation.workspace("team");
        let program = std::env::current_exe().expect("a program has a path");
        let program = program.to_str().expect("a plain path");
        let seed = effort.seed.to_string();
        let add = [
            "mcp",
            "add",
            "s",
            "--workspace",
            "team",
            "--",
            program,
            SERVER,
            &seed,
        ];
        installation.done(&add);
        let tokens: Vec<String> = (0..4)
            .map(|_| installation.unlimited("team").token)
            .collect();
        let gateway = installation.start();
        let url = gateway.workspace("team");
        let calls = effort.size(20_000, 1_000_000) / CLIENTS;
        let began = Instant::now();
        let clients = (0..CLIENTS).map(|number| {
            // Several clients share a token, others do not.
            let token = &tokens[usize::try_from(number % 4).unwrap_or_default()];
            talk(&url, token, number, calls, effort.seed)
        });
        let heard = futures::future::join_all(clients).await;
        let sum = |of: fn(&Heard) -> u64| heard.iter().map(of).sum::<u64>();
        score.never("an answer that is another's", sum(|heard| heard.foreign));
        score.never("a second answer", sum(|heard| heard.twice));
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        {
            let own = sum(|heard| heard.own) as f64;
            score.figure(
                "answers that are one's own",
                own,
                "",
                Bar::AtLeast((calls * CLIENTS) as f64),
            );
            score.figure(
                "calls a second",
                own / began.elapsed().as_secs_f64(),
                "",
                Bar::Told,
            );
        }
    });
}

/// What one client was answered.
#[derive(Debug, Default)]
struct Heard {
    own: u64,
    foreign: u64,
    twice: u64,
}

/// Calls one after another, with ids that every other client uses too.
async fn talk(url: &str, token: &str, number: u64, calls: u64, seed: u64) -> Heard {
    let mut client = Client::new(url).bearer(token);
    client.initialize().await;
    let session = client.session().expect("a session").to_owned();
    let authority = url.split('/').nth(2).expect("an authority");
    let path = url.split(authority).nth(1).expect("a path");
    let mut connection = Connection::new(authority);
    let mut rng = Rng(seed * 10_000 + number);
    let mut heard = Heard::default();
    for count in 0..calls {
        let nonce = format!("{number}-{count}-{}", rng.word(8));
        let id = match number % 2 {
            0 => json!(count),
            _ => json!(count.to_string()),
        };
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "s__tell", "arguments": {"nonce": nonce}}});
        let request = Request::post(path)
            .header("authorization", format!("Bearer {token}"))
            .header("mcp-session-id", &session)
            .header("mcp-protocol-version", "2025-11-25")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Full::new(Bytes::from(call.to_string())))
            .expect("a request");
        let (_, body) = connection.ask(request).await;
        let messages = messages(&body);
        heard.twice += messages.len().saturating_sub(1) as u64;
        for message in messages {
            let text = &message["result"]["content"][0]["text"];
            if message["id"] == id && *text == json!(nonce) {
                heard.own += 1;
            } else {
                heard.foreign += 1;
            }
        }
    }
    heard
}

/// The messages of an answer, whether it is JSON or a stream.
fn messages(body: &[u8]) -> Vec<Value> {
    if let Ok(one) = serde_json::from_slice(body) {
        return vec![one];
    }
    let text = String::from_utf8_lossy(body);
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

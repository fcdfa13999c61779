//! A server that cuts the connection at every byte.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use toolgate_tests::Installation;

use crate::caller::Caller;
use crate::effort::Effort;
use crate::score::{Bar, Score};
use crate::stage::{add, float, runtime};

/// Servers that are cut at the same time.
const LANES: u64 = 4;

/// Where the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Nowhere.
    Never,
    /// After so many bytes of the request were read.
    Request(usize),
    /// After so many bytes of the answer were written.
    Answer(usize),
    /// Behind the answer, before the next request.
    Idle,
}

/// What the server of one lane is to do, and what it did.
struct Lane {
    next: Mutex<Cut>,
    effects: AtomicU64,
    request_bytes: AtomicU64,
    answer_bytes: AtomicU64,
}

#[derive(Default)]
struct Found {
    calls: u64,
    cut: u64,
    twice: u64,
    denied: u64,
    given_up: u64,
    raced: u64,
    wrong: u64,
}

pub(crate) fn at_most_once(effort: &Effort, score: &mut Score) {
    let runtime = runtime();
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team");
    let mut lanes = Vec::new();
    for n in 0..LANES {
        let (lane, url) = runtime.block_on(lane());
        add(&installation, "team", &format!("lane{n}"), &url);
        lanes.push(lane);
    }
    let gateway = installation.start();
    let url = gateway.workspace("team");
    let rounds = effort.size(2_000, 100_000) / LANES / 3;
    let found = runtime.block_on(async {
        let mut first = Caller::new(&url, &token.token);
        first.list().await.expect("a list");
        let running = lanes.iter().zip(0..).map(|(lane, n)| {
            let caller = Caller::new(&url, &token.token);
            tokio::spawn(drive(lane.clone(), caller, n, rounds))
        });
        let mut all = Found::default();
        for lane in running.collect::<Vec<_>>() {
            let found = lane.await.expect("a lane ends");
            all.calls += found.calls;
            all.cut += found.cut;
            all.twice += found.twice;
            all.denied += found.denied;
            all.given_up += found.given_up;
            all.raced += found.raced;
            all.wrong += found.wrong;
        }
        all
    });
    score.figure("calls", float(found.calls), "calls", Bar::Told);
    score.figure(
        "connections cut",
        float(found.cut),
        "cuts",
        Bar::AtLeast(300.0),
    );
    score.never("call with more than one effect", found.twice);
    score.never("effect of a call said not to be sent", found.denied);
    score.never("call given up of which nothing was written", found.given_up);
    score.figure(
        "call sent while the server closed behind the one before, told as unknown",
        float(found.raced),
        "calls",
        Bar::Told,
    );
    score.never("whole call without its answer", found.wrong);
}

/// One cut, then two whole calls, so that the circuit stays closed, over all offsets in turn.
async fn drive(lane: Arc<Lane>, mut caller: Caller, number: u64, rounds: u64) -> Found {
    let tool = format!("lane{number}__work");
    let mut found = Found::default();
    // Says how long requests and answers are.
    call(&lane, &mut caller, &tool, Cut::Never, &mut found).await;
    let request = lane.request_bytes.load(Ordering::Relaxed);
    let answer = lane.answer_bytes.load(Ordering::Relaxed);
    for round in 0..rounds {
        // All offsets are taken as evenly as the number of rounds allows.
        let offset = (round * (request + answer) / rounds + number) % (request + answer);
        let at = |bytes| usize::try_from(bytes).expect("small");
        let cut = match offset {
            _ if round % 5 == 4 => Cut::Idle,
            offset if offset < request => Cut::Request(at(offset)),
            offset => Cut::Answer(at(offset - request)),
        };
        call(&lane, &mut caller, &tool, cut, &mut found).await;
        call(&lane, &mut caller, &tool, Cut::Never, &mut found).await;
        call(&lane, &mut caller, &tool, Cut::Never, &mut found).await;
    }
    found
}

async fn call(lane: &Lane, caller: &mut Caller, tool: &str, cut: Cut, found: &mut Found) {
    let before = lane.effects.load(Ordering::SeqCst);
    *lane.next.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    let answer = caller
        .call(tool, json!({}))
        .await
        .expect("the gateway answers");
    let effects = lane.effects.load(Ordering::SeqCst) - before;
    found.calls += 1;
    found.cut += u64::from(cut != Cut::Never);
    found.twice += u64::from(effects > 1);
    found.denied += u64::from(answer.is_not_sent() && effects > 0);
    let whole = matches!(cut, Cut::Never | Cut::Idle);
    if whole && !answer.is_ok() {
        if answer.is_not_sent() {
            found.given_up += 1;
        } else if effects == 0 {
            // Written into a connection whose end was under way: nobody can tell whether it was read, and the answer says so.
            found.raced += 1;
        } else {
            println!("   {cut:?}: {answer:?}");
            found.wrong += 1;
        }
    }
}

async fn lane() -> (Arc<Lane>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("bound"));
    let lane = Arc::new(Lane {
        next: Mutex::new(Cut::Never),
        effects: AtomicU64::new(0),
        request_bytes: AtomicU64::new(0),
        answer_bytes: AtomicU64::new(0),
    });
    let serving = lane.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let lane = serving.clone();
            tokio::spawn(async move { serve(&lane, socket).await });
        }
    });
    (lane, url)
}

/// Serves a connection until it is cut.
async fn serve(lane: &Lane, mut socket: TcpStream) -> Option<()> {
    loop {
        let mut request = Vec::new();
        let (body, cut) = loop {
            // What is to be done is known once the first byte is there; a kept connection waits for that long before.
            let cut = match request.len() {
                0 => Cut::Never,
                _ => *lane.next.lock().unwrap_or_else(PoisonError::into_inner),
            };
            let room = match cut {
                Cut::Request(at) if request.len() >= at => return None,
                Cut::Request(at) => at - request.len(),
                _ if request.is_empty() => 1,
                _ => 64 * 1024,
            };
            let mut chunk = vec![0; room];
            let read = socket
                .read(&mut chunk)
                .await
                .ok()
                .filter(|read| *read > 0)?;
            request.extend_from_slice(&chunk[..read]);
            if let Some(body) = body_of(&request) {
                break (body, cut);
            }
        };
        let message: Value = serde_json::from_slice(&body).unwrap_or_default();
        let is_call = message["method"] == "tools/call";
        if is_call {
            lane.effects.fetch_add(1, Ordering::SeqCst);
        }
        let answer = answer_to(&message);
        let written = match cut {
            Cut::Answer(at) if is_call => &answer[..at.min(answer.len())],
            _ => &answer,
        };
        if is_call {
            let bytes = |bytes: &[u8]| bytes.len() as u64;
            lane.request_bytes.store(bytes(&request), Ordering::Relaxed);
            lane.answer_bytes.store(bytes(&answer), Ordering::Relaxed);
        }
        socket.write_all(written).await.ok()?;
        if is_call && matches!(cut, Cut::Answer(_) | Cut::Idle) {
            return None;
        }
    }
}

/// The body, once all of it is there.
fn body_of(request: &[u8]) -> Option<Vec<u8>> {
    let end = request
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?
        + 4;
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap_or(0));
    (request.len() >= end + length).then(|| request[end..end + length].to_vec())
}

fn answer_to(message: &Value) -> Vec<u8> {
    let result = match message["method"].as_str() {
        Some("initialize") => json!({"protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}}, "serverInfo": {"name": "cut", "version": "1"}}),
        Some("tools/list") => {
            json!({"tools": [{"name": "work", "inputSchema": {"type": "object"}}]})
        }
        Some("tools/call") => json!({"content": [{"type": "text", "text": "done"}]}),
        _ if message.get("id").is_none() => {
            return b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_vec();
        }
        _ => return b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec(),
    };
    let body = json!({"jsonrpc": "2.0", "id": message["id"], "result": result}).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

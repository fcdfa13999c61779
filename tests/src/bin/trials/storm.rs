//! Clients that go away at any moment.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use toolgate_testkit::{Script, Server};
use toolgate_tests::{Installation, eventually};

use crate::caller::Caller;
use crate::effort::Effort;
use crate::score::{Bar, Score};
use crate::stage::{Dice, add_server, float, gauge, held, runtime, status};

/// Clients at the same time.
const AT_ONCE: usize = 50;

pub(crate) fn disconnect_storm(effort: &Effort, score: &mut Score) {
    let runtime = runtime();
    let server = Server::new()
        .stateless()
        .tool("hang", Script::new().hang())
        .tool(
            "soon",
            Script::new().delay(Duration::from_millis(5)).text("done"),
        )
        .tool("work", "ok");
    let server = runtime.block_on(server.start());
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team");
    add_server(&installation, "team", "s", &server);
    let gateway = installation.start();
    let url = gateway.workspace("team");
    let mut caller = Caller::new(&url, &token.token);
    runtime.block_on(async {
        caller.list().await.expect("a list");
        caller.call("s__work", json!({})).await.expect("a call");
    });
    let before = status(&installation);
    let mut dice = Dice(effort.seed);
    let clients = effort.size(500, 10_000);
    runtime.block_on(async {
        let mut storm = JoinSet::new();
        for _ in 0..clients {
            if storm.len() >= AT_ONCE {
                storm.join_next().await;
            }
            let tool =
                ["s__hang", "s__soon", "s__work"][usize::try_from(dice.below(3)).expect("small")];
            let request = request(&url, &token.token, tool);
            // Half of them go in the middle of their request.
            let length = request.len() as u64;
            let sent = match dice.below(2) {
                0 => dice.below(length),
                _ => length,
            };
            let stays = Duration::from_micros(dice.below(20_000));
            let address = address(&url).to_owned();
            storm.spawn(async move {
                let mut socket = TcpStream::connect(address).await.expect("a connection");
                let part = &request[..usize::try_from(sent).expect("small")];
                socket.write_all(part).await.expect("the gateway reads");
                tokio::time::sleep(stays).await;
            });
        }
        storm.join_all().await;
    });
    let after = eventually("everything is given back", || {
        let now = status(&installation);
        let calls = gauge(&now, "calls under way");
        let tasks = gauge(&now, "background tasks");
        let back = held(&now) == 0 && calls == 0 && tasks <= gauge(&before, "background tasks") + 4;
        back.then_some(now)
    });
    score.figure(
        "clients that went away",
        float(clients),
        "clients",
        Bar::Told,
    );
    score.never("turn at a server not given back", held(&after));
    score.never("call still under way", gauge(&after, "calls under way"));
    score.figure(
        "background tasks more than before",
        float(gauge(&after, "background tasks").saturating_sub(gauge(&before, "background tasks"))),
        "tasks",
        Bar::AtMost(4.0),
    );
    let answer = runtime.block_on(caller.call("s__work", json!({})));
    score.never(
        "refusal of who stayed",
        u64::from(!answer.is_ok_and(|answer| answer.is_ok())),
    );
}

fn address(url: &str) -> &str {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    rest.split('/').next().unwrap_or(rest)
}

fn request(url: &str, token: &str, tool: &str) -> Vec<u8> {
    let address = address(url);
    let path = url.split(address).nth(1).unwrap_or("/");
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": tool, "arguments": {}}})
    .to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

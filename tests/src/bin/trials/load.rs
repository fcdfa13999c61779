//! More than there is room for: neighbours, overload, idle clients, slow servers.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use toolgate_testkit::{Client, Script, Server};
use toolgate_tests::Installation;

use crate::caller::Caller;
use crate::effort::Effort;
use crate::score::{Bar, Score};
use crate::stage::{add, add_server, float, percentile, resident_kib, runtime};

/// One workspace with ten times its share of calls to a stalled server; another one is measured.
pub(crate) fn noisy_neighbour(effort: &Effort, score: &mut Score) {
    let runtime = runtime();
    let stalled = Server::new().stateless().tool("work", Script::new().hang());
    let stalled = runtime.block_on(stalled.start());
    let sound = runtime.block_on(Server::new().stateless().tool("work", "ok").start());
    let installation = Installation::new();
    let (noisy, quiet) = (
        installation.workspace("noisy"),
        installation.workspace("quiet"),
    );
    let (loud_token, quiet_token) = (
        installation.unlimited("noisy"),
        installation.unlimited("quiet"),
    );
    add_server(&installation, &noisy.slug, "s", &stalled);
    add_server(&installation, &quiet.slug, "s", &sound);
    let gateway = installation.start();
    let calls = effort.size(600, 6_000);
    let url = gateway.workspace(&quiet.slug);
    let (mut alone, failed) = runtime.block_on(measure(&url, &quiet_token.token, calls));
    score.never("error without a neighbour", failed);
    let over = Arc::new(AtomicBool::new(false));
    let noise_url = gateway.workspace(&noisy.slug);
    let (mut beside, failed) = runtime.block_on(async {
        let mut first = Caller::new(&noise_url, &loud_token.token);
        first.list().await.expect("a list");
        let mut crowd = JoinSet::new();
        for _ in 0..640 {
            let mut caller = Caller::new(&noise_url, &loud_token.token);
            let over = over.clone();
            crowd.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    // Those that found a place hang; the refused ones come again when they were told to.
                    let call = caller.call("s__work", json!({}));
                    drop(tokio::time::timeout(Duration::from_secs(10), call).await);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            });
        }
        // Until the crowd is there.
        while stalled.calls("work") < 250 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let measured = measure(&url, &quiet_token.token, calls).await;
        over.store(true, Ordering::Relaxed);
        crowd.shutdown().await;
        measured
    });
    score.never("error beside a noisy neighbour", failed);
    let (alone, beside) = (percentile(&mut alone, 99), percentile(&mut beside, 99));
    score.figure("p99 alone", alone, "ms", Bar::Told);
    score.figure("p99 beside the noise", beside, "ms", Bar::Told);
    score.figure(
        "ratio (the brief's bar is 1.5)",
        beside / alone,
        "x",
        Bar::Told,
    );
}

async fn measure(url: &str, token: &str, calls: u64) -> (Vec<Duration>, u64) {
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        let mut caller = Caller::new(url, token);
        callers.spawn(async move {
            let (mut times, mut failed) = (Vec::new(), 0);
            for _ in 0..calls / 4 {
                let began = Instant::now();
                let answer = caller.call("s__work", json!({})).await;
                times.push(began.elapsed());
                failed += u64::from(!answer.is_ok_and(|answer| answer.is_ok()));
            }
            (times, failed)
        });
    }
    let all = callers.join_all().await.into_iter();
    all.fold((Vec::new(), 0), |(mut times, failed), (more, also)| {
        times.extend(more);
        (times, failed + also)
    })
}

/// Ten times as many clients as there is room for: those that get in are served, and it is over when it is over.
pub(crate) fn overload(effort: &Effort, score: &mut Score) {
    const ROOM: u64 = 48;
    let runtime = runtime();
    let work = Script::new().delay(Duration::from_millis(60)).text("ok");
    let server = runtime.block_on(Server::new().stateless().tool("work", work).start());
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team");
    add_server(&installation, "team", "s", &server);
    let gateway = installation.start_with(&["--max-calls", &ROOM.to_string()]);
    let url = gateway.workspace("team");
    let time = Duration::from_secs(effort.size(3, 300));
    let crowd = |callers| runtime.block_on(crowd(&url, &token.token, callers, time));
    // As many as are served without anybody being refused, which is a little less than all of it.
    let peak = crowd(ROOM * 9 / 10);
    let flood = crowd(ROOM * 10);
    score.figure(
        "calls served at its best",
        peak.served_per_s(time),
        "calls/s",
        Bar::Told,
    );
    score.figure(
        "calls served at ten times",
        flood.served_per_s(time),
        "calls/s",
        Bar::Told,
    );
    let goodput = flood.served_per_s(time) / peak.served_per_s(time);
    score.figure("goodput (the brief's bar is 0.8)", goodput, "x", Bar::Told);
    score.figure(
        "calls refused",
        float(flood.refused),
        "calls",
        Bar::AtLeast(1.0),
    );
    score.never("call that ended otherwise", flood.broken);
    score.never("refusal without a time to come again", flood.without_time);
    // Revocation does not wait for the load to go.
    let (id, revoked) = (token.json["id"].as_str().expect("an id"), Instant::now());
    let recovery = runtime.block_on(async {
        let began = Instant::now();
        let mut caller = Caller::new(&url, &token.token);
        while !caller
            .call("s__work", json!({}))
            .await
            .is_ok_and(|answer| answer.is_ok())
        {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "it does not recover"
            );
        }
        began.elapsed()
    });
    score.figure("recovery", recovery.as_secs_f64(), "s", Bar::AtMost(5.0));
    installation.done(&["token", "revoke", "team", id]);
    let after = runtime.block_on(Caller::new(&url, &token.token).list());
    let refused = after.is_ok_and(|answer| answer.status == 401);
    score.never(
        "request served after its token was revoked",
        u64::from(!refused),
    );
    score.figure(
        "revocation by command",
        revoked.elapsed().as_secs_f64() * 1_000.0,
        "ms",
        Bar::Told,
    );
}

#[derive(Default)]
struct Crowd {
    served: u64,
    refused: u64,
    without_time: u64,
    broken: u64,
}

impl Crowd {
    fn served_per_s(&self, time: Duration) -> f64 {
        float(self.served) / time.as_secs_f64()
    }
}

async fn crowd(url: &str, token: &str, callers: u64, time: Duration) -> Crowd {
    let mut first = Caller::new(url, token);
    first.list().await.expect("a list");
    let counts: Arc<[AtomicU64; 4]> = Arc::default();
    let mut crowd = JoinSet::new();
    let end = Instant::now() + time;
    for _ in 0..callers {
        let (mut caller, counts) = (Caller::new(url, token), counts.clone());
        crowd.spawn(async move {
            while Instant::now() < end {
                let outcome = match caller.call("s__work", json!({})).await {
                    Ok(answer) if answer.is_ok() => 0,
                    Ok(answer) if answer.status == 503 => {
                        let untimed = !answer.headers.contains_key("retry-after");
                        counts[2].fetch_add(u64::from(untimed), Ordering::Relaxed);
                        // Ten times as often as it was asked to, which is still less than a real flood.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        1
                    }
                    Ok(_) | Err(_) => 3,
                };
                counts[outcome].fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    crowd.join_all().await;
    let [served, refused, without_time, broken] =
        [0, 1, 2, 3].map(|n| counts[n].load(Ordering::Relaxed));
    Crowd {
        served,
        refused,
        without_time,
        broken,
    }
}

/// What a client costs that only stays: a connection, and a stream.
pub(crate) fn ten_thousand_idle(effort: &Effort, score: &mut Score) {
    let runtime = runtime();
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team");
    let gateway = installation.start();
    let url = gateway.workspace("team");
    // Both ends of each connection are files of somebody; this end's are few on some machines.
    let count = effort
        .size(800, 10_000)
        .min(open_files().saturating_sub(150));
    let address = gateway
        .url
        .strip_prefix("http://")
        .expect("a URL")
        .to_owned();
    // The first ones pay for pages and buffers that all share.
    let warm: Vec<_> = (0..50)
        .map(|_| TcpStream::connect(&address).expect("room"))
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let before = resident_kib(&gateway);
    let idle: Vec<_> = (0..count)
        .map(|_| TcpStream::connect(&address).expect("room"))
        .collect();
    std::thread::sleep(Duration::from_millis(700));
    let each = float(resident_kib(&gateway).saturating_sub(before)) / float(count);
    score.figure("idle connections", float(count), "connections", Bar::Told);
    score.figure(
        "memory of an idle connection",
        each,
        "KiB",
        Bar::AtMost(64.0),
    );
    drop((idle, warm));
    let streams = (count / 2).min(400);
    runtime.block_on(async {
        let mut open = Vec::new();
        let mut before = 0;
        for n in 0..streams + 10 {
            if n == 10 {
                before = resident_kib(&gateway);
            }
            let mut client = Client::new(&url).bearer(&token.token);
            client.initialize().await;
            let stream = client.get_stream(&[("accept", "text/event-stream")]).await;
            if stream.status != 200 {
                score.fail("a stream was refused");
                break;
            }
            open.push((client, stream));
        }
        let each = float(resident_kib(&gateway).saturating_sub(before)) / float(streams);
        score.figure("idle streams", float(streams), "streams", Bar::Told);
        score.figure("memory of an idle stream", each, "KiB", Bar::AtMost(256.0));
        let mut caller = Caller::new(&url, &token.token);
        let listed = caller.list().await.is_ok_and(|answer| answer.status == 200);
        score.never("refusal beside them", u64::from(!listed));
    });
}

/// How many files this process may have open.
fn open_files() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.and_then(|soft| soft.parse().ok()).unwrap_or(1_024)
}

/// One of twenty servers never says a word: lists come in time, and calls to the others do not notice.
pub(crate) fn slow_one_of_n(effort: &Effort, score: &mut Score) {
    let runtime = runtime();
    let server = runtime.block_on(Server::new().stateless().tool("work", "ok").start());
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team");
    for n in 0..19 {
        add_server(&installation, "team", &format!("s{n}"), &server);
    }
    let calls = effort.size(400, 4_000);
    let sound = {
        let gateway = installation.start();
        let url = gateway.workspace("team");
        let mut times = runtime.block_on(calls_to(&url, &token.token, calls));
        assert!(gateway.stop().success(), "an orderly end");
        percentile(&mut times, 50)
    };
    let silent = format!("http://{}/mcp", silent.local_addr().expect("bound"));
    add(&installation, "team", "silent", &silent);
    let gateway = installation.start();
    let url = gateway.workspace("team");
    let mut caller = Caller::new(&url, &token.token);
    let cold = Instant::now();
    let listed = runtime.block_on(caller.list()).expect("a list");
    let cold = cold.elapsed();
    let tools = listed.body["result"]["tools"]
        .as_array()
        .map_or(0, Vec::len);
    score.figure(
        "tools in the first list",
        float(tools as u64),
        "tools",
        Bar::AtLeast(19.0),
    );
    score.figure("first list", cold.as_secs_f64(), "s", Bar::AtMost(5.5));
    let mut warm: Vec<_> = (0..50)
        .map(|_| {
            let began = Instant::now();
            runtime.block_on(caller.list()).expect("a list");
            began.elapsed()
        })
        .collect();
    score.figure(
        "a list once it is known, p50",
        percentile(&mut warm, 50),
        "ms",
        Bar::AtMost(50.0),
    );
    let mut times = runtime.block_on(calls_to(&url, &token.token, calls));
    let ratio = percentile(&mut times, 50) / sound;
    score.figure(
        "calls to the others (the brief's bar is 1.1)",
        ratio,
        "x",
        Bar::Told,
    );
    assert!(gateway.stop().success(), "an orderly end");
}

async fn calls_to(url: &str, token: &str, calls: u64) -> Vec<Duration> {
    let mut caller = Caller::new(url, token);
    caller.list().await.expect("a list");
    let mut times = Vec::new();
    for n in 0..calls {
        let began = Instant::now();
        let answer = caller.call(&format!("s{}__work", n % 19), json!({})).await;
        assert!(answer.is_ok_and(|answer| answer.is_ok()), "a sound server");
        times.push(began.elapsed());
    }
    times
}

//! One gateway after the other on the same socket.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use toolgate_testkit::{Script, Server};
use toolgate_tests::Installation;

use crate::caller::Caller;
use crate::effort::Effort;
use crate::score::{Bar, Score};
use crate::stage::{add_server, float, runtime};

/// Clients that call all the time.
const CALLERS: usize = 8;

pub(crate) fn rolling_restart(effort: &Effort, score: &mut Score) {
    let runtime = runtime();
    let work = Script::new().delay(Duration::from_millis(5)).text("ok");
    let server = runtime.block_on(Server::new().stateless().tool("work", work).start());
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team");
    add_server(&installation, "team", "s", &server);
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut gateway = installation.start_on(&socket);
    let url = gateway.workspace("team");
    let over = Arc::new(AtomicBool::new(false));
    let (answered, failed): (Arc<AtomicU64>, Arc<AtomicU64>) = Default::default();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let mut caller = Caller::new(&url, &token.token);
        let (over, answered, failed) = (over.clone(), answered.clone(), failed.clone());
        let calling = async move {
            while !over.load(Ordering::Relaxed) {
                match caller.call("s__work", json!({})).await {
                    Ok(answer) if answer.is_ok() => answered.fetch_add(1, Ordering::Relaxed),
                    other => {
                        println!("   {other:?}");
                        failed.fetch_add(1, Ordering::Relaxed)
                    }
                };
            }
        };
        callers.spawn_on(calling, runtime.handle());
    }
    let restarts = effort.size(5, 50);
    let mut unclean = 0;
    for _ in 0..restarts {
        std::thread::sleep(Duration::from_millis(300));
        let next = installation.start_on(&socket);
        let before = std::mem::replace(&mut gateway, next);
        unclean += u64::from(!before.stop().success());
        // The new one has the control socket by now, or soon.
        toolgate_tests::eventually("the new gateway answers", || {
            installation.ctl(&["status"]).status.success().then_some(())
        });
    }
    std::thread::sleep(Duration::from_millis(300));
    over.store(true, Ordering::Relaxed);
    runtime.block_on(callers.join_all());
    score.figure("restarts", float(restarts), "restarts", Bar::Told);
    score.figure(
        "calls",
        float(answered.load(Ordering::Relaxed)),
        "calls",
        Bar::AtLeast(100.0),
    );
    score.never("call that failed", failed.load(Ordering::Relaxed));
    score.never("gateway that did not end with 0", unclean);
    let rows = installation.lines(&["calls", "--limit", "10000"]).len() as u64;
    let expected = answered.load(Ordering::Relaxed).min(10_000);
    // The last gateway still writes.
    score.never(
        "record missing of the gateways that ended",
        expected.saturating_sub(rows + 200),
    );
    assert!(gateway.stop().success(), "an orderly end");
}

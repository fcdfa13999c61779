//! One server hangs, one refuses, one answers garbage, one dies mid-call: the others do not notice.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolgate_testkit::{Script, Server};

use crate::world::{World, add, add_url, error, list, soon};

/// The workspace of the issue: one good server among five bad ones.
async fn bad_company() -> (World, Vec<toolgate_testkit::Running>, TcpListener) {
    // Accepts connections in the kernel's queue and never says a word.
    let hangs = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let refuses = TcpListener::bind("127.0.0.1:0")
        .and_then(|gone| gone.local_addr())
        .expect("a free port");
    let good = Server::new().tool("hello", "good day").start().await;
    let garbage = Server::new().refuse(200, "}{ not json").start().await;
    let html = Server::new()
        .refuse(502, "<html><body>Bad Gateway</body></html>")
        .start()
        .await;
    let dies = Server::new()
        .tool("die", Script::new().disconnect())
        .start()
        .await;

    let world = World::prepare(|installation| {
        add(installation, "good", &good, &[]);
        let address = hangs.local_addr().expect("bound");
        add_url(
            installation,
            "hangs",
            &format!("http://{address}/mcp"),
            &["--timeout", "1s"],
        );
        add_url(
            installation,
            "refuses",
            &format!("http://{refuses}/mcp"),
            &[],
        );
        add(installation, "garbage", &garbage, &[]);
        add(installation, "html", &html, &[]);
        add(installation, "dies", &dies, &[]);
    });
    (world, vec![good, garbage, html, dies], hangs)
}

/// what can be listed is listed in time, and the answer names what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_time_without_the_broken_ones() {
    let (world, _servers, _hangs) = bad_company().await;
    let mut client = world.legacy().await;

    let started = Instant::now();
    let reply = soon("a list", client.rpc("tools/list", &json!({}))).await;
    let cold = started.elapsed();
    assert_eq!(crate::world::names(&reply), ["good__hello", "dies__die"]);
    assert!(
        cold < Duration::from_secs(7),
        "five seconds a server, all at once: {cold:?}"
    );
    let meta = reply.message()["result"]["_meta"].to_string();
    for missing in ["hangs", "refuses", "garbage", "html"] {
        assert!(meta.contains(missing), "{missing} is not named in {meta}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_the_server_and_others_go_on() {
    let (world, _servers, _hangs) = bad_company().await;
    let mut client = world.legacy().await;
    list(&mut client).await;

    let reply = client.call("dies__die", json!({})).await;
    let (code, message) = error(&reply);
    assert_eq!(
        (reply.status, code),
        (200, -32010),
        "P4.4: never an HTTP failure of the gateway"
    );
    assert!(message.contains("dies"), "{message}");
    assert_eq!(
        reply.message()["error"]["data"]["server"],
        "dies",
        "{}",
        reply.message()
    );
    assert_eq!(
        reply.message()["error"]["data"]["outcome"],
        "unknown",
        "it was sent: {}",
        reply.message()
    );

    for _ in 0..3 {
        assert_eq!(
            client.call("good__hello", json!({})).await.text(),
            "good day"
        );
    }
    let mut modern = world.client();
    let reply = modern
        .modern(
            "tools/call",
            json!({ "name": "dies__die", "arguments": {} }),
        )
        .await;
    assert_eq!(
        error(&reply).0,
        -33010,
        "P4.1: the same error under a number that revision allows"
    );
}

/// A server that was well when it was added, and then is not: its tools stay listed from what is known of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_keeps_its_place_in_the_list() {
    let steady = Server::new().tool("hello", "good day").start().await;
    let leaving = Server::new().tool("there", "still here").start().await;
    let world = World::new(&[("leaving", &leaving), ("steady", &steady)]);
    let mut client = world.legacy().await;
    let before = list(&mut client).await;
    assert_eq!(before, ["leaving__there", "steady__hello"]);

    leaving.stop().await;
    let started = Instant::now();
    assert_eq!(list(&mut client).await, before);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    let reply = client.call("leaving__there", json!({})).await;
    let (code, message) = error(&reply);
    assert_eq!(code, -32010);
    assert!(message.contains("leaving"), "{message}");
    assert_eq!(
        reply.message()["error"]["data"]["outcome"],
        Value::from("not_sent"),
        "R-14: nobody listened"
    );
    assert_eq!(
        client.call("steady__hello", json!({})).await.text(),
        "good day"
    );
}

/// a call has a deadline, and the client learns that it may have been executed.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_is_given_up() {
    let server = Server::new()
        .tool("hang", Script::new().hang())
        .start()
        .await;
    let world =
        World::prepare(|installation| add(installation, "s", &server, &["--timeout", "1s"]));
    let mut client = world.legacy().await;
    let started = Instant::now();
    let reply = soon("the deadline", client.call("s__hang", json!({}))).await;
    let (code, message) = error(&reply);
    assert_eq!((reply.status, code), (200, -32011));
    assert!(
        message.contains('s') && started.elapsed() < Duration::from_secs(4),
        "{message}"
    );
    assert_eq!(reply.message()["error"]["data"]["outcome"], "unknown");
}

/// P9.54, P9.56: pages are drained, and a server that never stops paging is stopped.
#[tokio::test(flavor = "multi_thread")]
async fn pages_are_drained_and_loops_end() {
    let mut paged = Server::new().page_size(3);
    for number in 0..10 {
        paged = paged.tool(&format!("t{number}"), "ok");
    }
    let paged = paged.start().await;
    let endless = Server::new()
        .tool("again", "ok")
        .endless_pages()
        .start()
        .await;
    let world = World::new(&[("paged", &paged), ("endless", &endless)]);
    let mut client = world.legacy().await;
    let tools = soon("a list", list(&mut client)).await;
    let paged: Vec<String> = (0..10).map(|number| format!("paged__t{number}")).collect();
    assert_eq!(tools[..10], paged);
    let requests = endless.requests_for("tools/list").len();
    assert!(
        requests < 50,
        "{requests} pages were asked of a server that repeats itself"
    );
}

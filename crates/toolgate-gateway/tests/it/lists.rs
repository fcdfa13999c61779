//! Lists over servers that are slow, dead or changing.

use std::time::{Duration, Instant};

use serde_json::json;
use toolgate_testkit::{Script, Server};

use crate::setup::{Setup, names};

#[tokio::test]
async fn p9_14_a_broken_server_shrinks_the_list() {
    let setup = Setup::new().await;
    let first = Server::new().tool("a", "1").start().await;
    let hanging = Server::new().delay(Duration::from_mins(1)).start().await;
    let garbage = Server::new()
        .method("tools/list", Script::new().garbage())
        .start()
        .await;
    let html = Server::new().refuse(503, "<html>").start().await;
    let final_one = Server::new().tool("z", "26").start().await;
    let scope = setup.scope("default");
    setup.link("first", &first).await;
    setup.link("hanging", &hanging).await;
    setup.link("garbage", &garbage).await;
    setup.link("html", &html).await;
    let mut refusing = setup.spec(&scope, "refusing", "http://127.0.0.1:9/mcp");
    refusing.timeouts.connect = Duration::from_millis(500);
    setup.add(&scope, &refusing).await;
    setup.link("last", &final_one).await;

    let mut client = setup.client();
    let started = Instant::now();
    client.initialize().await;
    let list = client.rpc("tools/list", &json!({})).await;
    assert_eq!(names(&list), ["first__a", "last__z"]);
    let missing = &list.message()["result"]["_meta"]["io.toolgate/missingServers"];
    assert_eq!(missing, &json!(["hanging", "garbage", "html", "refusing"]));
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "bounded by the list timeout, not by the server"
    );
    assert_eq!(client.call("last__z", json!({})).await.text(), "26");
}

#[tokio::test]
async fn p9_54_pages_are_drained_into_one() {
    let setup = Setup::new().await;
    let tools = (0..25).fold(Server::new().page_size(10), |server, n| {
        server.tool(&format!("t{n}"), "x")
    });
    let server = tools.start().await;
    setup.link("many", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    let list = client.rpc("tools/list", &json!({})).await;
    let expected: Vec<String> = (0..25).map(|n| format!("many__t{n}")).collect();
    assert_eq!(names(&list), expected, "P9.7: the server's own order");
    assert!(list.message()["result"].get("nextCursor").is_none());
    let bad = client
        .rpc("tools/list", &json!({"cursor": "made-up"}))
        .await;
    assert_eq!(bad.message()["error"]["code"], -32602, "P9.57");
}

#[tokio::test]
async fn the_last_known_list_outlives_server_and_gateway() {
    let setup = Setup::new().await;
    let server = Server::new().tool("hello", "hi").start().await;
    setup.link("old", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(
        names(&client.rpc("tools/list", &json!({})).await),
        ["old__hello"]
    );
    setup
        .stored("the list", |stored| stored.tools.len() == 1)
        .await;
    drop(server);
    let elsewhere = setup.second_gateway().await;
    let mut client = toolgate_testkit::Client::new(&format!("{elsewhere}/ws/default"))
        .bearer(&setup.admin_token);
    client.initialize().await;
    assert_eq!(
        names(&client.rpc("tools/list", &json!({})).await),
        ["old__hello"]
    );
    let reply = client.call("old__hello", json!({})).await;
    assert_eq!(
        reply.message()["error"]["data"]["outcome"],
        "not_sent",
        "{:?}",
        reply.body
    );
}

#[tokio::test]
async fn p9_46_a_server_that_changes_its_list_is_asked_again() {
    let setup = Setup::new().await;
    let server = Server::new().tool("before", "1").start().await;
    setup.link_accepting("old", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(
        names(&client.rpc("tools/list", &json!({})).await),
        ["old__before"]
    );
    // The gateway's own session is opened by the first call at the latest.
    client.call("old__before", json!({})).await;
    let after = json!({"name": "after", "inputSchema": {"type": "object"}});
    server.set_tools([(after, Script::from("2"))]);
    for _ in 0..500 {
        server.notify("notifications/tools/list_changed", &json!({}));
        if names(&client.rpc("tools/list", &json!({})).await) == ["old__after"] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the new list was never served");
}

#[tokio::test]
async fn p9_7_the_order_never_depends_on_arrival() {
    let setup = Setup::new().await;
    for n in (0..5).rev() {
        let server = Server::new()
            .delay(Duration::from_millis(20 * n))
            .tool("t", "x")
            .start()
            .await;
        setup.link(&format!("s{n}"), &server).await;
        std::mem::forget(server);
    }
    let mut client = setup.client();
    for _ in 0..20 {
        let list = client.rpc("tools/list", &json!({})).await;
        assert_eq!(names(&list), ["s4__t", "s3__t", "s2__t", "s1__t", "s0__t"]);
    }
}

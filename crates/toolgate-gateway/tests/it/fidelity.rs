//! What the gateway does not own is the server's, and the client's, byte for byte.

use serde_json::json;
use toolgate_testkit::{Script, Server};

use crate::setup::Setup;

/// Numbers no double can hold, odd escapes, key order, unknown members.
const ODD: &str = r#"{"zz":1,"a":9007199254740993,"big":1e400,"neg":-0,"long":0.100000000000000005551115123125,"esc":"\u00e9\/\ud83d\ude00","nested":{"b":[1,{"y":null,"x":true}],"a":{}}}"#;

#[tokio::test]
async fn p9_15_arguments_arrive_as_they_were_sent() {
    let setup = Setup::new().await;
    let old = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let new = Server::new()
        .modern()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut client = setup.client();
    client.initialize().await;
    for (tool, server) in [("old__echo", &old), ("new__echo", &new)] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{{"future":[1.50],"name":"{tool}","arguments":{ODD}}}}}"#
        );
        assert_eq!(client.post_raw(body).await.status, 200);
        let raw = String::from_utf8(server.requests().pop().unwrap().raw).unwrap();
        assert!(
            raw.contains(&format!("\"arguments\":{ODD}")),
            "P3.16: {raw}"
        );
        assert!(raw.contains("\"future\":[1.50]"), "P3.12: {raw}");
    }
}

#[tokio::test]
async fn p3_12_results_arrive_as_they_were_sent() {
    let setup = Setup::new().await;
    let result = format!(
        r#"{{"x-unknown":{ODD},"content":[{{"type":"text","text":"ok","_meta":{{"k":1.0}}}}],"structuredContent":{ODD}}}"#
    );
    let answer = format!(r#"{{"jsonrpc":"2.0","id":"$ID","result":{result}}}"#);
    let server = Server::new()
        .tool("odd", Script::new().raw(200, "application/json", answer))
        .start()
        .await;
    setup.link("old", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    let reply = client.call("old__odd", json!({})).await;
    let body = String::from_utf8(reply.body.to_vec()).unwrap();
    assert!(body.contains(&result), "{body}");
}

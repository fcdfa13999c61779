//! S-69 `hostile_upstream`: whatever a server writes in answer to a call, what must not reach the client does not, the
//! client gets one answer, and calls to other servers go on.

mod behaviours;
mod server;

use std::collections::HashMap;

use serde_json::json;
use toolgate_namespace::{EraSetting, ServerSpec};
use toolgate_testkit::{Client, Reply, Server};

use self::behaviours::Expected;
pub(crate) use self::server::HostileServer;
use crate::setup::Setup;
use crate::wire::soon;

/// The headers an answer of the gateway may have.
const OURS: [&str; 8] = [
    "content-type",
    "content-length",
    "transfer-encoding",
    "cache-control",
    "date",
    "x-accel-buffering",
    "mcp-session-id",
    "connection",
];

#[track_caller]
fn check(number: usize, script: &[u8], expected: Expected, reply: &Reply) {
    let shown = String::from_utf8_lossy(&script[..script.len().min(300)]).into_owned();
    let body = String::from_utf8_lossy(&reply.body).into_owned();
    let about = format!("behaviour {number}: {shown:?}\nanswered with {body}");
    for (name, value) in &reply.headers {
        assert!(OURS.contains(&name.as_str()), "header {name} in {about}");
        assert!(!value.contains("EVIL"), "{name}: {value} in {about}");
    }
    assert!(!body.contains("EVIL"), "{about}");
    let messages = reply.messages();
    let answers = messages.iter().filter(|message| !message["id"].is_null());
    assert_eq!(answers.count(), 1, "one answer: {about}");
    let last = reply.message();
    let (fine, failed) = (reply.text() == "fine", last["error"].is_object());
    match expected {
        Expected::Answered => assert!(fine, "{about}"),
        Expected::Failed => assert!(failed, "{about}"),
        Expected::Clean => assert!(fine || failed || last["result"].is_object(), "{about}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s69_hostile_upstream() {
    let behaviours = behaviours::all();
    assert!(behaviours.len() >= 150, "{}", behaviours.len());
    let scripts: HashMap<_, _> = (0..)
        .zip(&behaviours)
        .map(|(number, (_, script))| (format!("/{number}"), script.clone()))
        .collect();
    let hostile = HostileServer::start(scripts).await;
    let setup = Setup::new().await;
    let good = Server::new().tool("t", "served").start().await;
    setup.link("good", &good).await;
    // A link for each, so that what one does is not held against another.
    let scope = setup.scope("default");
    setup.allow_many_servers();
    for number in 0..behaviours.len() {
        let url = format!("http://{}/{number}", hostile.origin);
        let spec = setup.spec(&scope, &format!("h{number}"), &url);
        let era = EraSetting::Legacy;
        setup.add_later(&scope, &ServerSpec { era, ..spec });
    }
    setup.knock().await;
    let (token, _) = setup.token(&scope, |_| ()).await;
    let mut client = Client::new(&setup.url("default")).bearer(&token);
    for (number, (expected, script)) in behaviours.iter().enumerate() {
        let params = json!({"name": format!("h{number}__t"), "arguments": {}});
        let calling = client.modern("tools/call", params);
        let reply = soon("an answer", calling).await;
        check(number, script, *expected, &reply);
        let params = json!({"name": "good__t", "arguments": {}});
        let other = soon("the good answer", client.modern("tools/call", params)).await;
        assert_eq!(other.text(), "served", "beside behaviour {number}");
    }
}

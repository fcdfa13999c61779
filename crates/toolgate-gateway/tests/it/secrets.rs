//! Secrets on their way out, and never back.

use serde_json::{Value, json};
use toolgate_namespace::{Injection, ServerSpec};
use toolgate_testkit::{Client, Script, Server};

use crate::setup::Setup;
use crate::wire::{at_once, general, soon, started};

const SECRET: &str = "fake-secret-Ab3/+xyz-0001";

fn bearer(name: &str) -> Vec<Injection> {
    vec![Injection::Bearer {
        secret: name.into(),
    }]
}

#[tokio::test]
async fn a_bearer_reaches_the_server_and_the_clients_token_does_not() {
    let setup = Setup::new().await;
    let server = Server::new()
        .require_header("authorization", &format!("Bearer {SECRET}"))
        .tool("hello", "hi")
        .start()
        .await;
    let spec = setup.link_with("api", &server, bearer("API_KEY")).await;
    setup
        .secret(&setup.scope("default"), &spec, "API_KEY", SECRET)
        .await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(client.call("api__hello", json!({})).await.text(), "hi");
    for request in server.requests() {
        let seen = format!("{:?} {:?}", request.headers, request.body);
        assert!(!seen.contains("mwt_"), "S-28: {seen}");
    }
}

#[tokio::test]
async fn s22_an_echoed_secret_is_masked_everywhere() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("echo", Script::new().echo())
        .tool(
            "errs",
            Script::new().error_with(-32000, &format!("key was {SECRET}"), json!({"key": SECRET})),
        )
        .tool("logs", Script::new().log("info", SECRET).text(SECRET))
        .start()
        .await;
    let spec = setup.link_with("api", &server, bearer("API_KEY")).await;
    setup
        .secret(&setup.scope("default"), &spec, "API_KEY", SECRET)
        .await;
    let mut client = setup.client();
    client.initialize().await;
    for tool in ["api__echo", "api__errs", "api__logs"] {
        let reply = client.call(tool, json!({})).await;
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(!body.contains(SECRET), "{tool}: {body}");
        assert!(body.contains("[REDACTED]"), "{tool}: {body}");
        assert_ne!(reply.message(), Value::Null, "{tool} is still JSON");
    }
    let stored = setup.stored_bytes();
    assert!(
        !stored
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes()),
        "S-06"
    );
}

#[tokio::test]
async fn a_missing_secret_is_named_and_nothing_is_sent() {
    let setup = Setup::new().await;
    let server = Server::new().tool("hello", "hi").start().await;
    let spec = setup.link_with("api", &server, bearer("API_KEY")).await;
    setup
        .secret(&setup.scope("default"), &spec, "API_KEY", SECRET)
        .await;
    let mut client = setup.client();
    client.initialize().await;
    assert_eq!(client.call("api__hello", json!({})).await.text(), "hi");
    setup
        .forget_secret(&setup.scope("default"), &spec, "API_KEY")
        .await;
    let seen = server.calls("hello");
    let reply = client.call("api__hello", json!({})).await;
    let error = &reply.message()["error"];
    assert_eq!(error["code"], -32012, "{error}");
    assert!(
        error["message"].as_str().unwrap().contains("API_KEY"),
        "{error}"
    );
    assert_eq!(error["data"]["outcome"], "not_sent");
    assert_eq!(server.calls("hello"), seen);
}

#[tokio::test]
async fn s11_headers_and_templates_are_filled_once() {
    let setup = Setup::new().await;
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let template = Injection::Header {
        name: "x-api-key".into(),
        template: "k={API_KEY}; {not a name}".into(),
    };
    let spec = setup.link_with("api", &server, vec![template]).await;
    setup
        .secret(
            &setup.scope("default"),
            &spec,
            "API_KEY",
            "fake-{API_KEY}-value",
        )
        .await;
    let mut client = setup.client();
    client.initialize().await;
    client
        .call(
            "api__echo",
            json!({"text": "{API_KEY} $API_KEY {{API_KEY}}"}),
        )
        .await;
    let call = server.requests_for("tools/call").pop().unwrap();
    assert_eq!(
        call.header("x-api-key"),
        Some("k=fake-{API_KEY}-value; {not a name}"),
        "S-29"
    );
    assert_eq!(
        call.body["params"]["arguments"]["text"], "{API_KEY} $API_KEY {{API_KEY}}",
        "S-29"
    );
}

#[tokio::test]
async fn two_workspaces_each_see_their_own() {
    let setup = Setup::new().await;
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    let mut clients = Vec::new();
    for (slug, secret) in [
        ("red", "fake-red-secret-0001"),
        ("blue", "fake-blue-secret-0002"),
    ] {
        let scope = setup.workspace(slug);
        let spec = ServerSpec {
            injections: bearer("API_KEY"),
            ..setup.spec(&scope, "api", server.url())
        };
        setup.add(&scope, &spec).await;
        setup.secret(&scope, &spec, "API_KEY", secret).await;
        let (token, _) = setup.token(&scope, |_| {}).await;
        clients.push((Client::new(&setup.url(slug)).bearer(&token), secret, token));
    }
    for (client, secret, _) in &mut clients {
        client.initialize().await;
        client.call("api__echo", json!({})).await;
        let call = server.requests_for("tools/call").pop().unwrap();
        assert_eq!(
            call.header("authorization"),
            Some(format!("Bearer {secret}").as_str())
        );
    }
    let mut crossed = Client::new(&setup.url("red")).bearer(&clients[1].2);
    assert_eq!(crossed.rpc("ping", &json!({})).await.status, 401, "S-36");
}

#[tokio::test]
async fn p9_37_logs_of_no_call_are_masked_as_well() {
    let setup = Setup::new().await;
    let server = Server::new().tool("hello", "hi").start().await;
    let spec = setup.link_with("api", &server, bearer("API_KEY")).await;
    setup
        .secret(&setup.scope("default"), &spec, "API_KEY", SECRET)
        .await;
    let mut client = started(&setup, "2025-11-25").await;
    let mut stream = general(&client).await;
    client.call("api__hello", json!({})).await;
    let log = json!({"level": "error", "data": format!("key is {SECRET}")});
    let log = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": log});
    let told = soon("the log", async {
        loop {
            // The stream of this session may open after that of the gateway's own.
            server.send(&log);
            while let Some(Some(message)) = at_once(stream.next()).await {
                if message["method"] == "notifications/message" {
                    return message;
                }
            }
        }
    });
    assert_eq!(told.await["params"]["data"], "key is [REDACTED]");
}

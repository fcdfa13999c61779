//! Credentials go where they belong and nowhere else: S-25 `token_location`, S-28, S-29 `no_second_expansion`.

use serde_json::{Value, json};
use toolgate_namespace::Injection;
use toolgate_testkit::{Client, Recorded, Running, Script, Server};

use crate::setup::Setup;

async fn world() -> (Setup, Running) {
    let setup = Setup::new().await;
    let server = Server::new()
        .both()
        .tool("hello", "hi")
        .tool("echo", Script::new().echo())
        .start()
        .await;
    setup.link("api", &server).await;
    (setup, server)
}

fn call(arguments: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "api__hello", "arguments": arguments}})
}

/// A valid token anywhere but in its header opens nothing.
#[tokio::test]
async fn s25_token_location() {
    let (setup, server) = world().await;
    let token = setup.admin_token.clone();
    let here = setup.url("default");
    let bare = || Client::new(&here);
    let refused = [
        (
            "query",
            bare().at(&format!("/ws/default?token={token}")),
            404,
        ),
        (
            "query, bearer",
            bare().at(&format!("/ws/default?access_token={token}")),
            404,
        ),
        (
            "query beside a header",
            bare()
                .bearer(&token)
                .at(&format!("/ws/default?token={token}")),
            404,
        ),
        (
            "query of an alias",
            bare().at(&format!("/api/gateway/ws/default?token={token}")),
            404,
        ),
        (
            "query of messages",
            bare().at(&format!("/ws/default/messages?session={token}")),
            401,
        ),
        ("slug", bare().at(&format!("/ws/{token}")), 401),
        ("path", bare().at(&format!("/{token}/ws/default")), 404),
        (
            "path behind",
            bare().at(&format!("/ws/default/{token}")),
            404,
        ),
        (
            "cookie",
            bare().header("cookie", &format!("token={token}")),
            401,
        ),
        (
            "cookie beside a header",
            bare()
                .bearer(&token)
                .header("cookie", &format!("a=b; t={token}")),
            401,
        ),
        ("other header", bare().header("x-api-key", &token), 401),
        (
            "proxy header",
            bare().header("proxy-authorization", &format!("Bearer {token}")),
            401,
        ),
        (
            "session header",
            bare().header("mcp-session-id", &token),
            401,
        ),
        (
            "basic",
            bare().header("authorization", &format!("Basic {token}")),
            401,
        ),
        ("no scheme", bare().header("authorization", &token), 401),
        (
            "two in one",
            bare().header("authorization", &format!("Bearer {token}, Bearer {token}")),
            401,
        ),
    ];
    for (what, client, status) in refused {
        let reply = client.post(&call(&json!({}))).await;
        assert_eq!(reply.status, status, "{what}: {:?}", reply.body);
        let said = format!("{:?} {:?}", reply.headers, reply.body);
        assert!(!said.contains(&token), "{what}: {said}");
    }
    assert_eq!(server.calls("hello"), 0, "nothing was called");
}

/// In the body it opens nothing, and what has it is refused beside a good header as well (S-28).
#[tokio::test]
async fn s25_token_location_body() {
    let (setup, server) = world().await;
    let token = setup.admin_token.clone();
    let here = setup.url("default");
    let bare = || Client::new(&here);
    for body in [
        call(&json!({"token": token})),
        call(&json!({"nested": [{"text": format!("my token is {token}.")}]})),
        json!({"jsonrpc": "2.0", "id": token, "method": "ping"}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "token": token, "params": {"name": "api__hello"}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"_meta": {"authorization": token}}}),
    ] {
        assert_eq!(bare().post(&body).await.status, 401);
        let reply = bare().bearer(&token).post(&body).await;
        assert_eq!(
            (reply.status, reply.json()["error"]["code"].as_i64()),
            (400, Some(-32600)),
            "{body}"
        );
        assert!(!String::from_utf8_lossy(&reply.body).contains(&token));
    }
    assert_eq!(server.calls("hello"), 0, "nothing was called");
    // What only looks like one is text.
    let mut client = setup.client();
    client.initialize().await;
    let mut bent = token.clone();
    bent.replace_range(10..11, if &token[10..11] == "a" { "b" } else { "a" });
    for text in [&bent, "mwt_", &token[..40]] {
        assert_eq!(
            client
                .call("api__hello", json!({"text": text}))
                .await
                .text(),
            "hi"
        );
    }
}

/// Whether anything of a request holds a token.
fn holds_token(request: &Recorded) -> bool {
    let whole = format!(
        "{} {:?} {}",
        request.path,
        request.headers,
        String::from_utf8_lossy(&request.raw)
    );
    whole.contains("mwt_")
}

#[tokio::test]
async fn s28_no_server_and_no_redirect_target_receives_the_clients_token() {
    let (setup, server) = world().await;
    let target = Server::new().tool("hello", "hi").start().await;
    let redirecting = Server::new()
        .refuse(307, "")
        .answer_header("location", target.url())
        .start()
        .await;
    setup.link("moved", &redirecting).await;
    let token = setup.admin_token.clone();
    let everywhere = [
        "x-api-key",
        "proxy-authorization",
        "user-agent",
        "referer",
        "forwarded",
        "baggage",
        "traceparent",
        "x-forwarded-for",
        "mcp-param-token",
        "last-event-id",
    ];
    let dress = |client: Client| {
        everywhere
            .iter()
            .fold(client, |client, name| client.header(name, &token))
    };
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let dress = |client: Client| {
        dress(client)
            .header("traceparent", parent)
            .header("tracestate", &format!("a={token}"))
    };
    let mut legacy = dress(setup.client());
    legacy.initialize().await;
    legacy.rpc("tools/list", &json!({})).await;
    legacy.call("api__hello", json!({})).await;
    legacy.call("moved__hello", json!({})).await;
    let mut modern = dress(setup.client());
    modern
        .modern("tools/call", json!({"name": "api__hello", "arguments": {}}))
        .await;
    modern.modern("tools/list", json!({})).await;
    assert!(server.calls("hello") > 0, "it was called");
    assert!(!redirecting.requests().is_empty());
    assert!(target.requests().is_empty(), "redirects are not followed");
    for request in server.requests().iter().chain(&redirecting.requests()) {
        assert!(!holds_token(request), "{request:?}");
    }
}

/// What looks like a template in some language.
const TEMPLATES: [&str; 14] = [
    "{API_KEY}",
    "{{API_KEY}}",
    "${API_KEY}",
    "$API_KEY",
    "%API_KEY%",
    "<%= API_KEY %>",
    "#{API_KEY}",
    "{{{API_KEY}}}",
    "{{ secrets.API_KEY }}",
    "$(API_KEY)",
    "`API_KEY`",
    "{",
    "}",
    "\\u007bAPI_KEY}",
];

/// Bytes in, bytes out, whatever the arguments hold; and what a server says is no template either.
#[tokio::test]
async fn s29_no_second_expansion() {
    const SECRET: &str = "fake-secret-{API_KEY}-0001";
    let setup = Setup::new().await;
    let answer = TEMPLATES.concat();
    let server = Server::new().tool("hello", answer.as_str()).start().await;
    let header = Injection::Header {
        name: "x-key".into(),
        template: "k={API_KEY}".into(),
    };
    let spec = setup.link_with("api", &server, vec![header]).await;
    setup
        .secret(&setup.scope("default"), &spec, "API_KEY", SECRET)
        .await;
    let (token, _) = setup.token(&setup.scope("default"), |_| {}).await;
    let mut client = Client::new(&setup.url("default")).bearer(&token);
    client.initialize().await;
    let mut seed = 0x5eed_0029_u64;
    let mut next = move |limit: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % limit
    };
    for _ in 0..200 {
        let text: String = (0..=next(6))
            .flat_map(|_| {
                [
                    TEMPLATES[next(TEMPLATES.len())],
                    ["", " ", "é", "0"][next(4)],
                ]
            })
            .collect();
        // `\u007b` stays as it is spelt: these are the bytes of a JSON string.
        let arguments = format!(r#"{{"{text}":"{text}", "n": 1.50e+01}}"#);
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"api__hello","arguments":{arguments}}}}}"#
        );
        let reply = client.post_raw(body).await;
        assert_eq!(reply.text(), answer, "{arguments}");
        let sent = server.requests_for("tools/call").pop().unwrap();
        assert_eq!(
            sent.header("x-key"),
            Some(&*format!("k={SECRET}")),
            "filled once"
        );
        let raw = String::from_utf8(sent.raw).unwrap();
        assert!(
            raw.contains(&format!(r#""arguments":{arguments}"#)),
            "{arguments} became {raw}"
        );
    }
}

/// The classes of member names that a parser which folds case would take for ours: refused, never read otherwise.
#[tokio::test]
async fn cve_2026_27896_members_are_read_in_exact_case() {
    let (setup, server) = world().await;
    let mut client = setup.client();
    client.initialize().await;
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"api__hello"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"METHOD":"tools/call","params":{"name":"api__hello"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","Params":{"name":"api__hello"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"api__no","Name":"api__hello"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","param\u017f":{"name":"api__hello"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"api__hello","argument\u017f":{}}}"#,
        r#"{"JSONRPC":"2.0","id":1,"method":"tools/call","params":{"name":"api__hello"}}"#,
    ] {
        let reply = client.post_raw(body).await;
        assert_eq!(
            reply.json()["error"]["code"],
            -32600,
            "{body}: {:?}",
            reply.body
        );
    }
    assert_eq!(server.calls("hello"), 0);
}

/// S-31: what was checked is what is sent: numbers keep their text, members their order, strings their escapes.
#[tokio::test]
async fn s31_numbers_and_order_are_sent_as_they_came() {
    let (setup, server) = world().await;
    let mut client = setup.client();
    client.initialize().await;
    let arguments = r#"{"z":1.0,"a":1e300,"big":123456789012345678901234567890,"neg":-0,"e":1E+2,"s":"\u0041\/","o":{"b":1,"B":2}}"#;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"api__hello","arguments":{arguments}}}}}"#
    );
    assert_eq!(client.post_raw(body).await.text(), "hi");
    let raw = server.requests_for("tools/call").pop().unwrap().raw;
    assert!(String::from_utf8(raw).unwrap().contains(arguments));
}

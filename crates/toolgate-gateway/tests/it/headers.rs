//! Headers that repeat the body: checked towards clients, built anew towards servers (P5.11 to P5.13, P8.15 to
//! P8.17, behaviour 14).

use serde_json::{Value, json};
use toolgate_testkit::{Reply, Running, Server, mirrored};

use crate::setup::{Setup, names};
use crate::wire::started;

/// A tool whose arguments are repeated in headers, one of them deep inside.
fn annotated() -> Value {
    json!({
        "name": "route",
        "inputSchema": {
            "type": "object",
            "properties": {
                "region": {"type": "string", "x-mcp-header": "Region"},
                "count": {"type": "integer", "x-mcp-header": "Count"},
                "dry": {"type": "boolean", "x-mcp-header": "Dry"},
                "deep": {"type": "object", "properties": {
                    "id": {"type": "string", "x-mcp-header": "Deep-Id"},
                }},
                "plain": {"type": "string"},
            },
        },
    })
}

async fn server(setup: &Setup) -> Running {
    let server = Server::new().modern().tool_definition(annotated(), "ok");
    let server = server.start().await;
    setup.link("new", &server).await;
    server
}

/// Calls with exactly these headers beside the usual ones.
async fn call(setup: &Setup, arguments: &str, headers: &[(&str, &str)]) -> Reply {
    let body = json!({"name": "new__route", "arguments": {}});
    let (mut client, message) = setup.client().modern_message("tools/call", body);
    for (name, value) in headers {
        client.set_header(name, value);
    }
    // As text, so that numbers stay as they are written.
    let message = message.to_string();
    let body = message.replace("\"arguments\":{}", &format!("\"arguments\":{arguments}"));
    client.post_raw(body).await
}

#[tokio::test]
async fn b14_p5_13_headers_must_repeat_the_arguments() {
    let setup = Setup::new().await;
    let server = server(&setup).await;
    let region = ("mcp-param-region", "eu");
    let accepted: &[(&str, &[(&str, &str)])] = &[
        ("{}", &[]),
        (r#"{"region":"eu"}"#, &[region]),
        (r#"{"region":"eu"}"#, &[("Mcp-Param-REGION", "eu")]),
        (
            r#"{"region":"eu"}"#,
            &[("mcp-param-region", "=?base64?ZXU=?=")],
        ),
        (
            r#"{"region":"Grüße"}"#,
            &[("mcp-param-region", "=?base64?R3LDvMOfZQ==?=")],
        ),
        (r#"{"region":null}"#, &[]),
        (r#"{"count":42}"#, &[("mcp-param-count", "42")]),
        (r#"{"count":42}"#, &[("mcp-param-count", "42.0")]),
        (r#"{"count":42.0}"#, &[("mcp-param-count", "42")]),
        (
            r#"{"count":9007199254740993}"#,
            &[("mcp-param-count", "9007199254740993")],
        ),
        (r#"{"dry":true}"#, &[("mcp-param-dry", "true")]),
        (r#"{"deep":{"id":"x"}}"#, &[("mcp-param-deep-id", "x")]),
        (r#"{"plain":"p"}"#, &[("mcp-param-plain", "something else")]),
        (r#"{"plain":"p"}"#, &[("mcp-param-nobody", "knows")]),
    ];
    for (arguments, headers) in accepted {
        let reply = call(&setup, arguments, headers).await;
        assert_eq!(
            reply.text(),
            "ok",
            "{arguments} {headers:?}: {:?}",
            reply.body
        );
    }
    let calls = server.calls("route");
    let refused: &[(&str, &[(&str, &str)])] = &[
        (r#"{"region":"eu"}"#, &[]),
        (r#"{"region":"eu"}"#, &[("mcp-param-region", "EU")]),
        (
            r#"{"region":"eu"}"#,
            &[("mcp-param-region", "=?base64?ZX?=")],
        ),
        (r#"{"region":null}"#, &[region]),
        ("{}", &[region]),
        (r#"{"count":42}"#, &[]),
        (r#"{"count":42}"#, &[("mcp-param-count", "43")]),
        (
            r#"{"count":9007199254740993}"#,
            &[("mcp-param-count", "9007199254740992")],
        ),
        (r#"{"dry":true}"#, &[("mcp-param-dry", "True")]),
        (r#"{"deep":{"id":"x"}}"#, &[]),
        (r#"{"deep":{"id":"x"}}"#, &[("mcp-param-deep-id", "y")]),
    ];
    for (arguments, headers) in refused {
        let reply = call(&setup, arguments, headers).await;
        assert_eq!(
            reply.status, 400,
            "{arguments} {headers:?}: {:?}",
            reply.body
        );
        let code = &reply.message()["error"]["code"];
        assert_eq!(code, -32020, "{arguments} {headers:?}");
    }
    assert_eq!(server.calls("route"), calls, "nothing went upstream");
}

#[tokio::test]
async fn b14_p8_17_headers_towards_servers_are_built_from_the_body() {
    let setup = Setup::new().await;
    let server = server(&setup).await;
    let arguments = json!({
        "region": "Grüße", "count": 42, "dry": false, "deep": {"id": " x "}, "plain": "p",
    });
    // A client of an older revision knows nothing of all this.
    let mut client = started(&setup, "2025-06-18").await;
    let reply = client.call("new__route", arguments.clone()).await;
    assert_eq!(reply.text(), "ok", "{:?}", reply.body);
    let expected = [
        ("mcp-method", "tools/call"),
        ("mcp-name", "route"),
        ("mcp-param-region", "=?base64?R3LDvMOfZQ==?="),
        ("mcp-param-count", "42"),
        ("mcp-param-dry", "false"),
        ("mcp-param-deep-id", "=?base64?IHgg?="),
    ];
    let check = |server: &Running| {
        let sent = server.requests_for("tools/call").pop().unwrap();
        for (name, value) in expected {
            assert_eq!(sent.header(name), Some(value), "{name}");
        }
        let params = sent
            .headers
            .keys()
            .filter(|name| name.starts_with("mcp-param"));
        assert_eq!(params.count(), 4, "P5.13: nothing else is repeated");
        assert_eq!(sent.body["params"]["arguments"], arguments);
    };
    check(&server);
    // A modern client's own headers are not passed on but built anew.
    let headers = [
        ("mcp-param-region", "=?base64?R3LDvMOfZQ==?="),
        ("mcp-param-count", "42.0"),
        ("mcp-param-dry", "false"),
        ("mcp-param-deep-id", "=?base64?IHgg?="),
        ("mcp-param-plain", "mine"),
    ];
    let reply = call(&setup, &arguments.to_string(), &headers).await;
    assert_eq!(reply.text(), "ok", "{:?}", reply.body);
    check(&server);
    let reply = client
        .call("new__route", json!({"region": null, "count": 1}))
        .await;
    assert_eq!(reply.text(), "ok");
    let sent = server.requests_for("tools/call").pop().unwrap();
    assert_eq!(sent.header("mcp-param-region"), None, "null is omitted");
}

#[tokio::test]
async fn b14_p8_15_names_no_header_can_carry_arrive_in_their_own_form() {
    let setup = Setup::new().await;
    let odd = ["größe", "a b ", "=?base64?x?=", "dir/file"];
    let server = odd.iter().fold(Server::new().modern(), |server, name| {
        server.tool(name, *name)
    });
    let server = server.start().await;
    setup.link("new", &server).await;
    let mut client = setup.client();
    let listed = names(&client.modern("tools/list", json!({})).await);
    assert_eq!(listed.len(), odd.len());
    for (exposed, own) in listed.iter().zip(odd) {
        let params = json!({"name": exposed, "arguments": {}});
        let reply = client.modern("tools/call", params).await;
        assert_eq!(reply.text(), own, "{exposed}: {:?}", reply.body);
        let sent = server.requests_for("tools/call").pop().unwrap();
        assert_eq!(sent.body["params"]["name"], own);
        let header = mirrored(own);
        assert_eq!(sent.header("mcp-name"), Some(&*header), "{own}");
        // The full name is callable as well, in the form that headers carry (P9.3, P5.12).
        let params = json!({"name": format!("new__{own}"), "arguments": {}});
        let reply = client.modern("tools/call", params).await;
        assert_eq!(reply.text(), own, "{:?}", reply.body);
    }
}

#[tokio::test]
async fn b14_p8_15_prompts_and_resources_are_named_as_their_server_knows_them() {
    let setup = Setup::new().await;
    let server = Server::new()
        .modern()
        .capabilities(json!({"prompts": {}, "resources": {}}))
        .method("prompts/list", json!({"prompts": [{"name": "größe"}]}))
        .method("prompts/get", json!({"messages": []}))
        .method("resources/list", json!({"resources": []}))
        .method(
            "resources/read",
            json!({"contents": [{"uri": "test://ä", "text": "x"}]}),
        )
        .start()
        .await;
    setup.link("new", &server).await;
    let mut client = setup.client();
    let list = client.modern("prompts/list", json!({})).await.message();
    let exposed = list["result"]["prompts"][0]["name"].clone();
    client.modern("prompts/get", json!({"name": exposed})).await;
    let sent = server.requests_for("prompts/get").pop().unwrap();
    assert_eq!(sent.header("mcp-name"), Some("=?base64?Z3LDtsOfZQ==?="));
    assert_eq!(sent.body["params"]["name"], "größe");
    let read = json!({"uri": "new+test://ä"});
    let reply = client.modern("resources/read", read).await;
    let uri = &reply.message()["result"]["contents"][0]["uri"];
    assert_eq!(uri, "new+test://ä", "P9.20");
    let sent = server.requests_for("resources/read").pop().unwrap();
    assert_eq!(sent.body["params"]["uri"], "test://ä");
    assert_eq!(sent.header("mcp-name"), Some(&*mirrored("test://ä")));
}

#[tokio::test]
async fn p9_9_annotations_of_older_servers_mean_nothing() {
    let setup = Setup::new().await;
    let server = Server::new()
        .tool_definition(annotated(), "ok")
        .start()
        .await;
    setup.link("new", &server).await;
    let mut client = setup.client();
    let list = client.modern("tools/list", json!({})).await;
    let text = String::from_utf8_lossy(&list.body).into_owned();
    assert!(!text.contains("x-mcp-header"), "{text}");
    let reply = call(&setup, r#"{"region":"eu"}"#, &[]).await;
    assert_eq!(reply.text(), "ok", "{:?}", reply.body);
    let sent = server.requests_for("tools/call").pop().unwrap();
    assert!(
        sent.headers
            .keys()
            .all(|name| !name.starts_with("mcp-param"))
    );
    assert_eq!(sent.header("mcp-name"), None, "nor the name");
}

#[tokio::test]
async fn p9_9_a_tool_with_a_bad_annotation_is_dropped_alone() {
    let setup = Setup::new().await;
    let with = |name: &str, property: Value| json!({"name": name, "inputSchema": {"type": "object", "properties": {"x": property}}});
    let server = Server::new()
        .modern()
        .tool("first", "1")
        .tool_definition(
            with("empty", json!({"type": "string", "x-mcp-header": ""})),
            "x",
        )
        .tool_definition(
            with("space", json!({"type": "string", "x-mcp-header": "a b"})),
            "x",
        )
        .tool_definition(
            with("number", json!({"type": "number", "x-mcp-header": "a"})),
            "x",
        )
        .tool_definition(
            with(
                "items",
                json!({"type": "array", "items": {"type": "string", "x-mcp-header": "a"}}),
            ),
            "x",
        )
        .tool("last", "2")
        .start()
        .await;
    setup.link("new", &server).await;
    let mut client = setup.client();
    let listed = names(&client.modern("tools/list", json!({})).await);
    assert_eq!(listed, ["new__first", "new__last"]);
}

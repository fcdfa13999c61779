//! What reaches a server beside the calls that the gateway knows: methods of its own and trace context
//! (P3.10, P9.69).

use serde_json::{Value, json};
use toolgate_namespace::Prefix;
use toolgate_policy::{Role, ToolRules};
use toolgate_testkit::{Client, Reply, Running, Script, Server};

use crate::setup::{Setup, names};
use crate::wire::{linked, started};

/// A server with a method that the gateway does not know.
fn extended() -> Server {
    Server::new()
        .tool("t", "x")
        .method("vendor/thing", json!({"made": "up", "n": 1}))
}

/// The only server of `default`; listed once, so that it is known what it speaks.
async fn alone(setup: &Setup, server: Server, prefix: Prefix) -> Running {
    let server = server.start().await;
    let scope = setup.scope("default");
    let mut spec = setup.spec(&scope, "only", server.url());
    spec.prefix = prefix;
    setup.add(&scope, &spec).await;
    let list = setup.client().modern("tools/list", json!({})).await;
    assert_eq!(names(&list).len(), 1);
    server
}

/// The same request by a legacy and by a modern client of this token.
async fn ask(setup: &Setup, token: &str, method: &str) -> [Reply; 2] {
    let mut modern = Client::new(&setup.url("default")).bearer(token);
    let mut legacy = modern.clone();
    legacy.initialize().await;
    let params = json!({"x": [1, 2]});
    [
        legacy.rpc(method, &params).await,
        modern.modern(method, params).await,
    ]
}

#[track_caller]
fn check_unknown(reply: &Reply, status: u16, what: &str) {
    let code = &reply.message()["error"]["code"];
    let found = (reply.status, code);
    assert_eq!(found, (status, &json!(-32601)), "{what}: {:?}", reply.body);
}

#[tokio::test]
async fn p3_10_a_server_that_stands_alone_answers_its_own_methods_within_its_era() {
    for is_modern in [false, true] {
        let setup = Setup::new().await;
        let server = if is_modern {
            extended().modern()
        } else {
            extended()
        };
        let server = alone(&setup, server, Prefix::None).await;
        let [legacy, modern] = ask(&setup, &setup.admin_token, "vendor/thing").await;
        let (own, other, status) = if is_modern {
            (modern, legacy, 200)
        } else {
            (legacy, modern, 404)
        };
        assert_eq!(own.status, 200, "{:?}", own.body);
        let result = &own.message()["result"];
        assert_eq!((&result["made"], &result["n"]), (&json!("up"), &json!(1)));
        check_unknown(&other, status, "across eras");
        let sent = server.requests_for("vendor/thing");
        assert_eq!(sent.len(), 1, "only within its era");
        assert_eq!(sent[0].body["params"]["x"], json!([1, 2]), "as it came");
        // What the server does not know either is unknown in the manner of the client's era.
        let [legacy, modern] = ask(&setup, &setup.admin_token, "vendor/no-such").await;
        check_unknown(&legacy, 200, "legacy");
        check_unknown(&modern, 404, "modern");
        assert_eq!(server.requests_for("vendor/no-such").len(), 1);
    }
}

#[tokio::test]
async fn p3_10_nobody_else_is_asked_what_nobody_can_judge() {
    for is_modern in [false, true] {
        let server = || {
            if is_modern {
                extended().modern()
            } else {
                extended()
            }
        };
        let refused = async |setup: &Setup, token: &str, what: &str, servers: &[&Running]| {
            let [legacy, modern] = ask(setup, token, "vendor/thing").await;
            check_unknown(&legacy, 200, what);
            check_unknown(&modern, 404, what);
            for server in servers {
                assert!(server.requests_for("vendor/thing").is_empty(), "{what}");
            }
        };
        let setup = Setup::new().await;
        let prefixed = alone(&setup, server(), Prefix::Slug).await;
        refused(&setup, &setup.admin_token, "a prefix", &[&prefixed]).await;

        let setup = Setup::new().await;
        let only = alone(&setup, server(), Prefix::None).await;
        let scope = setup.scope("default");
        let (reader, _) = setup
            .token(&scope, |token| token.role = Role::ReadOnly)
            .await;
        let rules = ToolRules::parse(["t"]).unwrap();
        let (narrow, _) = setup.token(&scope, |token| token.rules = rules).await;
        refused(&setup, &reader, "a read-only token", &[&only]).await;
        refused(&setup, &narrow, "a token with tool rules", &[&only]).await;
        let (free, _) = setup.token(&scope, |_| {}).await;
        let answers = ask(&setup, &free, "vendor/thing").await;
        let done = answers
            .iter()
            .filter(|reply| reply.message()["result"].is_object());
        assert_eq!(done.count(), 1, "a token that may do everything");

        let setup = Setup::new().await;
        let first = alone(&setup, server(), Prefix::None).await;
        let second = linked(&setup, "second", server()).await;
        setup.client().modern("tools/list", json!({})).await;
        refused(
            &setup,
            &setup.admin_token,
            "two servers",
            &[&first, &second],
        )
        .await;
    }
}

#[tokio::test]
async fn p9_69_trace_context_arrives_in_meta_and_baggage_does_not() {
    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const META: &str = "00-11111111111111111111111111111111-2222222222222222-01";
    let setup = Setup::new().await;
    let echo = || Server::new().tool("echo", Script::new().echo());
    let old = linked(&setup, "old", echo()).await;
    let new = linked(&setup, "new", echo().modern()).await;
    let traced = |client: Client| {
        client
            .header("traceparent", HEADER)
            .header("tracestate", "a=1")
            .header("baggage", "user=ada")
    };
    for (slug, server) in [("old", &old), ("new", &new)] {
        let tool = format!("{slug}__echo");
        let own = json!({"traceparent": META, "tracestate": "b=2", "baggage": "user=eve"});
        let cases: [(Value, &str, &str); 2] = [(json!({}), HEADER, "a=1"), (own, META, "b=2")];
        for (meta, parent, state) in cases {
            let params = json!({"name": tool, "arguments": {}, "_meta": meta});
            let mut legacy = traced(started(&setup, "2025-11-25").await);
            legacy.rpc("tools/call", &params).await;
            traced(setup.client()).modern("tools/call", params).await;
            for sent in server.requests_for("tools/call").iter().rev().take(2) {
                let meta = &sent.body["params"]["_meta"];
                assert_eq!(meta["traceparent"], parent, "{tool}: {meta}");
                assert_eq!(meta["tracestate"], state, "{tool}: {meta}");
                assert!(meta.get("baggage").is_none(), "{tool}: {meta}");
                for header in ["baggage", "traceparent", "tracestate"] {
                    assert_eq!(sent.header(header), None, "{tool}");
                }
            }
        }
        assert_eq!(server.calls("echo"), 4);
    }
}

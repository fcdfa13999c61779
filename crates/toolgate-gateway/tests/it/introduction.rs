//! What a workspace says of itself: instructions and `server/discover` (P9.31, P9.32, P6.2).

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolgate_namespace::Prefix;
use toolgate_testkit::{Recorded, Server};

use crate::setup::{Setup, names};
use crate::wire::started;

async fn instructions(setup: &Setup) -> [Value; 2] {
    let hello = setup.client().initialize().await.message();
    let discovered = setup.client().modern("server/discover", json!({})).await;
    let discovered = discovered.message();
    [
        hello["result"]["instructions"].clone(),
        discovered["result"]["instructions"].clone(),
    ]
}

#[tokio::test]
async fn p9_31_instructions_stand_under_the_slug_of_their_server() {
    let setup = Setup::new().await;
    let old = Server::new().tool("t", "x").instructions("Be kind.");
    let new = Server::new()
        .modern()
        .tool("t", "x")
        .instructions("Be quick.");
    let silent = Server::new().tool("t", "x");
    let (old, new) = (old.start().await, new.start().await);
    let silent = silent.start().await;
    setup.link("old", &old).await;
    setup.link("silent", &silent).await;
    setup.link("new", &new).await;
    for text in instructions(&setup).await {
        let text = text.as_str().unwrap();
        let (preface, rest) = text.split_once("\n\n## old\n\n").unwrap();
        assert!(preface.contains("__"), "the prefix is explained: {preface}");
        assert_eq!(rest, "Be kind.\n\n## new\n\nBe quick.");
    }
}

#[tokio::test]
async fn p9_31_what_is_too_long_is_cut_and_marked() {
    let setup = Setup::new().await;
    let mut servers = Vec::new();
    for slug in ["a", "b", "c", "d", "e", "f"] {
        let long = slug.repeat(6000);
        let server = Server::new().tool("t", "x").instructions(&long);
        let server = server.start().await;
        setup.link(slug, &server).await;
        servers.push(server);
    }
    for text in instructions(&setup).await {
        let text = text.as_str().unwrap();
        assert!(text.len() <= 16 * 1024, "{}", text.len());
        let of_a = text.matches('a').count();
        assert!((3500..=4200).contains(&of_a), "4 KiB each: {of_a}");
        assert!(text.contains("aaa [cut]\n\n## b\n\n"), "cut marked");
        assert!(text.ends_with(" [cut]"), "in all as well");
    }
}

#[tokio::test]
async fn p9_31_a_server_without_prefix_speaks_for_itself() {
    for given in [Some("Verbatim,\n  with space. "), None] {
        let setup = Setup::new().await;
        let mut server = Server::new().tool("t", "x");
        if let Some(text) = given {
            server = server.instructions(text);
        }
        let server = server.start().await;
        let scope = setup.scope("default");
        let mut spec = setup.spec(&scope, "only", server.url());
        spec.prefix = Prefix::None;
        setup.add(&scope, &spec).await;
        for text in instructions(&setup).await {
            assert_eq!(text, json!(given), "absent where there are none");
        }
    }
}

#[tokio::test]
async fn p9_32_discover_is_the_gateways_own_answer() {
    let setup = Setup::new().await;
    let capabilities = json!({
        "tools": {}, "prompts": {}, "resources": {"subscribe": true}, "logging": {}, "completions": {},
        "tasks": {"list": {}},
    });
    let server = Server::new().capabilities(capabilities).tool("t", "x");
    let server = server.start().await;
    setup.link("old", &server).await;
    let mut client = setup.client();
    client.modern("server/discover", json!({})).await;
    let asked = server.requests().len();
    let reply = client.modern("server/discover", json!({})).await;
    let result = &reply.message()["result"];
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]), "P5.6");
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["ttlMs"], 0);
    assert_eq!(result["cacheScope"], "private");
    let info = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(info["name"], "toolgate");
    let expected = json!({
        "tools": {"listChanged": true},
        "prompts": {"listChanged": true},
        "resources": {"listChanged": true, "subscribe": true},
        "logging": {},
        "completions": {},
    });
    assert_eq!(result["capabilities"], expected, "P9.27, and no `tasks`");
    let later = server.requests();
    let methods: Vec<&str> = later[asked..].iter().map(Recorded::rpc).collect();
    assert!(
        !methods.contains(&"server/discover"),
        "not forwarded: {methods:?}"
    );
    assert!(!methods.contains(&"initialize"), "{methods:?}");
}

#[tokio::test]
async fn b20_servers_that_do_not_answer_hold_up_nothing_but_their_own_lists() {
    let setup = Setup::new().await;
    let hanging = Server::new().delay(Duration::from_hours(1)).start().await;
    let html = Server::new().refuse(502, "<html>no</html>").start().await;
    let good = Server::new().tool("t", "x").start().await;
    setup.link("hanging", &hanging).await;
    let scope = setup.scope("default");
    let refusing = setup.spec(&scope, "refusing", "http://127.0.0.1:9/mcp");
    setup.add(&scope, &refusing).await;
    setup.link("html", &html).await;
    setup.link("good", &good).await;
    // The bounds of the rules are 2.1 s and 5.1 s; a busy machine may need some more.
    let slack = Duration::from_secs(4);
    let begun = Instant::now();
    let mut client = started(&setup, "2025-11-25").await;
    assert!(
        begun.elapsed() < Duration::from_millis(2100) + slack,
        "P6.2"
    );
    let begun = Instant::now();
    assert_eq!(
        client.rpc("ping", &json!({})).await.message()["result"],
        json!({})
    );
    let level = json!({"level": "error"});
    let set = client.rpc("logging/setLevel", &level).await;
    assert_eq!(set.message()["result"], json!({}), "P9.34");
    assert!(begun.elapsed() < slack, "P6.14");
    let begun = Instant::now();
    let list = client.rpc("tools/list", &json!({})).await;
    assert!(
        begun.elapsed() < Duration::from_millis(5100) + slack,
        "R-18"
    );
    assert_eq!(names(&list), ["good__t"]);
    assert_eq!(client.call("good__t", json!({})).await.text(), "x");
}

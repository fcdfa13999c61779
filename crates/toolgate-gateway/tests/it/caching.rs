//! How long lists last and for whom (P9.60 to P9.62, behaviour 23).

use serde_json::json;
use toolgate_policy::ToolRules;
use toolgate_testkit::{Client, Script, Server};

use crate::setup::{Setup, names};
use crate::wire::linked;

#[tokio::test]
async fn p9_60_p9_62_lists_are_private_and_say_how_long_they_last() {
    let setup = Setup::new().await;
    let hinted = |ttl: u64| {
        let list = |member: &str| json!({member: [], "ttlMs": ttl, "cacheScope": "public"});
        Server::new()
            .modern()
            .capabilities(json!({"tools": {}, "prompts": {}, "resources": {}}))
            .tool("t", "x")
            .method("prompts/list", list("prompts"))
            .method("resources/list", list("resources"))
            .method("resources/templates/list", list("resourceTemplates"))
            .method(
                "resources/read",
                json!({"contents": [], "ttlMs": 123_456, "cacheScope": "public"}),
            )
    };
    let mut client = setup.client();
    let ttl = async |client: &mut Client, method: &str| {
        let result = client.modern(method, json!({})).await.message()["result"].clone();
        assert_eq!(result["cacheScope"], "private", "P9.62: {method}");
        assert_eq!(result["resultType"], "complete", "{method}");
        let ttl = result["ttlMs"].as_u64();
        ttl.unwrap_or_else(|| panic!("P9.60: {method}: {result}"))
    };
    let _long = linked(&setup, "long", hinted(600_000)).await;
    for method in ["server/discover", "tools/list", "prompts/list"] {
        ttl(&mut client, method).await;
    }
    let read = client
        .modern("resources/read", json!({"uri": "test://a"}))
        .await;
    let read = &read.message()["result"];
    assert_eq!(
        (&read["ttlMs"], &read["cacheScope"]),
        (&json!(123_456), &json!("private"))
    );
    for method in ["resources/list", "resources/templates/list"] {
        let ttl = ttl(&mut client, method).await;
        assert!((1..=60_000).contains(&ttl), "P9.61: cap of 60 s: {ttl}");
    }
    let _short = linked(&setup, "short", hinted(30_000)).await;
    for method in ["resources/list", "resources/templates/list"] {
        let ttl = ttl(&mut client, method).await;
        assert!((1..=30_000).contains(&ttl), "P9.61: the least: {ttl}");
    }
    let resources = json!({"resources": [{"uri": "old://a", "name": "a"}]});
    let hintless = Server::new()
        .capabilities(json!({"resources": {}}))
        .method("resources/list", resources);
    let _old = linked(&setup, "old", hintless).await;
    assert_eq!(
        ttl(&mut client, "resources/list").await,
        0,
        "P9.61: an older server"
    );
}

#[tokio::test]
async fn p9_60_a_question_has_no_hints() {
    let setup = Setup::new().await;
    let question = json!({"message": "?", "requestedSchema": {"type": "object", "properties": {}}});
    let server = Server::new()
        .modern()
        .capabilities(json!({"resources": {}}))
        .method("resources/list", json!({"resources": []}))
        .method(
            "resources/read",
            Script::new().ask("elicitation/create", question).answers(),
        );
    let _server = linked(&setup, "new", server).await;
    let capabilities = json!({"elicitation": {"form": {}}});
    let meta = json!({"io.modelcontextprotocol/clientCapabilities": capabilities});
    let params = json!({"uri": "test://a", "_meta": meta});
    let reply = setup.client().modern("resources/read", params).await;
    let result = &reply.message()["result"];
    assert_eq!(result["resultType"], "input_required", "{result}");
    for member in ["ttlMs", "cacheScope"] {
        assert!(result.get(member).is_none(), "{member} in {result}");
    }
}

#[tokio::test]
async fn b23_each_token_sees_its_own_of_a_public_list() {
    let setup = Setup::new().await;
    let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
    let public = json!({"tools": [tool("a"), tool("b")], "ttlMs": 60_000, "cacheScope": "public"});
    let server = Server::new().modern().method("tools/list", public);
    let _server = linked(&setup, "new", server).await;
    let scope = setup.scope("default");
    for (rules, expected) in [(["new__a"], "new__a"), (["*b"], "new__b")] {
        let rules = ToolRules::parse(rules).unwrap();
        let (text, _) = setup.token(&scope, |token| token.rules = rules).await;
        let mut client = Client::new(&setup.url("default")).bearer(&text);
        for _ in 0..2 {
            let list = client.modern("tools/list", json!({})).await;
            assert_eq!(names(&list), [expected]);
            assert_eq!(list.message()["result"]["cacheScope"], "private");
            let ttl = list.message()["result"]["ttlMs"].as_u64().unwrap();
            assert!(ttl <= 60_000);
        }
    }
    assert_eq!(
        names(&setup.client().modern("tools/list", json!({})).await).len(),
        2
    );
}

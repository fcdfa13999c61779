//! Tools of the gateway's own: where they stand beside the servers of a workspace.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use toolgate_gateway::{OwnServer, OwnTools};
use toolgate_policy::Role;
use toolgate_protocol::{Json, Revision, ToolDefinition};
use toolgate_testkit::Server;
use toolgate_upstream::{BuiltIn, BuiltInCall};

use crate::setup::{Setup, names};

/// Says who called what.
#[derive(Debug)]
struct Echo;

impl BuiltIn for Echo {
    fn call(&self, call: &BuiltInCall<'_>) -> Bytes {
        let text = format!("{} {}", call.principal, call.tool);
        let result = json!({"content": [{"type": "text", "text": text}]});
        result.to_string().into()
    }
}

async fn setup() -> Setup {
    const OPEN: &str =
        r#"{"name":"open","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#;
    const CLOSED: &str =
        r#"{"name":"closed","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}"#;
    let tool =
        |text| Arc::new(ToolDefinition::parse(Json::literal(text), Revision::LATEST).unwrap());
    Setup::with(|config| {
        config.own_tools = Some(OwnTools::new(move |_| OwnServer {
            server: Arc::new(Echo),
            tools: vec![(tool(OPEN), Role::ReadOnly), (tool(CLOSED), Role::Admin)],
        }));
    })
    .await
}

/// S-40, P4.5: they come last, and a role below the least has neither sight nor use of one.
#[tokio::test]
async fn s40_they_come_last_and_for_their_roles() {
    let server = Server::new().tool("hello", "good day").start().await;
    let setup = setup().await;
    setup.link("a", &server).await;
    let scope = setup.scope("default");
    for role in Role::ALL {
        let (token, row) = setup.token(&scope, |token| token.role = role).await;
        let mut client = toolgate_testkit::Client::new(&setup.url("default")).bearer(&token);
        client.initialize().await;
        let seen = names(&client.rpc("tools/list", &json!({})).await);
        let mut expected = vec!["a__hello", "toolgate__open", "toolgate__closed"];
        expected.retain(|name| match role {
            Role::Admin => true,
            Role::Developer => *name != "toolgate__closed",
            Role::ReadOnly => *name == "toolgate__open",
        });
        assert_eq!(seen, expected, "{role}");
        let said = client.call("toolgate__open", json!({})).await.text();
        assert_eq!(said, format!("{} open", row.id));
        let closed = client.call("toolgate__closed", json!({})).await.message();
        assert_eq!(
            closed["error"].is_null(),
            role == Role::Admin,
            "{role}: {closed}"
        );
    }
}

/// A server that had the name before keeps it, and its tools; when it goes, the gateway's own take its place.
#[tokio::test]
async fn an_older_server_of_the_name_keeps_it() {
    let server = Server::new().tool("open", "from the server").start().await;
    let setup = setup().await;
    let spec = setup.link("toolgate", &server).await;
    let mut client = setup.client();
    client.initialize().await;
    let list = client.rpc("tools/list", &json!({})).await;
    assert_eq!(names(&list), ["toolgate__open"]);
    let said = client.call("toolgate__open", json!({})).await.text();
    assert_eq!(said, "from the server");

    setup.remove(&setup.scope("default"), &spec).await;
    let list = client.rpc("tools/list", &json!({})).await;
    assert_eq!(names(&list), ["toolgate__open", "toolgate__closed"]);
    let said = client.call("toolgate__open", json!({})).await.text();
    assert!(said.ends_with(" open"), "{said}");
}

/// P9.27: a workspace says that it has tools, also where its servers have none.
#[tokio::test]
async fn p9_27_they_are_announced() {
    let server = Server::new()
        .capabilities(json!({"prompts": {}}))
        .start()
        .await;
    let setup = setup().await;
    setup.link("a", &server).await;
    let mut client = setup.client();
    let said = client.initialize().await.message();
    assert_eq!(
        said["result"]["capabilities"]["tools"],
        json!({"listChanged": true}),
        "{said}"
    );
}

//! A policy that changes between the rounds of a call counts from the next one on, and ends what waits (S-41, S-42).

use serde_json::json;
use toolgate_analytics::CallStatus;
use toolgate_policy::ToolRules;
use toolgate_store::TokenChange;
use toolgate_testkit::{Script, Server};

use super::*;
use crate::setup::Setup;

/// Everything but the tool that asks.
fn without_ask() -> TokenChange {
    TokenChange {
        role: None,
        rules: Some(ToolRules::parse(["*", "!*__ask"]).unwrap()),
    }
}

/// The loop that the gateway plays for an older client: it waits for the client's answer, the rules change, and
/// the server does not hear of the call again.
#[tokio::test]
async fn s42_the_next_round_of_a_running_loop_goes_by_the_rules_of_its_time() {
    let setup = Setup::new().await;
    let server = Server::new()
        .modern()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("new", &server).await;
    let scope = setup.scope("default");
    let (text, token) = setup.token(&scope, |_| {}).await;
    let client = legacy_with(&setup, &text, &everything()).await;
    let mut stream = client
        .post_stream(&call_message("mine", "new__ask", json!({})))
        .await;
    let question = patient(stream.next()).await.unwrap();
    assert_eq!(question["method"], "elicitation/create");

    setup.change(&scope, &token, without_ask()).await;
    let taken_back = patient(stream.next()).await.unwrap();
    assert_eq!(taken_back["method"], "notifications/cancelled");
    let end = patient(stream.next()).await.unwrap();
    assert_eq!(end["error"]["code"], -32602, "{end}");
    let answer = json!({"result": accept(json!({}))});
    client.respond(&question["id"], answer).await;
    assert_eq!(patient(stream.next()).await, None);
    assert_eq!(server.calls("ask"), 1, "no second round");
    assert_eq!(setup.records(1).await[0].status, CallStatus::Revoked);
}

/// A loop without questions rests between its rounds.
#[tokio::test]
async fn s42_a_loop_that_only_carries_a_state_ends_when_its_tool_is_blocked() {
    let setup = Setup::new().await;
    let again = json!({"resultType": "input_required", "requestState": "more"});
    let rounds = (0..9).fold(Script::new().result(again.clone()), |script, _| {
        script.then(Script::new().result(again.clone()))
    });
    let server = Server::new().modern().tool("ask", rounds).start().await;
    let spec = setup.link("new", &server).await;
    let scope = setup.scope("default");
    let (text, _) = setup.token(&scope, |_| {}).await;
    let client = legacy_with(&setup, &text, &everything()).await;
    let mut stream = client
        .post_stream(&call_message("mine", "new__ask", json!({})))
        .await;
    let second = |seen: &[toolgate_testkit::Recorded]| {
        seen.iter().filter(|r| r.rpc() == "tools/call").count() >= 2
    };
    patient(server.until_requests(second)).await;
    setup.switch_tool(&scope, &spec, "ask", false).await;
    let end = patient(stream.next()).await.unwrap();
    assert_eq!(end["error"]["code"], -32602, "{end}");
    assert!(server.calls("ask") < 9, "{}", server.calls("ask"));
}

#[tokio::test]
async fn s41_a_parked_call_ends_when_its_tool_is_taken_from_the_token() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool(
            "ask",
            Script::new().ask("elicitation/create", form("?")).hang(),
        )
        .start()
        .await;
    setup.link("old", &server).await;
    let scope = setup.scope("default");
    let (text, token) = setup.token(&scope, |_| {}).await;
    let mut client = Modern::with(&setup, &text);
    let asked = client.call("old__ask", json!({})).await;
    assert_eq!(asked.message()["result"]["resultType"], "input_required");
    setup.change(&scope, &token, without_ask()).await;
    until_cancelled(&server).await;
}

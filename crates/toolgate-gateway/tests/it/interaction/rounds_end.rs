//! Rounds that cannot go on, and calls that are given up between two of them (P11.14 to P11.19).

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_analytics::CallStatus;
use toolgate_testkit::{Script, Server};

use super::*;

/// The call ended as a tool that failed, in a plain sentence that says which server it was.
#[track_caller]
fn assert_gave_up(message: &Value, word: &str) {
    let result = &message["result"];
    assert_eq!(result["isError"], true, "P11.14: {message}");
    let text = result["content"][0]["text"].as_str().unwrap_or_default();
    assert!(text.contains("`new`") && text.contains(word), "{text}");
}

#[tokio::test]
async fn p11_4_a_server_that_asks_again_and_again_is_given_up_after_ten_rounds() {
    let setup = Setup::new().await;
    let asks = |script: Script, _| script.ask("elicitation/create", form("again?"));
    let script = (0..11).fold(Script::new(), asks).text("never");
    let server = Server::new().modern().tool("ask", script).start().await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let call = call_message(1, "new__ask", json!({}));
    let messages = answering(
        &client,
        call.clone(),
        |_| json!({"result": accept(json!({}))}),
    );
    let messages = patient(messages).await;
    assert_eq!(asked_in(&messages).len(), 10);
    assert_gave_up(messages.last().unwrap(), "again and again");
    assert_eq!(setup.records(1).await[0].status, CallStatus::ToolError);
}

#[tokio::test]
async fn p12_1_all_rounds_of_a_call_have_one_deadline() {
    let setup = Setup::new().await;
    let later =
        || Script::new().result(json!({"resultType": "input_required", "requestState": "s"}));
    let script = (0..9).fold(later(), |script, _| script.then(later()));
    let server = Server::new().modern().tool("ask", script).start().await;
    // Longer than any pause between two rounds, shorter than the first four together.
    let limit = Duration::from_millis(2500);
    link_as(&setup, "new", &server, |spec| {
        spec.timeouts.call_max = limit;
    })
    .await;
    let mut client = legacy(&setup).await;
    client.call("new__ask", json!({})).await;
    assert_eq!(setup.records(1).await[0].status, CallStatus::TimedOut);
    let rounds = server.requests_for("tools/call").len();
    assert!((2..=5).contains(&rounds), "{rounds}");
}

#[tokio::test]
async fn p11_5_p12_1_the_time_of_the_client_is_not_the_servers() {
    let setup = Setup::new().await;
    let script = asks_once();
    let server = Server::new().modern().tool("ask", script).start().await;
    let limit = Duration::from_secs(2);
    link_as(&setup, "new", &server, |spec| {
        spec.timeouts.call_max = limit;
    })
    .await;
    let client = legacy(&setup).await;
    let mut stream = client
        .post_stream(&call_message(1, "new__ask", json!({})))
        .await;
    let question = patient(stream.next()).await.unwrap();
    tokio::time::sleep(limit + Duration::from_millis(200)).await;
    let answer = json!({"result": accept(json!({"by": "me"}))});
    client.respond(&question["id"], answer).await;
    let end = patient(stream.next()).await.unwrap();
    assert_eq!(told(&end)["answers"], json!([accept(json!({"by": "me"}))]));
}

#[tokio::test]
async fn p11_15_refused_sampling_and_roots_end_the_call_with_the_clients_words() {
    let setup = Setup::new().await;
    let server = Server::new()
        .modern()
        .tool(
            "model",
            Script::new().ask("sampling/createMessage", sample()),
        )
        .tool("roots", Script::new().ask("roots/list", json!({})))
        .start()
        .await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    for tool in ["new__model", "new__roots"] {
        let call = call_message(1, tool, json!({}));
        let refusal = json!({"error": {"code": -1, "message": "the user said no"}});
        let messages = patient(answering(&client, call.clone(), |_| refusal.clone())).await;
        assert_gave_up(messages.last().unwrap(), "the user said no");
    }
    assert_eq!(
        server.requests_for("tools/call").len(),
        2,
        "no further round"
    );
}

#[tokio::test]
async fn p11_15_what_else_was_open_is_taken_back() {
    let setup = Setup::new().await;
    let script = Script::new().ask_all([
        (json!("e"), "elicitation/create", form("?")),
        (json!("s"), "sampling/createMessage", sample()),
    ]);
    let server = Server::new().modern().tool("ask", script).start().await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let mut form_id = Value::Null;
    let call = call_message(1, "new__ask", json!({}));
    let messages = answering(&client, call.clone(), |question| {
        if question["method"] == "elicitation/create" {
            form_id = question["id"].clone();
            return Value::Null;
        }
        json!({"error": {"code": -1, "message": "no"}})
    });
    let messages = patient(messages).await;
    let withdrawn: Vec<_> = messages
        .iter()
        .filter(|m| m["method"] == "notifications/cancelled")
        .map(|m| m["params"]["requestId"].clone())
        .collect();
    assert_eq!(withdrawn, [form_id], "{messages:?}");
    assert_gave_up(messages.last().unwrap(), "no");
}

#[tokio::test]
async fn p11_18_a_question_the_session_cannot_answer_ends_the_call() {
    let setup = Setup::new().await;
    let prompts = json!({"resultType": "complete", "prompts": [{"name": "p"}]});
    let resources =
        json!({"resultType": "complete", "resources": [{"name": "r", "uri": "test://r"}]});
    let asks = || Script::new().ask("sampling/createMessage", sample());
    let server = Server::new()
        .modern()
        .capabilities(json!({"tools": {}, "prompts": {}, "resources": {}}))
        .method("prompts/list", prompts)
        .method("resources/list", resources)
        .method("prompts/get", asks())
        .method("resources/read", asks())
        .tool("ask", asks())
        .start()
        .await;
    setup.link("new", &server).await;
    let only_forms = json!({"elicitation": {}});
    let mut client = legacy_with(&setup, &setup.admin_token, &only_forms).await;
    let reply = patient(client.call("new__ask", json!({}))).await;
    assert_eq!(reply.messages().len(), 1, "nobody was asked");
    assert_gave_up(&reply.message(), "cannot give");
    let prompt = patient(client.rpc("prompts/get", &json!({"name": "new__p"}))).await;
    assert_eq!(
        prompt.message()["error"]["code"],
        -32603,
        "P11.14: {:?}",
        prompt.body
    );
    client.rpc("resources/list", &json!({})).await;
    let resource = patient(client.rpc("resources/read", &json!({"uri": "test://r"}))).await;
    assert_eq!(
        resource.message()["error"]["code"],
        -32603,
        "P11.14: {:?}",
        resource.body
    );
}

#[tokio::test]
async fn p11_14_a_client_that_takes_only_json_cannot_be_asked() {
    let setup = Setup::new().await;
    let new = Server::new()
        .modern()
        .tool("ask", asks_once())
        .start()
        .await;
    let old = Server::new()
        .streams()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("new", &new).await;
    setup.link("old", &old).await;
    let mut client = legacy(&setup).await.header("accept", "application/json");
    let reply = patient(client.call("new__ask", json!({}))).await;
    assert_gave_up(&reply.message(), "cannot give");
    let reply = patient(client.call("old__ask", json!({}))).await;
    let told = told(&reply.message());
    assert_eq!(
        told["answers"][0]["code"], -32601,
        "the server goes on without: {told}"
    );
    // In the modern era a question is an answer, which JSON carries.
    let mut modern = Modern::new(&setup);
    modern.client.set_header("accept", "application/json");
    for (tool, key) in [("new__ask", "q1"), ("old__ask", "ask-2")] {
        assert_eq!(keys(&modern.call(tool, json!({})).await), [key]);
    }
}

#[tokio::test]
async fn p11_14_bare_requests_cannot_be_asked() {
    let setup = Setup::new().await;
    let new = Server::new()
        .modern()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("new", &new).await;
    let reply = patient(setup.client().call("new__ask", json!({}))).await;
    assert_gave_up(&reply.message(), "cannot give");
}

#[tokio::test]
async fn p11_19_a_cancel_closes_the_round_under_way_at_the_server() {
    let setup = Setup::new().await;
    let script = Script::new().ask("elicitation/create", form("?")).hang();
    let server = Server::new()
        .modern()
        .streams()
        .tool("ask", script)
        .start()
        .await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let mut stream = client
        .post_stream(&call_message("mine", "new__ask", json!({})))
        .await;
    let question = patient(stream.next()).await.unwrap();
    client
        .respond(&question["id"], json!({"result": accept(json!({}))}))
        .await;
    let second = |r: &[toolgate_testkit::Recorded]| {
        r.iter().filter(|r| r.rpc() == "tools/call").count() == 2
    };
    patient(server.until_requests(second)).await;
    assert_eq!(server.aborted(), 0);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "mine"}});
    client.post(&cancel).await;
    patient(server.until_aborted(1)).await;
    assert_eq!(
        patient(stream.next()).await,
        None,
        "no response, and nothing to take back"
    );
    assert_eq!(setup.records(1).await[0].status, CallStatus::Cancelled);
}

#[tokio::test]
async fn s42_revocation_ends_a_call_that_waits_for_its_client() {
    let setup = Setup::new().await;
    let new = Server::new()
        .modern()
        .tool("ask", asks_once())
        .start()
        .await;
    let old = Server::new()
        .streams()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("new", &new).await;
    setup.link("old", &old).await;
    let scope = setup.scope("default");
    let (text, token) = setup.token(&scope, |_| {}).await;
    let client = legacy_with(&setup, &text, &everything()).await;
    let mut streams = Vec::new();
    for tool in ["new__ask", "old__ask"] {
        let mut stream = client
            .post_stream(&call_message(tool, tool, json!({})))
            .await;
        assert_eq!(
            patient(stream.next()).await.unwrap()["method"],
            "elicitation/create"
        );
        streams.push(stream);
    }
    setup.revoke(&scope, &token).await;
    for mut stream in streams {
        assert_eq!(patient(stream.next()).await, None);
    }
    until_cancelled(&old).await;
    assert_eq!(new.calls("ask"), 1);
}

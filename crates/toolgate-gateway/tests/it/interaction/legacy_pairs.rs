//! An older client before an older server: questions pass, under other ids (P11.24, P6.13).

use serde_json::{Value, json};
use toolgate_testkit::{EventStream, OldClient, Running, Script, Server};

use super::*;

async fn asks(id: Value, method: &str, params: Value) -> Running {
    let script = Script::new().ask_all([(id, method, params)]).echo();
    Server::new().streams().tool("ask", script).start().await
}

#[tokio::test]
async fn p11_24_the_client_sees_an_id_of_ours_and_the_server_gets_its_own_back() {
    for id in [json!("u7"), json!(7), json!("gw-1")] {
        let setup = Setup::new().await;
        let url = json!({"mode": "url", "url": "https://example.com/", "message": "go",
            "elicitationId": "e1", "_meta": {"kept": true}});
        let server = asks(id.clone(), "elicitation/create", url.clone()).await;
        link_as(&setup, "old", &server, bare).await;
        let client = legacy(&setup).await;
        let answer = json!({"action": "accept", "_meta": {"kept": [1, 2]}});
        let messages = answering(&client, call_message(5, "ask", json!({})), |question| {
            assert_eq!(question["id"], "gw-1", "P3.6");
            assert_eq!(question["params"], url, "as it came");
            json!({"result": answer})
        });
        let messages = patient(messages).await;
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert_eq!(messages[1]["id"], 5);
        assert_eq!(told(&messages[1])["answers"], json!([answer]));
        assert_eq!(server.answers()[0]["id"], id);
    }
}

#[tokio::test]
async fn p11_15_p11_7_refusals_pass_and_answers_of_another_shape_do_not() {
    let setup = Setup::new().await;
    let server = asks(json!("q"), "sampling/createMessage", sample()).await;
    setup.link("old", &server).await;
    let client = legacy(&setup).await;
    let refusal = json!({"code": -1, "message": "the user said no", "data": {"x": 1}});
    let call = call_message(1, "old__ask", json!({}));
    let messages = answering(&client, call.clone(), |_| json!({"error": refusal}));
    assert_eq!(
        told(&patient(messages).await[1])["answers"],
        json!([refusal])
    );
    let messages = answering(
        &client,
        call.clone(),
        |_| json!({"result": {"role": "assistant"}}),
    );
    let told = told(&patient(messages).await[1]);
    assert_eq!(told["answers"][0]["code"], -32602, "{told}");
}

#[tokio::test]
async fn p6_13_a_cancelled_call_takes_its_questions_back_and_gets_no_answer() {
    let setup = Setup::new().await;
    let old = Server::new()
        .streams()
        .tool("ask", asks_once())
        .start()
        .await;
    let new = Server::new()
        .modern()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    for tool in ["old__ask", "new__ask"] {
        let client = legacy(&setup).await;
        let mut stream = client
            .post_stream(&call_message("mine", tool, json!({})))
            .await;
        let question = patient(stream.next()).await.unwrap();
        let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "mine"}});
        assert_eq!(client.post(&cancel).await.status, 202);
        let withdrawn = patient(stream.next()).await.unwrap();
        assert_eq!(withdrawn["method"], "notifications/cancelled", "{tool}");
        assert_eq!(withdrawn["params"]["requestId"], question["id"], "{tool}");
        assert_eq!(
            patient(stream.next()).await,
            None,
            "{tool}: no response follows"
        );
        let late = json!({"result": accept(json!({}))});
        assert_eq!(client.respond(&question["id"], late).await, 202, "P6.8");
    }
    until_cancelled(&old).await;
    assert!(
        old.answers().is_empty(),
        "a late answer is dropped: {:?}",
        old.answers()
    );
    assert_eq!(new.calls("ask"), 1, "P11.19: no further round");
}

#[tokio::test]
async fn p6_13_a_call_that_ends_takes_back_what_was_not_answered() {
    let setup = Setup::new().await;
    let script = Script::new()
        .ask_in_passing("q", "elicitation/create", form("?"))
        .wait_for("go")
        .text("done without you");
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let client = legacy(&setup).await;
    let mut stream = client
        .post_stream(&call_message(1, "old__ask", json!({})))
        .await;
    let question = patient(stream.next()).await.unwrap();
    server.signal("go");
    let withdrawn = patient(stream.next()).await.unwrap();
    assert_eq!(withdrawn["params"]["requestId"], question["id"]);
    let answer = patient(stream.next()).await.unwrap();
    assert_eq!(answer["result"]["content"][0]["text"], "done without you");
    assert_eq!(patient(stream.next()).await, None);
}

#[tokio::test]
async fn p11_24_what_is_asked_and_told_outside_calls_comes_on_the_general_stream() {
    let setup = Setup::new().await;
    let server = Server::new().streams().tool("hello", "hi").start().await;
    setup.link("old", &server).await;
    let mut client = legacy(&setup).await;
    let mut general = client.get_stream(&[("accept", "text/event-stream")]).await;
    let scope = setup.scope("default");
    let (other, _) = setup.token(&scope, |_| {}).await;
    let mut stranger = legacy_with(&setup, &other, &everything()).await;
    let mut elsewhere = stranger
        .get_stream(&[("accept", "text/event-stream")])
        .await;
    assert_eq!(client.call("old__hello", json!({})).await.text(), "hi");
    // One stream is the gateway's own, which can ask nobody.
    patient(server.until_listeners(2)).await;
    let visit = json!({"mode": "url", "url": "http://example.com/", "message": "go"});
    let refused =
        json!({"jsonrpc": "2.0", "id": 40, "method": "elicitation/create", "params": visit});
    server.send(&refused);
    let answers = until_answered(&server, 2).await;
    let none = |answer: &Value| answer["id"] == 40 && answer["error"].is_object();
    assert!(answers.iter().all(none), "P11.6: {answers:?}");
    let question = json!({"jsonrpc": "2.0", "id": 41, "method": "elicitation/create", "params": form("still there?")});
    server.send(&question);
    let asked = patient(next_but_lists(&mut general)).await;
    assert_eq!(asked["method"], "elicitation/create");
    assert_eq!(asked["params"]["message"], "[old] still there?");
    assert!(asked["id"].as_str().unwrap().starts_with("gw-"));
    client
        .respond(&asked["id"], json!({"result": accept(json!({}))}))
        .await;
    let answers = until_answered(&server, 4).await.split_off(2);
    assert!(
        answers.iter().all(|answer| answer["id"] == 41),
        "{answers:?}"
    );
    let given = answers.iter().find_map(|answer| answer.get("result"));
    assert_eq!(given, Some(&accept(json!({}))), "{answers:?}");
    let complete = json!({"elicitationId": "e1"});
    server.notify("notifications/elicitation/complete", &complete);
    let told = patient(next_but_lists(&mut general)).await;
    assert_eq!(told["method"], "notifications/elicitation/complete");
    assert_eq!(told["params"], complete);
    // Whatever reaches the stranger comes after all that: nothing of it did.
    let own = Server::new().tool("own", "own").start().await;
    setup.link("own", &own).await;
    stranger.rpc("tools/list", &json!({})).await;
    let first = patient(elsewhere.next()).await.unwrap();
    assert_eq!(first["method"], "notifications/tools/list_changed");
}

/// The next message of a stream that is not about changed lists.
async fn next_but_lists(stream: &mut EventStream) -> Value {
    loop {
        let message = stream.next().await.expect("the stream goes on");
        let method = message["method"].as_str().unwrap_or_default();
        if !method.ends_with("list_changed") {
            return message;
        }
    }
}

#[tokio::test]
async fn p11_3_questions_on_the_servers_general_stream_go_to_the_call_under_way() {
    let setup = Setup::new().await;
    let script = Script::new()
        .ask_on_general("general", "elicitation/create", form("?"))
        .echo();
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let client = legacy(&setup).await;
    let call = call_message(1, "old__ask", json!({}));
    let messages = answering(
        &client,
        call.clone(),
        |_| json!({"result": accept(json!({"n": 1}))}),
    );
    let messages = patient(messages).await;
    assert_eq!(
        asked_in(&messages).len(),
        1,
        "on the stream of its call: {messages:?}"
    );
    assert_eq!(
        told(&messages[1])["answers"],
        json!([accept(json!({"n": 1}))])
    );
    let mut modern = Modern::new(&setup);
    let asked = modern.call("old__ask", json!({})).await;
    let said = json!({"general": accept(json!({"n": 2}))});
    let reply = modern.retry("old__ask", json!({}), &asked, said).await;
    assert_eq!(
        told(&reply.message())["answers"],
        json!([accept(json!({"n": 2}))])
    );
}

#[tokio::test]
async fn p11_24_a_client_of_2024_11_05_is_asked_on_its_stream() {
    let setup = Setup::new().await;
    let old = Server::new()
        .streams()
        .tool("ask", asks_once())
        .start()
        .await;
    let new = Server::new()
        .modern()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let mut client = OldClient::connect(&setup.url("default/sse"), &setup.admin_token).await;
    let hello = patient(client.initialize(&everything())).await;
    assert_eq!(
        hello["result"]["protocolVersion"], "2025-11-25",
        "P6.18: {hello}"
    );
    for (n, tool) in (1..).zip(["old__ask", "new__ask"]) {
        client
            .poster
            .post(&call_message("one", tool, json!({})))
            .await;
        let question = patient(next_but_lists(&mut client.stream)).await;
        assert_eq!(question["method"], "elicitation/create", "{question}");
        let twice = client
            .poster
            .post(&call_message("one", tool, json!({})))
            .await;
        assert_eq!(twice.status, 202);
        let refused = patient(next_but_lists(&mut client.stream)).await;
        assert_eq!(refused["error"]["code"], -32600, "P3.5: {refused}");
        let said = json!({"result": accept(json!({"n": n}))});
        client.poster.respond(&question["id"], said).await;
        let answer = patient(next_but_lists(&mut client.stream)).await;
        assert_eq!(answer["id"], "one");
        assert_eq!(told(&answer)["answers"], json!([accept(json!({"n": n}))]));
    }
}

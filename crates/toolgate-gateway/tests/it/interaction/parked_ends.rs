//! How a parked call ends when no retry comes, or a retry that is given up (P11.13, P11.14).

use serde_json::{Value, json};
use toolgate_analytics::CallStatus;
use toolgate_testkit::{Running, Script, Server};

use super::*;

async fn asks_three() -> Running {
    let script = Script::new().ask_all([
        (json!("e"), "elicitation/create", form("?")),
        (json!("s"), "sampling/createMessage", sample()),
        (json!("r"), "roots/list", json!({})),
    ]);
    Server::new()
        .streams()
        .tool("ask", script.hang())
        .start()
        .await
}

/// What a server that waits for answers is told at the end.
#[track_caller]
fn assert_told_the_end(answers: &[Value]) {
    let of = |id: &str| answers.iter().find(|a| a["id"] == id).cloned();
    let of = |id: &str| of(id).unwrap_or_else(|| panic!("no answer to {id} in {answers:?}"));
    assert_eq!(of("e")["result"], json!({"action": "cancel"}));
    for id in ["s", "r"] {
        assert_eq!(of(id)["error"]["code"], -1, "{id}");
        assert_eq!(of(id)["error"]["message"], "cancelled", "{id}");
    }
}

#[tokio::test]
async fn p11_13_revocation_answers_what_is_open_and_cancels_the_call() {
    let setup = Setup::new().await;
    let server = asks_three().await;
    setup.link("old", &server).await;
    let scope = setup.scope("default");
    let (text, token) = setup.token(&scope, |_| {}).await;
    let mut client = Modern::with(&setup, &text);
    let asked = client.call("old__ask", json!({})).await;
    assert_eq!(keys(&asked), ["e", "r", "s"]);
    assert!(server.answers().is_empty());
    setup.revoke(&scope, &token).await;
    assert_told_the_end(&until_answered(&server, 3).await);
    until_cancelled(&server).await;
    let reply = client
        .retry("old__ask", json!({}), &asked, Value::Null)
        .await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn p11_13_shutdown_answers_what_is_open_and_cancels_the_call() {
    let setup = Setup::new().await;
    let server = asks_three().await;
    setup.link("old", &server).await;
    let asked = Modern::new(&setup).call("old__ask", json!({})).await;
    assert_eq!(keys(&asked), ["e", "r", "s"]);
    patient(setup.gateway.shutdown()).await;
    assert_told_the_end(&until_answered(&server, 3).await);
    until_cancelled(&server).await;
}

#[tokio::test]
async fn p11_13_closing_the_stream_of_a_retry_ends_the_call() {
    let setup = Setup::new().await;
    let script = Script::new()
        .ask("elicitation/create", form("?"))
        .progress(1, 2)
        .hang();
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    // Its connection is closed when the answer was read, which is no cancel: it was complete.
    let mut params = client.params("old__ask", json!({}));
    params["_meta"]["progressToken"] = json!("first");
    let asked = patient(client.client.modern("tools/call", params)).await;
    let said = json!({"ask-1": accept(json!({}))});
    let mut params = client.retry_params("old__ask", json!({}), &asked, said);
    params["_meta"]["progressToken"] = json!(1);
    let mut stream = client.client.modern_stream("tools/call", params).await;
    let first = patient(stream.next()).await.unwrap();
    assert_eq!(first["method"], "notifications/progress");
    assert!(cancels(&server).is_empty());
    drop(stream);
    until_cancelled(&server).await;
    let reply = client
        .retry("old__ask", json!({}), &asked, Value::Null)
        .await;
    assert_unusable(&reply, "the call is gone");
}

#[tokio::test]
async fn p11_13_a_given_up_retry_answers_the_questions_it_left_open() {
    let setup = Setup::new().await;
    let script = Script::new()
        .ask_in_passing("first", "elicitation/create", form("?"))
        .wait_for("go")
        .ask("elicitation/create", form("?"))
        .hang();
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("old__ask", json!({})).await;
    let said = json!({"first": accept(json!({}))});
    let params = client.retry_params("old__ask", json!({}), &asked, said);
    let (poster, message) = client.client.modern_message("tools/call", params);
    let retrying = tokio::spawn(async move { poster.post(&message).await });
    until_answered(&server, 1).await;
    assert!(
        !retrying.is_finished(),
        "the server says nothing more for now"
    );
    retrying.abort();
    until_cancelled(&server).await;
    server.signal("go");
}

#[tokio::test]
async fn p11_14_a_modern_client_that_cannot_be_asked_learns_what_to_declare() {
    let setup = Setup::new().await;
    let url = json!({"mode": "url", "url": "https://example.com/", "message": "go", "elicitationId": "e1"});
    let with_tools = json!({"messages": [], "maxTokens": 1, "tools": []});
    let server = Server::new()
        .streams()
        .tool(
            "form",
            Script::new().ask("elicitation/create", form("?")).hang(),
        )
        .tool("url", Script::new().ask("elicitation/create", url).hang())
        .tool(
            "model",
            Script::new().ask("sampling/createMessage", sample()).hang(),
        )
        .tool(
            "tools",
            Script::new()
                .ask("sampling/createMessage", with_tools)
                .hang(),
        )
        .tool("roots", Script::new().ask("roots/list", json!({})).hang())
        .start()
        .await;
    setup.link("old", &server).await;
    let cases = [
        (
            "form",
            json!({"roots": {}}),
            json!({"elicitation": {"form": {}}}),
        ),
        (
            "url",
            json!({"elicitation": {}}),
            json!({"elicitation": {"url": {}}}),
        ),
        ("model", json!({"elicitation": {}}), json!({"sampling": {}})),
        (
            "tools",
            json!({"sampling": {}}),
            json!({"sampling": {"tools": {}}}),
        ),
        ("roots", json!({}), json!({"roots": {}})),
    ];
    let mut client = Modern::new(&setup);
    for (n, (tool, declared, needed)) in (1..).zip(cases) {
        client.capabilities = declared;
        let reply = client.call(&format!("old__{tool}"), json!({})).await;
        let error = &reply.message()["error"];
        assert_eq!(
            (reply.status, &error["code"]),
            (400, &json!(-32021)),
            "{tool}: {error}"
        );
        assert_eq!(error["data"]["requiredCapabilities"], needed, "{tool}");
        assert_eq!(
            until_answered(&server, n).await[n - 1]["error"]["code"],
            -32601,
            "{tool}"
        );
        let cancelled = |r: &[toolgate_testkit::Recorded]| {
            r.iter()
                .filter(|r| r.rpc() == "notifications/cancelled")
                .count()
                == n
        };
        patient(server.until_requests(cancelled)).await;
    }
    assert_eq!(cancels(&server), call_ids(&server));
}

#[tokio::test]
async fn every_round_leaves_its_own_record() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("old__ask", json!({})).await;
    let said = json!({"ask-1": accept(json!({}))});
    client.retry("old__ask", json!({}), &asked, said).await;
    client
        .retry("old__ask", json!({}), &asked, Value::Null)
        .await;
    let rows = setup.records(3).await;
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.status, row.error_code))
        .collect();
    let refused = (CallStatus::Refused, Some(-32602));
    assert_eq!(
        seen,
        [(CallStatus::Asked, None), (CallStatus::Ok, None), refused]
    );
}

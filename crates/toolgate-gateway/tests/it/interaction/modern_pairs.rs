//! A modern client before a modern server: everything passes but the state, which is wrapped (P11.21 to P11.23).

use serde_json::{Value, json};
use toolgate_analytics::CallStatus;
use toolgate_testkit::{Running, Script, Server};

use super::*;

fn input_required(members: Value) -> Value {
    let mut result = members;
    result["resultType"] = json!("input_required");
    result
}

async fn answers(result: Value) -> Running {
    let script = Script::new().result(result).then(Script::new().echo());
    Server::new().modern().tool("ask", script).start().await
}

#[tokio::test]
async fn p11_21_keys_and_members_pass_and_the_servers_state_comes_back_byte_for_byte() {
    let setup = Setup::new().await;
    let state = "\u{7}kept \"as\" it\\is é 🙂 \u{2028} {\"n\":1.0}";
    let requests = json!({
        "any key: ü/%": {"method": "elicitation/create", "params": form("?"), "vendor": {"x": [1]}},
        "model": {"method": "sampling/createMessage", "params": sample()},
    });
    let server = answers(input_required(json!({
        "inputRequests": requests, "requestState": state, "vendor": 1.50,
    })))
    .await;
    link_as(&setup, "new", &server, bare).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("ask", json!({"n": 1})).await;
    assert_eq!(Value::from(questions(&asked)), requests, "as they came");
    assert!(String::from_utf8_lossy(&asked.body).contains("\"vendor\":1.5"));
    let ours = asked.message()["result"]["requestState"].clone();
    assert!(!ours.as_str().unwrap().contains("kept"), "sealed: {ours}");
    let said =
        json!({"any key: ü/%": accept(json!({"big": 9_007_199_254_740_993_u64})), "other": 1});
    let reply = client
        .retry("ask", json!({"n": 1}), &asked, said.clone())
        .await;
    let params = &told(&reply.message())["body"]["params"];
    assert_eq!(params["requestState"], state);
    assert_eq!(
        params["inputResponses"], said,
        "the server judges the answers"
    );
    let rows = setup.records(2).await;
    let seen: Vec<_> = rows.iter().map(|row| row.status).collect();
    assert_eq!(seen, [CallStatus::Asked, CallStatus::Ok]);
}

#[tokio::test]
async fn p11_6_the_slug_stands_before_elicitation_messages() {
    let setup = Setup::new().await;
    let server = answers(input_required(json!({
        "inputRequests": {"a": {"method": "elicitation/create", "params": form("?"), "vendor": 1}},
    })))
    .await;
    setup.link("new", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("new__ask", json!({})).await;
    let question = &questions(&asked)["a"];
    assert_eq!(question["params"]["message"], "[new] ?");
    assert_eq!(question["vendor"], 1, "P3.12");
    let result = &asked.message()["result"];
    assert!(
        result.get("requestState").is_none(),
        "none was given: {result}"
    );
    let reply = client
        .retry(
            "new__ask",
            json!({}),
            &asked,
            json!({"a": accept(json!({}))}),
        )
        .await;
    let params = &told(&reply.message())["body"]["params"];
    assert!(params.get("requestState").is_none(), "P11.16: {params}");
}

#[tokio::test]
async fn p11_17_a_result_with_a_state_alone_is_the_modern_clients_own_business() {
    let setup = Setup::new().await;
    let server = answers(input_required(json!({"requestState": "later"}))).await;
    setup.link("new", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("new__ask", json!({})).await;
    assert!(questions(&asked).is_empty());
    let reply = client
        .retry("new__ask", json!({}), &asked, Value::Null)
        .await;
    assert_eq!(
        told(&reply.message())["body"]["params"]["requestState"],
        "later"
    );
}

#[tokio::test]
async fn p11_22_a_request_for_input_that_is_not_defined_breaks_the_protocol() {
    let question = json!({"method": "elicitation/create", "params": form("?")});
    let broken = [
        input_required(json!({})),
        input_required(json!({"inputRequests": {}})),
        input_required(json!({"inputRequests": [question]})),
        input_required(json!({"inputRequests": {"a": {"method": "vendor/other", "params": {}}}})),
        input_required(json!({"inputRequests": {"a": "?"}, "requestState": "s"})),
        input_required(json!({"inputRequests": {"a": question}, "requestState": 7})),
        input_required(json!({"requestState": "x".repeat(48 * 1024 + 1)})),
        json!({"resultType": "something_else", "content": []}),
    ];
    for result in broken {
        let setup = Setup::new().await;
        let server = Server::new()
            .modern()
            .tool("ask", result.clone())
            .start()
            .await;
        setup.link("new", &server).await;
        let mut client = Modern::new(&setup);
        let shown = result.to_string();
        let shown = &shown[..shown.len().min(200)];
        let reply = client.call("new__ask", json!({})).await;
        let error = &reply.message()["error"];
        assert_eq!(
            (reply.status, &error["code"]),
            (200, &json!(-33010)),
            "{shown}: {:?}",
            reply.body
        );
        if shown.len() < 200 {
            let reply = legacy(&setup).await.call("new__ask", json!({})).await;
            let error = &reply.message()["error"];
            assert_eq!(error["code"], -32010, "{shown}: {:?}", reply.body);
        }
    }
}

#[tokio::test]
async fn p11_22_completion_may_not_ask() {
    let setup = Setup::new().await;
    let asks = input_required(json!({
        "inputRequests": {"a": {"method": "elicitation/create", "params": form("?")}},
    }));
    let server = Server::new()
        .modern()
        .capabilities(json!({"prompts": {}, "completions": {}}))
        .method(
            "prompts/list",
            json!({"resultType": "complete", "prompts": [{"name": "p"}]}),
        )
        .method("completion/complete", asks)
        .start()
        .await;
    setup.link("new", &server).await;
    let mut params = Modern::new(&setup).params("", json!({}));
    params = json!({"_meta": params["_meta"], "ref": {"type": "ref/prompt", "name": "new__p"},
        "argument": {"name": "a", "value": ""}});
    let reply = patient(setup.client().modern("completion/complete", params)).await;
    assert_eq!(reply.message()["error"]["code"], -33010, "{:?}", reply.body);
}

#[tokio::test]
async fn p11_23_a_question_the_request_did_not_declare_is_never_shown() {
    let setup = Setup::new().await;
    let server = answers(input_required(json!({
        "inputRequests": {
            "fine": {"method": "elicitation/create", "params": form("?")},
            "not": {"method": "sampling/createMessage", "params": sample()},
        },
        "requestState": "s",
    })))
    .await;
    setup.link("new", &server).await;
    let mut client = Modern::new(&setup);
    client.capabilities = json!({"elicitation": {}});
    let reply = client.call("new__ask", json!({})).await;
    let error = &reply.message()["error"];
    assert_eq!(
        (reply.status, &error["code"]),
        (400, &json!(-32021)),
        "{:?}",
        reply.body
    );
    assert_eq!(
        error["data"]["requiredCapabilities"],
        json!({"sampling": {}})
    );
}

#[tokio::test]
async fn p9_23_prompts_ask_and_are_asked_in_turn() {
    let setup = Setup::new().await;
    let server = Server::new()
        .modern()
        .capabilities(json!({"prompts": {}, "tools": {}}))
        .method(
            "prompts/list",
            json!({"resultType": "complete", "prompts": [{"name": "p"}]}),
        )
        .method("prompts/get", asks_once())
        .tool("p", asks_once())
        .start()
        .await;
    setup.link("new", &server).await;
    let mut client = Modern::new(&setup);
    let params = client.params("new__p", json!({"a": "1"}));
    let asked = patient(client.client.modern("prompts/get", params)).await;
    assert_eq!(keys(&asked), ["q1"]);
    let said = json!({"q1": accept(json!({}))});
    let params = client.retry_params("new__p", json!({"a": "1"}), &asked, said);
    let reply = patient(client.client.modern("prompts/get", params)).await;
    assert_eq!(
        told(&reply.message())["answers"],
        json!([accept(json!({}))])
    );
    // The state of a prompt is no state for a tool of the same name.
    let params = client.retry_params("new__p", json!({"a": "1"}), &asked, Value::Null);
    let reply = patient(client.client.modern("tools/call", params)).await;
    assert_unusable(&reply, "of another method");
}

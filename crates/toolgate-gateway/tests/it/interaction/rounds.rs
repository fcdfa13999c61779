//! An older client before a modern server: rounds that the client never sees (section 11.3).

use serde_json::{Value, json};
use toolgate_testkit::{Recorded, Running, Script, Server};

use super::*;

fn asks(requests: Value, state: Option<&str>) -> Script {
    let mut result = json!({"resultType": "input_required"});
    result["inputRequests"] = requests;
    if let Some(state) = state {
        result["requestState"] = json!(state);
    }
    Script::new().result(result)
}

fn question(method: &str, params: Value) -> Value {
    let mut question = json!({"method": method});
    question["params"] = params;
    question
}

async fn modern(tool: Script) -> Running {
    Server::new().modern().tool("ask", tool).start().await
}

fn rounds(server: &Running) -> Vec<Recorded> {
    server.requests_for("tools/call")
}

#[tokio::test]
async fn p11_16_each_round_has_a_new_id_its_own_answers_and_the_exact_state() {
    let setup = Setup::new().await;
    let state = "\u{7}kept \"as\" it\\is é 🙂 \u{2028} {\"n\":1.0}";
    let form = || question("elicitation/create", form("?"));
    let script = asks(json!({"one": form(), "ü/ %": form()}), Some(state))
        .then(asks(json!({"two": form()}), None))
        .then(Script::new().echo());
    let server = modern(script).await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let arguments = json!({"big": 9_007_199_254_740_993_u64, "nested": {"inputResponses": 1}});
    let mut said = 0;
    let messages = answering(
        &client,
        call_message("mine", "new__ask", arguments.clone()),
        |_| {
            said += 1;
            json!({"result": accept(json!({"n": said}))})
        },
    );
    let messages = patient(messages).await;
    assert_eq!(asked_in(&messages).len(), 3, "{messages:?}");
    let answer = messages.last().unwrap();
    assert_eq!(answer["id"], "mine");
    for hidden in ["resultType", "inputRequests", "requestState"] {
        assert!(answer["result"].get(hidden).is_none(), "P6.15: {answer}");
    }
    let rounds = rounds(&server);
    let ids: Vec<u64> = rounds
        .iter()
        .filter_map(|r| r.body["id"].as_u64())
        .collect();
    assert!(
        ids.len() == 3 && ids[0] < ids[1] && ids[1] < ids[2],
        "{ids:?}"
    );
    assert!(
        rounds
            .iter()
            .all(|r| r.body["params"]["arguments"] == arguments)
    );
    let carried = |n: usize| {
        let params = &rounds[n].body["params"];
        (
            params.get("inputResponses").cloned(),
            params.get("requestState").cloned(),
        )
    };
    assert_eq!(carried(0), (None, None));
    let first = json!({"one": accept(json!({"n": 1})), "ü/ %": accept(json!({"n": 2}))});
    assert_eq!(carried(1), (Some(first), Some(json!(state))));
    let second = json!({"two": accept(json!({"n": 3}))});
    assert_eq!(
        carried(2),
        (Some(second), None),
        "nothing of earlier rounds, no state where none was given"
    );
}

#[tokio::test]
async fn p11_16_questions_of_one_round_are_asked_at_once_and_answered_in_any_order() {
    let setup = Setup::new().await;
    let requests = json!({
        "e": question("elicitation/create", form("?")),
        "s": question("sampling/createMessage", sample()),
        "r": question("roots/list", json!({})),
    });
    let server = modern(asks(requests, None).then(Script::new().echo())).await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let mut stream = client
        .post_stream(&call_message(1, "new__ask", json!({})))
        .await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(patient(stream.next()).await.unwrap());
    }
    let model =
        json!({"role": "assistant", "content": {"type": "text", "text": "hm"}, "model": "m"});
    let said = |method: &str| match method {
        "elicitation/create" => json!({"action": "decline"}),
        "sampling/createMessage" => model.clone(),
        _ => json!({"roots": []}),
    };
    for question in asked.iter().rev() {
        let answer = said(question["method"].as_str().unwrap());
        client
            .respond(&question["id"], json!({"result": answer}))
            .await;
    }
    let told = told(&patient(stream.next()).await.unwrap());
    let responses = json!({"e": {"action": "decline"}, "s": model, "r": {"roots": []}});
    assert_eq!(told["body"]["params"]["inputResponses"], responses);
}

#[tokio::test]
async fn p11_6_section_10_a_url_question_gets_an_id_and_messages_the_slug() {
    let setup = Setup::new().await;
    let url = json!({"mode": "url", "url": "https://example.com/", "message": "go"});
    let requests = json!({"u": question("elicitation/create", url)});
    let ask = || asks(requests.clone(), None);
    let done = || Script::new().echo();
    let server = modern(ask().then(done()).then(ask()).then(done())).await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let messages = answering(
            &client,
            call_message(1, "new__ask", json!({})),
            |question| {
                let params = &question["params"];
                assert_eq!(params["message"], "[new] go");
                assert_eq!(params["url"], "https://example.com/");
                ids.push(params["elicitationId"].clone());
                json!({"result": {"action": "accept"}})
            },
        );
        patient(messages).await;
    }
    let parts = |id: &Value| -> Vec<usize> {
        let id = id.as_str().unwrap_or_default();
        id.split('-').map(str::len).collect()
    };
    assert!(
        ids.iter().all(|id| parts(id) == [8, 4, 4, 4, 12]),
        "{ids:?}"
    );
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn p11_17_a_state_alone_is_sent_again_by_itself() {
    let setup = Setup::new().await;
    let later = |state: &str| {
        Script::new().result(json!({"resultType": "input_required", "requestState": state}))
    };
    let script = later("one").then(later("two")).then(Script::new().echo());
    let server = modern(script).await;
    setup.link("new", &server).await;
    let mut client = legacy(&setup).await;
    let reply = patient(client.call("new__ask", json!({}))).await;
    assert_eq!(reply.messages().len(), 1, "the client sees nothing of it");
    let states: Vec<Value> = rounds(&server)
        .iter()
        .map(|round| round.body["params"]["requestState"].clone())
        .collect();
    assert_eq!(states, [Value::Null, json!("one"), json!("two")]);
    let last = &told(&reply.message())["body"]["params"];
    assert!(last.get("inputResponses").is_none(), "{last}");
}

#[tokio::test]
async fn p11_15_an_error_of_the_client_is_a_cancelled_elicitation() {
    let setup = Setup::new().await;
    let requests = json!({"e": question("elicitation/create", form("?"))});
    let server = modern(asks(requests, None).then(Script::new().echo())).await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let refusal = json!({"error": {"code": -1, "message": "no"}});
    let messages = answering(&client, call_message(1, "new__ask", json!({})), |_| {
        refusal.clone()
    });
    let told = told(patient(messages).await.last().unwrap());
    assert_eq!(
        told["body"]["params"]["inputResponses"],
        json!({"e": {"action": "cancel"}})
    );
}

#[tokio::test]
async fn p11_7_an_answer_of_another_shape_counts_as_missing() {
    let setup = Setup::new().await;
    let requests = json!({
        "e": question("elicitation/create", form("?")),
        "r": question("roots/list", json!({})),
    });
    let server = modern(asks(requests, Some("s")).then(Script::new().echo())).await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let messages = answering(
        &client,
        call_message(1, "new__ask", json!({})),
        |question| match question["method"].as_str() {
            Some("roots/list") => json!({"result": {"roots": "none"}}),
            _ => json!({"result": accept(json!({}))}),
        },
    );
    let told = told(patient(messages).await.last().unwrap());
    let params = &told["body"]["params"];
    assert_eq!(params["inputResponses"], json!({"e": accept(json!({}))}));
    assert_eq!(params["requestState"], "s");
}

#[tokio::test]
async fn p11_16_progress_and_logs_of_every_round_reach_the_client() {
    let setup = Setup::new().await;
    let requests = json!({"e": question("elicitation/create", form("?"))});
    let first = json!({"resultType": "input_required", "inputRequests": requests});
    let script = Script::new().progress(1, 2).result(first);
    let script = script.then(Script::new().progress(2, 2).echo());
    let server = Server::new()
        .modern()
        .streams()
        .tool("ask", script)
        .start()
        .await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let mut call = call_message(1, "new__ask", json!({}));
    call["params"]["_meta"] = json!({"progressToken": "mine"});
    let messages = answering(
        &client,
        call.clone(),
        |_| json!({"result": accept(json!({}))}),
    );
    let messages = patient(messages).await;
    let progress: Vec<_> = messages
        .iter()
        .filter(|m| m["method"] == "notifications/progress")
        .map(|m| {
            (
                m["params"]["progressToken"].clone(),
                m["params"]["progress"].clone(),
            )
        })
        .collect();
    assert_eq!(
        progress,
        [(json!("mine"), json!(1)), (json!("mine"), json!(2))],
        "{messages:?}"
    );
}

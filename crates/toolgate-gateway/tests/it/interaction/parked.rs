//! A modern client before an older server: questions in the answer, the call parked meanwhile (section 11.2).

use serde_json::{Value, json};
use toolgate_testkit::{Script, Server};

use super::*;

#[tokio::test]
async fn p11_9_a_question_becomes_the_answer_and_the_retry_goes_on() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("old__ask", json!({"n": 1})).await;
    assert_eq!(asked.status, 200);
    let questions = questions(&asked);
    let question = &questions["ask-1"];
    assert_eq!(question["method"], "elicitation/create");
    assert_eq!(question["params"]["requestedSchema"]["type"], "object");
    let state = asked.message()["result"]["requestState"].clone();
    let state = state.as_str().unwrap();
    assert!(
        state.chars().all(|c| c.is_ascii_graphic()),
        "P11.9: {state}"
    );
    let said = json!({"ask-1": accept(json!({"name": "Ada"}))});
    let reply = client
        .retry("old__ask", json!({"n": 1}), &asked, said)
        .await;
    assert_eq!(
        told(&reply.message())["answers"],
        json!([accept(json!({"name": "Ada"}))])
    );
    assert_eq!(reply.message()["result"]["resultType"], "complete");
    assert_eq!(
        server.calls("ask"),
        1,
        "the retry goes on with the same call"
    );
}

#[tokio::test]
async fn p11_6_the_slug_stands_before_the_message_where_there_are_slugs() {
    let setup = Setup::new().await;
    let script = || {
        Script::new().ask_all([
            (json!("form"), "elicitation/create", form("your name?")),
            (json!("model"), "sampling/createMessage", sample()),
        ])
    };
    let server = Server::new().streams().tool("ask", script()).start().await;
    setup.link("old", &server).await;
    let asked = questions(&Modern::new(&setup).call("old__ask", json!({})).await);
    assert_eq!(asked["form"]["params"]["message"], "[old] your name?");
    assert_eq!(
        asked["model"]["params"],
        sample(),
        "only elicitations have a message to people"
    );
    let setup = Setup::new().await;
    link_as(&setup, "old", &server, bare).await;
    let asked = questions(&Modern::new(&setup).call("ask", json!({})).await);
    assert_eq!(asked["form"]["params"], form("your name?"));
}

#[tokio::test]
async fn p11_8_fair_ids_are_the_keys_and_others_are_numbered() {
    let setup = Setup::new().await;
    let long = "k".repeat(65);
    let ask = |id: Value| (id, "elicitation/create", form("?"));
    let script = Script::new()
        .ask_all([
            ask(json!("user_name")),
            ask(json!("A.b-9")),
            ask(json!(7)),
            ask(json!("#")),
            ask(json!(long)),
        ])
        .echo();
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("old__ask", json!({})).await;
    let keys = keys(&asked);
    assert_eq!(keys.len(), 5);
    for own in ["user_name", "A.b-9"] {
        assert!(keys.contains(&own.to_owned()), "{keys:?}");
    }
    let is_fair = |key: &String| {
        (1..=64).contains(&key.len())
            && key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    assert!(keys.iter().all(is_fair), "{keys:?}");
    // Each answer reaches the question that had its key, whatever the key was made of.
    let said: Value = keys
        .iter()
        .map(|key| (key.clone(), accept(json!({"key": key}))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    client.retry("old__ask", json!({}), &asked, said).await;
    let answers = server.answers();
    assert_eq!(answers.len(), 5);
    let key_of = |id: Value| {
        let answer = answers.iter().find(|answer| answer["id"] == id);
        answer.map(|answer| answer["result"]["content"]["key"].clone())
    };
    assert_eq!(key_of(json!("user_name")), Some(json!("user_name")));
    assert_eq!(key_of(json!("A.b-9")), Some(json!("A.b-9")));
    for id in [json!(7), json!("#")] {
        let key = key_of(id.clone()).unwrap();
        assert!(key.as_str().unwrap().starts_with('r'), "{id}: {key}");
    }
}

#[tokio::test]
async fn p11_11_a_known_answers_go_to_the_server_at_once_and_b_the_rest_is_asked_again() {
    let setup = Setup::new().await;
    let script = Script::new()
        .ask_all([
            (json!("a"), "elicitation/create", form("a?")),
            (json!("b"), "sampling/createMessage", sample()),
            (json!("c"), "roots/list", json!({})),
        ])
        .echo();
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let first = client.call("old__ask", json!({})).await;
    assert_eq!(keys(&first), ["a", "b", "c"]);
    let model =
        json!({"role": "assistant", "content": {"type": "text", "text": "hm"}, "model": "m"});
    let second = client
        .retry(
            "old__ask",
            json!({}),
            &first,
            json!({"b": model, "unknown": {"x": 1}}),
        )
        .await;
    assert_eq!(
        keys(&second),
        ["a", "c"],
        "(b) those still open, (c) unknown keys are ignored"
    );
    let answers = until_answered(&server, 1).await;
    assert_eq!(answers[0]["id"], "b", "(a) passed on at once");
    let state = |reply: &Reply| reply.message()["result"]["requestState"].clone();
    assert_ne!(state(&first), state(&second), "(b) with a new state");
    let third = client
        .retry("old__ask", json!({}), &second, Value::Null)
        .await;
    assert_eq!(
        keys(&third),
        ["a", "c"],
        "(d) no answers: all are asked again"
    );
    let roots = json!({"roots": [{"uri": "file:///x"}]});
    let said = json!({"a": accept(json!({})), "c": roots});
    let done = client.retry("old__ask", json!({}), &third, said).await;
    assert_eq!(
        told(&done.message())["answers"],
        json!([accept(json!({})), model, roots])
    );
}

#[tokio::test]
async fn p11_7_an_answer_of_another_shape_counts_as_missing() {
    let setup = Setup::new().await;
    let script = Script::new()
        .ask_all([
            (json!("e"), "elicitation/create", form("?")),
            (json!("s"), "sampling/createMessage", sample()),
            (json!("r"), "roots/list", json!({})),
        ])
        .echo();
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let mut asked = client.call("old__ask", json!({})).await;
    let wrong = [
        json!({"e": {"action": "perhaps"}, "s": {"role": "assistant"}, "r": {}}),
        json!({"e": {}, "s": {"content": {}, "model": "m"}, "r": {"roots": "none"}}),
        json!({"e": "accept", "s": null, "r": [1]}),
    ];
    for said in wrong {
        asked = client
            .retry("old__ask", json!({}), &asked, said.clone())
            .await;
        assert_eq!(keys(&asked), ["e", "r", "s"], "{said}");
    }
    assert!(
        server.answers().is_empty(),
        "nothing of it reached the server"
    );
    let said = json!({"e": {"action": "decline"}});
    let asked = client.retry("old__ask", json!({}), &asked, said).await;
    assert_eq!(keys(&asked), ["r", "s"], "declining is an answer");
}

#[tokio::test]
async fn p11_11_e_the_retry_brings_its_own_progress_token_log_level_and_capabilities() {
    let setup = Setup::new().await;
    let script = Script::new()
        .ask("elicitation/create", form("?"))
        .progress(1, 2)
        .log("info", "a word")
        .echo();
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let mut params = client.params("old__ask", json!({}));
    params["_meta"]["progressToken"] = json!("first");
    let asked = client.client.modern("tools/call", params).await;
    let said = json!({"ask-1": accept(json!({}))});
    let mut params = client.retry_params("old__ask", json!({}), &asked, said);
    params["_meta"]["progressToken"] = json!(2);
    params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("debug");
    let reply = patient(client.client.modern("tools/call", params)).await;
    let messages = reply.messages();
    let methods: Vec<_> = messages
        .iter()
        .filter_map(|m| m["method"].as_str())
        .collect();
    assert_eq!(
        methods,
        ["notifications/progress", "notifications/message"],
        "{messages:?}"
    );
    assert_eq!(messages[0]["params"]["progressToken"], 2);
    assert_eq!(messages[2]["id"], 2, "and its own id");
}

#[tokio::test]
async fn p11_12_what_the_server_says_while_the_call_is_parked_is_kept_for_the_retry() {
    let setup = Setup::new().await;
    let passing = || {
        let asks = Script::new().ask_in_passing("q", "elicitation/create", form("?"));
        asks.wait_for("go")
    };
    let server = Server::new()
        .streams()
        .tool("ends", passing().text("done"))
        .tool("fails", passing().error(-32000, "broken"))
        .tool("dies", passing().disconnect())
        .start()
        .await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let mut asked = Vec::new();
    for tool in ["old__ends", "old__fails", "old__dies"] {
        let reply = client.call(tool, json!({})).await;
        assert_eq!(keys(&reply), ["q"]);
        asked.push((tool, reply));
    }
    server.signal("go");
    let mut ends = Vec::new();
    for (tool, asked) in &asked {
        // Whatever the answers are: a refusal, or none at all.
        let said = if ends.is_empty() {
            Value::Null
        } else {
            json!({"q": {"action": "decline"}})
        };
        let mut reply = client.retry(tool, json!({}), asked, said).await;
        // The server's last word may still be on its way; meanwhile the question stands.
        while reply.message()["result"]["resultType"] == "input_required" {
            reply = client.retry(tool, json!({}), &reply, Value::Null).await;
        }
        ends.push(reply.message());
    }
    assert_eq!(
        ends[0]["result"]["content"][0]["text"], "done",
        "{}",
        ends[0]
    );
    assert_eq!(ends[1]["error"]["code"], -32000, "{}", ends[1]);
    assert_eq!(
        ends[2]["error"]["data"]["outcome"], "unknown",
        "{}",
        ends[2]
    );
}

#[tokio::test]
async fn p11_10_roots_that_are_asked_right_after_initialized_belong_to_the_call_that_opened_the_session()
 {
    let setup = Setup::new().await;
    let question = json!({"jsonrpc": "2.0", "id": "roots-1", "method": "roots/list"});
    let server = Server::new()
        .streams()
        .greet(question)
        .tool("look", Script::new().wait_for("go").text("looked"))
        .start()
        .await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("old__look", json!({})).await;
    assert_eq!(keys(&asked), ["roots-1"]);
    server.signal("go");
    let roots = json!({"roots": [{"uri": "file:///mine"}]});
    let reply = client
        .retry("old__look", json!({}), &asked, json!({"roots-1": roots}))
        .await;
    assert_eq!(reply.text(), "looked");
    let answers = until_answered(&server, 1).await;
    let given: Vec<_> = answers
        .iter()
        .filter(|a| a["result"]["roots"].is_array())
        .collect();
    assert_eq!(given.len(), 1, "{answers:?}");
    assert_eq!(given[0]["result"], roots, "never invented");
}

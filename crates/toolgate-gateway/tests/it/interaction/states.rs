//! `requestState` is good for one user, one request and one use (P11.9, P11.21, S-44).

use serde_json::{Value, json};
use toolgate_testkit::{Running, Script, Server};

use super::*;

async fn legacy_server() -> Running {
    let tools = Server::new().streams().tool("ask", asks_once());
    tools.tool("other", asks_once()).start().await
}

async fn modern_server() -> Running {
    let tools = Server::new().modern().tool("ask", asks_once());
    tools.tool("other", asks_once()).start().await
}

/// Another text of the same length, one bit away, for each place tried.
fn flipped(state: &str) -> Vec<String> {
    let places = [0, 1, state.len() / 3, state.len() / 2, state.len() - 2];
    let flip = |at: usize| {
        let mut bytes = state.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut texts: Vec<String> = places.into_iter().map(flip).collect();
    texts.extend([
        String::new(),
        "x".into(),
        state[1..].into(),
        format!("{state}A"),
    ]);
    texts
}

async fn only_its_own_request_opens_it(slug: &str, key: &str, server: &Running) {
    let setup = Setup::new().await;
    setup.link(slug, server).await;
    setup.link("twin", server).await;
    let scope = setup.scope("default");
    let elsewhere = setup.workspace("elsewhere");
    setup
        .add(&elsewhere, &setup.spec(&elsewhere, slug, server.url()))
        .await;
    let (ask, other, twin) = (
        format!("{slug}__ask"),
        format!("{slug}__other"),
        "twin__ask",
    );
    let arguments = json!({"a": 1, "b": {"c": [1, 2]}});
    let mut client = Modern::new(&setup);
    let asked = client.call(&ask, arguments.clone()).await;
    let said = json!({key: accept(json!({"by": "me"}))});
    let seen = |server: &Running| server.requests_for("tools/call").len() + server.answers().len();
    let before = seen(server);

    let (token, _) = setup.token(&scope, |_| {}).await;
    let reply = Modern::with(&setup, &token)
        .retry(&ask, arguments.clone(), &asked, said.clone())
        .await;
    assert_unusable(&reply, "another user's");
    let (token, _) = setup.token(&elsewhere, |_| {}).await;
    let mut stranger = Modern::at(&setup.url("elsewhere"), &token);
    let reply = stranger
        .retry(&ask, arguments.clone(), &asked, said.clone())
        .await;
    assert_unusable(&reply, "another workspace's");
    for tool in [&*other, twin] {
        let reply = client
            .retry(tool, arguments.clone(), &asked, said.clone())
            .await;
        assert_unusable(&reply, tool);
    }
    for changed in [
        json!({}),
        json!({"a": 2, "b": {"c": [1, 2]}}),
        json!({"a": 1, "b": {"c": [2, 1]}}),
        json!({"a": "1", "b": {"c": [1, 2]}}),
    ] {
        let reply = client
            .retry(&ask, changed.clone(), &asked, said.clone())
            .await;
        assert_unusable(&reply, &changed.to_string());
    }
    let state = asked.message()["result"]["requestState"].clone();
    for text in flipped(state.as_str().unwrap()) {
        let mut params = client.retry_params(&ask, arguments.clone(), &asked, said.clone());
        params["requestState"] = json!(text);
        let reply = client.client.modern("tools/call", params).await;
        assert_unusable(&reply, &text);
    }
    let mut params = client.retry_params(&ask, arguments.clone(), &asked, said.clone());
    params["requestState"] = json!({"no": "text"});
    assert_unusable(&client.client.modern("tools/call", params).await, "no text");
    assert_eq!(seen(server), before, "nothing of it reached the server");

    // Clients serialise again: other order, other spelling of the same numbers.
    let again: Value = serde_json::from_str(r#"{"b":{"c":[1.0,2e0]},"a":1.0}"#).unwrap();
    let reply = client.retry(&ask, again, &asked, said).await;
    assert_eq!(
        told(&reply.message())["answers"],
        json!([accept(json!({"by": "me"}))])
    );
}

#[tokio::test]
async fn b04_p11_9_the_state_of_a_parked_call_opens_for_its_own_request_only() {
    only_its_own_request_opens_it("old", "ask-1", &legacy_server().await).await;
}

#[tokio::test]
async fn b04_p11_21_a_wrapped_state_opens_for_its_own_request_only() {
    only_its_own_request_opens_it("new", "q1", &modern_server().await).await;
}

#[tokio::test]
async fn b04_p11_9_the_state_of_a_parked_call_is_good_for_one_use() {
    let setup = Setup::new().await;
    let script = Script::new()
        .ask("elicitation/create", form("one?"))
        .ask("elicitation/create", form("two?"))
        .echo();
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let first = client.call("old__ask", json!({})).await;
    let said = json!({"ask-1": accept(json!({"n": 1}))});
    let second = client
        .retry("old__ask", json!({}), &first, said.clone())
        .await;
    assert_eq!(keys(&second), ["ask-2"]);
    let replayed = client.retry("old__ask", json!({}), &first, said).await;
    assert_unusable(&replayed, "only the newest round counts");
    let said = json!({"ask-2": accept(json!({"n": 2}))});
    let done = client
        .retry("old__ask", json!({}), &second, said.clone())
        .await;
    let answers = json!([accept(json!({"n": 1})), accept(json!({"n": 2}))]);
    assert_eq!(told(&done.message())["answers"], answers);
    let replayed = client.retry("old__ask", json!({}), &second, said).await;
    assert_unusable(&replayed, "the call has ended");
}

#[tokio::test]
async fn b04_the_states_of_two_calls_of_one_client_are_never_confused() {
    let setup = Setup::new().await;
    let server = legacy_server().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    // Equal in everything a state is bound to, so that only the handle tells them apart.
    let one = client.call("old__ask", json!({})).await;
    let two = client.call("old__ask", json!({})).await;
    let said = json!({"ask-1": accept(json!({"n": 1})), "ask-2": accept(json!({"n": 2}))});
    let reply = client
        .retry("old__ask", json!({}), &two, said.clone())
        .await;
    assert_eq!(
        told(&reply.message())["answers"],
        json!([accept(json!({"n": 2}))])
    );
    let reply = client.retry("old__ask", json!({}), &one, said).await;
    assert_eq!(
        told(&reply.message())["answers"],
        json!([accept(json!({"n": 1}))])
    );
}

#[tokio::test]
async fn p2_4_another_gateway_on_the_store_serves_a_wrapped_state_and_refuses_a_parked_one() {
    let setup = Setup::new().await;
    let (old, new) = (legacy_server().await, modern_server().await);
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let other = setup.second_gateway().await;
    let mut here = Modern::new(&setup);
    let mut there = Modern::at(&format!("{other}/ws/default"), &setup.admin_token);
    let asked = here.call("new__ask", json!({"n": 1})).await;
    let said = json!({"q1": accept(json!({"by": "me"}))});
    let reply = there.retry("new__ask", json!({"n": 1}), &asked, said).await;
    assert_eq!(
        told(&reply.message())["answers"],
        json!([accept(json!({"by": "me"}))])
    );
    let asked = here.call("old__ask", json!({"n": 1})).await;
    let said = json!({"ask-1": accept(json!({"by": "me"}))});
    let reply = there
        .retry("old__ask", json!({"n": 1}), &asked, said.clone())
        .await;
    assert_unusable(&reply, "the call waits at the other gateway");
    let reply = here.retry("old__ask", json!({"n": 1}), &asked, said).await;
    assert_eq!(
        told(&reply.message())["answers"],
        json!([accept(json!({"by": "me"}))])
    );
}

/// No decoded string holds half a surrogate pair, or tells how a character was escaped.
const HALVES: &str = r#""a\u0062\/\ud800 \ude00\ud83d \uD83D\ude00""#;

/// A server that asks once with a state of halves of surrogate pairs; what it makes of the answer is no matter,
/// for the bytes count.
async fn server_with_halves() -> Running {
    let question =
        r#""inputRequests":{"q":{"method":"elicitation/create","params":{"message":"?"}}}"#;
    let result = format!(r#"{{"resultType":"input_required",{question},"requestState":{HALVES}}}"#);
    let body = format!(r#"{{"jsonrpc":"2.0","id":"$ID","result":{result}}}"#);
    let script = Script::new().raw(200, "application/json", body);
    let script = script.then(Script::new().text("done"));
    let server = Server::new().modern().tool("ask", script);
    server.start().await
}

/// What the server got that came with a state, as it was written.
fn with_a_state(server: &Running) -> Vec<String> {
    let bodies = server.requests().into_iter();
    let texts = bodies.map(|seen| String::from_utf8(seen.raw).unwrap());
    texts.filter(|text| text.contains("requestState")).collect()
}

#[tokio::test]
async fn p3_17_p11_21_a_wrapped_state_comes_back_with_its_lone_surrogates() {
    let setup = Setup::new().await;
    let server = server_with_halves().await;
    setup.link("new", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("new__ask", json!({})).await;
    let said = json!({"q": accept(json!({}))});
    client.retry("new__ask", json!({}), &asked, said).await;
    let seen = with_a_state(&server);
    let expected = format!(r#""requestState":{HALVES}"#);
    assert!(seen.len() == 1 && seen[0].contains(&expected), "{seen:?}");
}

#[tokio::test]
async fn p3_17_p11_16_a_state_comes_back_with_its_lone_surrogates_from_the_loop() {
    let setup = Setup::new().await;
    let server = server_with_halves().await;
    setup.link("new", &server).await;
    let client = legacy(&setup).await;
    let call = call_message(1, "new__ask", json!({}));
    patient(answering(
        &client,
        call,
        |_| json!({"result": accept(json!({}))}),
    ))
    .await;
    let seen = with_a_state(&server);
    let expected = format!(r#""requestState":{HALVES}"#);
    assert!(seen.len() == 1 && seen[0].contains(&expected), "{seen:?}");
}

#[tokio::test]
async fn b04_p11_21_a_state_dies_with_the_server_it_came_from() {
    let setup = Setup::new().await;
    let server = modern_server().await;
    let first = setup.link("new", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("new__ask", json!({})).await;
    setup.remove(&setup.scope("default"), &first).await;
    setup.link("new", &server).await;
    let said = json!({"q1": accept(json!({}))});
    let reply = client.retry("new__ask", json!({}), &asked, said).await;
    assert_unusable(
        &reply,
        "another server of the same slug, even at the same place",
    );
}

//! Many parked calls at once, and the bounds that hold for them (P11.4).

use std::collections::HashSet;

use serde_json::{Value, json};
use toolgate_namespace::HttpKind;
use toolgate_testkit::{Script, Server};

use super::*;

/// The numbers below `count` in an order that is none.
fn shuffled(count: usize, step: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |n| (n * step + 3) % count)
}

#[tokio::test]
async fn b01_p11_9_fifty_parked_calls_each_get_their_own_answer() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("old", &server).await;
    let scope = setup.scope("default");
    let mut clients = Vec::new();
    for _ in 0..10 {
        let (token, _) = setup.token(&scope, |_| {}).await;
        clients.push(Modern::with(&setup, &token));
    }
    let parking = (0..50).map(|n| {
        let mut client = clients[n % 10].clone();
        tokio::spawn(async move { client.call("old__ask", json!({"n": n})).await })
    });
    let parking: Vec<_> = parking.collect();
    let mut parked = Vec::new();
    for parking in parking {
        parked.push(parking.await.unwrap());
    }
    let states: HashSet<String> = parked
        .iter()
        .map(|asked| asked.message()["result"]["requestState"].to_string())
        .collect();
    assert_eq!(states.len(), 50, "each has its own state");
    let retrying = shuffled(50, 17).map(|n| {
        let (mut client, asked) = (clients[n % 10].clone(), parked[n].clone());
        let said: Value = keys(&asked)
            .into_iter()
            .map(|key| (key, accept(json!({"for": n}))))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let retry = async move {
            client
                .retry("old__ask", json!({"n": n}), &asked, said)
                .await
        };
        (n, tokio::spawn(retry))
    });
    let retrying: Vec<_> = retrying.collect();
    for (n, retrying) in retrying {
        let told = told(&retrying.await.unwrap().message());
        assert_eq!(
            told["body"]["params"]["arguments"]["n"], n,
            "the answer of its own call"
        );
        assert_eq!(
            told["answers"][0]["content"]["for"], n,
            "its own words reached the server"
        );
    }
    assert_eq!(server.calls("ask"), 50);
}

#[tokio::test]
async fn p11_3_p11_9_calls_of_many_users_are_parked_over_the_old_transport_and_stdio() {
    let setup = Setup::new().await;
    let server = Server::new()
        .http_sse()
        .tool("ask", asks_once())
        .start()
        .await;
    link_as(&setup, "old", &server, |spec| {
        spec.transport = Transport::Http {
            url: server.url().to_owned(),
            http: HttpKind::Sse,
        };
    })
    .await;
    link_stdio(&setup, "pipe", Isolation::Principal, &[]).await;
    let scope = setup.scope("default");
    let mut parked = Vec::new();
    for n in 0..5 {
        let (token, _) = setup.token(&scope, |_| {}).await;
        for tool in ["old__ask", "pipe__ask"] {
            let mut client = Modern::with(&setup, &token);
            let asked = client.call(tool, json!({"n": n})).await;
            parked.push((client, tool, n, asked));
        }
    }
    for at in shuffled(10, 7) {
        let (client, tool, n, asked) = &mut parked[at];
        let key = keys(asked).remove(0);
        let said = json!({key: accept(json!({"for": n}))});
        let reply = client.retry(tool, json!({"n": n}), asked, said).await;
        let told = told(&reply.message());
        let answer = if *tool == "old__ask" {
            &told["answers"][0]
        } else {
            &told["result"]
        };
        assert_eq!(answer["content"]["for"], *n, "{tool}: {told}");
    }
}

#[tokio::test]
async fn p11_4_the_oldest_of_thirty_three_parked_calls_of_one_token_is_cancelled() {
    let setup = Setup::new().await;
    let server = Server::new()
        .streams()
        .tool("ask", asks_once())
        .start()
        .await;
    setup.link("old", &server).await;
    let scope = setup.scope("default");
    let (other, _) = setup.token(&scope, |_| {}).await;
    let mut other = Modern::with(&setup, &other);
    let of_other = other.call("old__ask", json!({"n": "other"})).await;
    let mut client = Modern::new(&setup);
    let mut parked = Vec::new();
    for n in 0..32 {
        parked.push(client.call("old__ask", json!({"n": n})).await);
    }
    assert!(server.answers().is_empty(), "so many may wait");
    parked.push(client.call("old__ask", json!({"n": 32})).await);
    let answers = until_answered(&server, 1).await;
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0]["id"], keys(&parked[0])[0], "the oldest");
    assert_eq!(answers[0]["result"], json!({"action": "cancel"}));
    let first = |r: &toolgate_testkit::Recorded| r.body["params"]["arguments"]["n"] == 0;
    let calls = server.requests_for("tools/call");
    let id = calls.into_iter().find(first).unwrap().body["id"].clone();
    patient(server.until_requests(|r| r.iter().any(|r| r.rpc() == "notifications/cancelled")))
        .await;
    assert_eq!(cancels(&server), [id]);
    let reply = client
        .retry("old__ask", json!({"n": 0}), &parked[0], Value::Null)
        .await;
    assert_unusable(&reply, "it was cancelled");
    for n in [1, 32] {
        let said = json!({keys(&parked[n])[0].clone(): accept(json!({"for": n}))});
        let reply = client
            .retry("old__ask", json!({"n": n}), &parked[n], said)
            .await;
        assert_eq!(told(&reply.message())["answers"][0]["content"]["for"], n);
    }
    let said = json!({keys(&of_other)[0].clone(): accept(json!({}))});
    let reply = other
        .retry("old__ask", json!({"n": "other"}), &of_other, said)
        .await;
    assert_eq!(
        told(&reply.message())["body"]["params"]["arguments"]["n"],
        "other"
    );
}

#[tokio::test]
async fn p11_4_a_ninth_question_of_one_round_is_refused() {
    let setup = Setup::new().await;
    let ask = |n: usize| (json!(format!("k{n}")), "elicitation/create", form("?"));
    let script = || Script::new().ask_all((1..=9).map(ask)).echo();
    let server = Server::new().streams().tool("ask", script()).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("old__ask", json!({})).await;
    let eight: Vec<String> = (1..=8).map(|n| format!("k{n}")).collect();
    assert_eq!(keys(&asked), eight);
    let answers = until_answered(&server, 1).await;
    assert_eq!(
        (&answers[0]["id"], &answers[0]["error"]["code"]),
        (&json!("k9"), &json!(-32601))
    );
    let mut session = legacy(&setup).await;
    let message = session.request_message("tools/call", &json!({"name": "old__ask"}));
    let messages = answering(
        &session,
        message.clone(),
        |_| json!({"result": accept(json!({}))}),
    );
    assert_eq!(
        asked_in(&patient(messages).await).len(),
        8,
        "older clients as well"
    );
}

#[tokio::test]
async fn p11_4_a_question_over_64_kib_is_refused() {
    let setup = Setup::new().await;
    let script = Script::new()
        .ask("elicitation/create", form(&"x".repeat(64 * 1024)))
        .echo();
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let reply = Modern::new(&setup).call("old__ask", json!({})).await;
    assert_eq!(told(&reply.message())["answers"][0]["code"], -32601);
}

#[tokio::test]
async fn p11_4_an_eleventh_round_ends_the_call() {
    let setup = Setup::new().await;
    let asks = |script: Script, _| script.ask("elicitation/create", form("again?"));
    let script = (0..11).fold(Script::new(), asks).text("never");
    let server = Server::new().streams().tool("ask", script).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let mut asked = client.call("old__ask", json!({})).await;
    for round in 1..=10 {
        let key = keys(&asked).remove(0);
        assert_eq!(key, format!("ask-{round}"));
        let said = json!({key: accept(json!({}))});
        asked = client.retry("old__ask", json!({}), &asked, said).await;
    }
    let result = &asked.message()["result"];
    assert_eq!(result["isError"], true, "{:?}", asked.body);
    assert_eq!(
        until_answered(&server, 11).await[10]["result"],
        json!({"action": "cancel"})
    );
    until_cancelled(&server).await;
}

//! Many calls and questions at once: each answer goes where it belongs (P3.5, P3.6, P11.3).

use std::collections::HashSet;

use serde_json::{Value, json};
use toolgate_testkit::{Client, EventStream, Script, Server};

use super::*;

/// Where an answer is to come from: posts it, and its stream with the question read.
struct Asked {
    client: Client,
    stream: EventStream,
    question: Value,
}

/// Calls a tool and reads the question that comes on its stream.
async fn ask(client: &Client, id: i64, tool: &str, n: usize) -> Asked {
    let mut stream = client
        .post_stream(&call_message(id, tool, json!({"n": n})))
        .await;
    let question = patient(stream.next()).await.unwrap();
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let client = client.clone();
    Asked {
        client,
        stream,
        question,
    }
}

/// Answers all questions in an order that is none, and checks that each call was told its own.
async fn answer_all(mut asked: Vec<Asked>, id: impl Fn(usize) -> i64) {
    let count = asked.len();
    for at in (0..count).map(|n| (n * 3 + 1) % count) {
        let Asked {
            client, question, ..
        } = &asked[at];
        let said = json!({"result": accept(json!({"for": at}))});
        assert_eq!(client.respond(&question["id"], said).await, 202);
    }
    for (n, asked) in asked.iter_mut().enumerate() {
        let answer = patient(asked.stream.next()).await.unwrap();
        assert_eq!(answer["id"], id(n));
        let told = told(&answer);
        assert_eq!(
            told["body"]["params"]["arguments"]["n"], n,
            "its own answer"
        );
        assert_eq!(
            told["answers"][0]["content"]["for"], n,
            "its own words reached its server"
        );
        assert_eq!(patient(asked.stream.next()).await, None, "nothing follows");
    }
}

#[tokio::test]
async fn b02_p11_3_five_calls_of_a_legacy_client_are_asked_on_their_own_streams() {
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
        let mut asked = Vec::new();
        for n in 0..5 {
            asked.push(ask(&client, 10 + n, tool, usize::try_from(n).unwrap()).await);
        }
        let ids: HashSet<_> = asked
            .iter()
            .map(|asked| asked.question["id"].to_string())
            .collect();
        assert_eq!(ids.len(), 5, "P3.6: {ids:?}");
        assert!(
            ids.iter().all(|id| id.starts_with("\"gw-")),
            "P3.6: {ids:?}"
        );
        answer_all(asked, |n| 10 + i64::try_from(n).unwrap()).await;
    }
}

#[tokio::test]
async fn b07_p3_5_sixty_four_clients_that_all_use_id_1_are_asked_and_answered_apart() {
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
    let scope = setup.scope("default");
    let mut asked = Vec::new();
    let mut token = String::new();
    for n in 0..64 {
        if n % 8 == 0 {
            token = setup.token(&scope, |_| {}).await.0;
        }
        let client = legacy_with(&setup, &token, &everything()).await;
        let tool = if n % 2 == 0 { "old__ask" } else { "new__ask" };
        asked.push(ask(&client, 1, tool, n).await);
    }
    answer_all(asked, |_| 1).await;
}

#[tokio::test]
async fn b07_p3_6_answers_that_come_in_another_order_reach_their_calls() {
    let setup = Setup::new().await;
    let words = ["w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7"];
    let held = |server: Server| {
        let tool = |server: Server, word| server.tool(word, Script::new().wait_for(word).echo());
        words.into_iter().fold(server, tool)
    };
    let old = held(Server::new().streams()).start().await;
    let new = held(Server::new().modern()).start().await;
    let sse = held(Server::new().http_sse()).start().await;
    for (slug, server) in [("old", &old), ("new", &new), ("sse", &sse)] {
        setup.link(slug, server).await;
        let client = legacy(&setup).await;
        let calling = words.map(|word| {
            let client = client.clone();
            let message = call_message(1, &format!("{slug}__{word}"), json!({"word": word}));
            tokio::spawn(async move { client.post(&message).await })
        });
        let all = |r: &[toolgate_testkit::Recorded]| {
            r.iter().filter(|r| r.rpc() == "tools/call").count() == words.len()
        };
        patient(server.until_requests(all)).await;
        for at in [5, 2, 7, 0, 3, 6, 1, 4] {
            server.signal(words[at]);
        }
        for (word, calling) in words.into_iter().zip(calling) {
            let reply = patient(calling).await.unwrap();
            assert_eq!(reply.message()["id"], 1);
            let told = told(&reply.message());
            assert_eq!(told["body"]["params"]["arguments"]["word"], word, "{slug}");
        }
        let ids: Vec<u64> = call_ids(server).iter().filter_map(Value::as_u64).collect();
        let different: HashSet<_> = ids.iter().collect();
        assert_eq!(
            different.len(),
            words.len(),
            "P3.6: integers of our own: {ids:?}"
        );
    }
}

#[tokio::test]
async fn p3_6_ids_towards_a_server_are_never_the_clients_and_never_used_twice() {
    let setup = Setup::new().await;
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .start()
        .await;
    setup.link("old", &server).await;
    let client = legacy(&setup).await;
    for id in [
        json!("a"),
        json!(1),
        json!(1),
        json!("1"),
        json!(9_007_199_254_740_993_u64),
    ] {
        let reply = client
            .post(&call_message(id.clone(), "old__echo", json!({})))
            .await;
        assert_eq!(reply.message()["id"], id, "P3.3");
    }
    // One upstream session, from its `initialize` on.
    let ids: Vec<u64> = call_ids(&server).iter().filter_map(Value::as_u64).collect();
    assert_eq!(ids.len(), 5);
    assert!(ids.windows(2).all(|two| two[0] < two[1]), "{ids:?}");
}

#[tokio::test]
async fn p3_5_a_cancel_of_an_id_in_use_twice_means_the_newest_call() {
    let setup = Setup::new().await;
    let script = Script::new().wait_for("go").echo();
    let server = Server::new().streams().tool("wait", script).start().await;
    setup.link("old", &server).await;
    let client = legacy(&setup).await;
    let mut calling = Vec::new();
    for n in 0..2 {
        let (client, message) = (
            client.clone(),
            call_message(1, "old__wait", json!({"n": n})),
        );
        calling.push(tokio::spawn(async move { client.post(&message).await }));
        let here = |r: &[toolgate_testkit::Recorded]| {
            r.iter().any(|r| r.body["params"]["arguments"]["n"] == n)
        };
        patient(server.until_requests(here)).await;
    }
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(client.post(&cancel).await.status, 202);
    patient(server.saw("notifications/cancelled")).await;
    assert_eq!(cancels(&server), [call_ids(&server)[1].clone()]);
    server.signal("go");
    let newest = patient(calling.pop().unwrap()).await.unwrap();
    assert!(newest.body.is_empty(), "{:?}", newest.body);
    let oldest = patient(calling.pop().unwrap()).await.unwrap();
    assert_eq!(
        told(&oldest.message())["body"]["params"]["arguments"]["n"],
        0
    );
}

#[tokio::test]
async fn p11_3_on_a_channel_of_many_calls_the_newest_is_asked_and_the_asker_answered() {
    let setup = Setup::new().await;
    let asks = Script::new()
        .wait_for("ask")
        .ask("elicitation/create", form("?"))
        .echo();
    let server = Server::new()
        .http_sse()
        .tool("ask", asks)
        .tool("wait", Script::new().wait_for("wait").echo())
        .start()
        .await;
    setup.link("old", &server).await;
    let client = legacy(&setup).await;
    let mut streams = Vec::new();
    for (n, tool) in (1..).zip(["ask", "wait"]) {
        let (client, call) = (
            client.clone(),
            call_message(n, &format!("old__{tool}"), json!({})),
        );
        streams.push(tokio::spawn(async move { client.post_stream(&call).await }));
        let arrived =
            |r: &[toolgate_testkit::Recorded]| r.iter().any(|r| r.body["params"]["name"] == tool);
        patient(server.until_requests(arrived)).await;
    }
    server.signal("ask");
    let mut wait = patient(streams.pop().unwrap()).await.unwrap();
    let question = patient(wait.next()).await.unwrap();
    client
        .respond(&question["id"], json!({"result": accept(json!({"n": 1}))}))
        .await;
    let mut ask = patient(streams.pop().unwrap()).await.unwrap();
    let answer = patient(ask.next()).await.unwrap();
    assert_eq!(answer["id"], 1);
    assert_eq!(told(&answer)["answers"], json!([accept(json!({"n": 1}))]));
    server.signal("wait");
    let answer = patient(wait.next()).await.unwrap();
    assert_eq!(answer["id"], 2);
    assert_eq!(told(&answer)["answers"], json!([]));
}

//! What one user causes on a server that others use too is theirs alone (P2.5, P9.36, S-47).

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use toolgate_testkit::{Client, EventStream, Reply};

use super::*;

/// A user of 2025-11-25 who hears everything there is to hear.
struct User {
    client: Client,
    general: EventStream,
}

impl User {
    async fn new(setup: &Setup) -> Self {
        let scope = setup.scope("default");
        let (token, _) = setup.token(&scope, |_| {}).await;
        let mut client = legacy_with(setup, &token, &everything()).await;
        client
            .rpc("logging/setLevel", &json!({"level": "debug"}))
            .await;
        let general = client.get_stream(&[("accept", "text/event-stream")]).await;
        Self { client, general }
    }

    /// A call that wants progress, to be awaited later.
    fn begin(&self, tool: &str) -> JoinHandle<Reply> {
        let mut message = call_message("one", tool, json!({}));
        message["params"]["_meta"] = json!({"progressToken": "mine"});
        let client = self.client.clone();
        tokio::spawn(async move { client.post(&message).await })
    }

    /// Ends the session; what was heard outside calls, but for changed lists, which are everybody's.
    async fn heard(mut self) -> Vec<Value> {
        assert_eq!(self.client.request("DELETE").await.status, 204);
        let mut heard = Vec::new();
        while let Some(message) = patient(self.general.next()).await {
            if message["method"] != "notifications/tools/list_changed" {
                heard.push(message);
            }
        }
        heard
    }
}

/// Waits until a call of `hang` reached the server, by asking it what it saw.
async fn until_hanging(client: &Client) {
    loop {
        let reply = client
            .post(&call_message("look", "pipe__seen", json!({})))
            .await;
        if reply.text().contains("\"hang\"") {
            return;
        }
    }
}

fn cancel(id: &str) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})
}

#[tokio::test]
async fn b10_p2_5_on_a_shared_process_nobody_is_asked_and_nobody_hears_of_others() {
    let setup = Setup::new().await;
    link_stdio(&setup, "pipe", Isolation::Shared, &[]).await;
    let (ann, ben) = (User::new(&setup).await, User::new(&setup).await);
    let waits = ben.begin("pipe__hang");
    until_hanging(&ann.client).await;
    let asked = patient(ann.begin("pipe__ask")).await.unwrap();
    assert_eq!(
        asked.messages().len(),
        1,
        "not even the one who caused it: {:?}",
        asked.body
    );
    assert_eq!(
        told(&asked.message())["error"]["code"],
        -32601,
        "the server is told so"
    );
    let mut modern = Modern::new(&setup);
    let asked = modern.call("pipe__ask", json!({})).await;
    assert_eq!(
        told(&asked.message())["error"]["code"],
        -32601,
        "modern clients neither"
    );
    let progress = patient(ann.begin("pipe__progress")).await.unwrap();
    assert_eq!(progress.text(), "progressed");
    assert!(
        progress.messages().len() > 1,
        "her own progress has her own token"
    );
    for tool in ["pipe__log", "pipe__updated", "pipe__notify"] {
        patient(ann.begin(tool)).await.unwrap();
    }
    assert_eq!(ben.client.post(&cancel("one")).await.status, 202);
    let seen = patient(waits).await.unwrap();
    assert_eq!(
        seen.messages(),
        Vec::<Value>::new(),
        "his call heard nothing of hers"
    );
    assert_eq!(
        ben.heard().await,
        Vec::<Value>::new(),
        "nor did he otherwise"
    );
}

#[tokio::test]
async fn b10_p2_5_with_a_process_for_each_user_each_is_asked_what_they_caused() {
    let setup = Setup::new().await;
    link_stdio(&setup, "pipe", Isolation::Principal, &[]).await;
    let (ann, ben) = (User::new(&setup).await, User::new(&setup).await);
    let waits = ben.begin("pipe__hang");
    until_hanging(&ben.client).await;
    let call = call_message("two", "pipe__ask", json!({}));
    let said = json!({"result": accept(json!({"name": "Ann"}))});
    let messages = answering(&ann.client, call.clone(), |_| said.clone());
    let messages = patient(messages).await;
    assert_eq!(asked_in(&messages).len(), 1, "{messages:?}");
    assert_eq!(
        told(messages.last().unwrap())["result"],
        accept(json!({"name": "Ann"}))
    );
    let log = patient(ann.begin("pipe__log")).await.unwrap();
    let hers = log
        .messages()
        .into_iter()
        .find(|m| m["method"] == "notifications/message");
    assert_eq!(hers.unwrap()["params"]["data"], "a log line");
    assert_eq!(ben.client.post(&cancel("one")).await.status, 202);
    assert_eq!(
        patient(waits).await.unwrap().messages(),
        Vec::<Value>::new()
    );
    assert_eq!(ben.heard().await, Vec::<Value>::new());
}

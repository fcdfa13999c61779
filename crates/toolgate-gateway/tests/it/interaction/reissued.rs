//! -32042: a server that wants URLs visited before it is called again (section 11.2).

use serde_json::{Value, json};
use toolgate_testkit::{Script, Server};

use super::*;

fn wants_url() -> Script {
    let elicitations = json!([
        {"mode": "url", "elicitationId": "e1", "url": "https://example.com/one", "message": "sign in"},
        {"mode": "url", "elicitationId": "e2", "url": "https://example.com/two", "message": "and here"},
    ]);
    Script::new().error_with(-32042, "URL needed", json!({"elicitations": elicitations}))
}

#[tokio::test]
async fn p11_13_a_modern_client_visits_the_urls_and_the_call_is_made_again() {
    let setup = Setup::new().await;
    let server = Server::new()
        .tool("once", wants_url().then(Script::new().echo()))
        .tool("always", wants_url())
        .start()
        .await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    let asked = client.call("old__once", json!({"n": 1})).await;
    let questions: Vec<Value> = questions(&asked).values().cloned().collect();
    assert_eq!(questions.len(), 2);
    for (question, url) in questions
        .iter()
        .zip(["https://example.com/one", "https://example.com/two"])
    {
        assert_eq!(question["method"], "elicitation/create");
        assert_eq!(
            (&question["params"]["mode"], &question["params"]["url"]),
            (&json!("url"), &json!(url))
        );
        assert!(
            question["params"].get("elicitationId").is_none(),
            "section 10: {question}"
        );
    }
    assert_eq!(questions[0]["params"]["message"], "[old] sign in");
    let said = json!({"r1": {"action": "accept"}, "r2": {"action": "accept"}});
    let reply = client
        .retry("old__once", json!({"n": 1}), &asked, said.clone())
        .await;
    let told = told(&reply.message());
    assert_eq!(told["body"]["params"]["arguments"], json!({"n": 1}));
    for member in ["inputResponses", "requestState"] {
        assert!(
            told["body"]["params"].get(member).is_none(),
            "an older server knows no {member}"
        );
    }
    assert_eq!(server.calls("once"), 2, "the call is made again");
    let asked = client.call("old__always", json!({})).await;
    let again = client.retry("old__always", json!({}), &asked, said).await;
    assert!(
        again.message()["error"].is_object(),
        "a second -32042 is an error: {:?}",
        again.body
    );
    assert_ne!(
        again.message()["error"]["code"],
        -32042,
        "which a modern client does not know"
    );
    assert_eq!(server.calls("always"), 2);
}

#[tokio::test]
async fn p11_14_without_url_elicitation_a_modern_client_learns_what_to_declare() {
    let setup = Setup::new().await;
    let server = Server::new().tool("url", wants_url()).start().await;
    setup.link("old", &server).await;
    let mut client = Modern::new(&setup);
    client.capabilities = json!({"elicitation": {"form": {}}});
    let reply = client.call("old__url", json!({})).await;
    let error = &reply.message()["error"];
    assert_eq!((reply.status, &error["code"]), (400, &json!(-32021)));
    assert_eq!(
        error["data"]["requiredCapabilities"],
        json!({"elicitation": {"url": {}}})
    );
}

#[tokio::test]
async fn p4_3_only_2025_11_25_clients_see_the_error_itself() {
    let setup = Setup::new().await;
    let server = Server::new().tool("url", wants_url()).start().await;
    setup.link("old", &server).await;
    for (version, code) in [
        ("2025-11-25", -32042),
        ("2025-06-18", -32603),
        ("2025-03-26", -32603),
    ] {
        let mut client = setup.client();
        client.initialize_as(version, &everything()).await;
        let reply = client.call("old__url", json!({})).await;
        let error = &reply.message()["error"];
        assert_eq!(
            (reply.status, &error["code"]),
            (200, &json!(code)),
            "{version}"
        );
        if code == -32042 {
            assert_eq!(
                error["data"]["elicitations"][1]["elicitationId"], "e2",
                "as it came"
            );
        }
    }
}

//! Tokens that an agent makes and takes back (S-35, S-40, S-41).

use serde_json::json;
use toolgate_testkit::Server;

use super::Managed;
use crate::world::names;

/// S-35, S-41: a token that an agent made works until the agent revokes it; its text is in one answer.
#[tokio::test(flavor = "multi_thread")]
async fn s35_a_token_is_made_shown_once_and_revoked() {
    let server = Server::new().tool("hello", "good day").start().await;
    let managed = Managed::new(&[("s", &server)]);
    let mut agent = managed.agent();
    let made = agent
        .done(
            "create_token",
            json!({"name": "bot", "tools": ["s__*"], "expires_in": "2h", "rate_limit": 50}),
        )
        .await;
    let text = made["token"].as_str().expect("its text").to_owned();
    assert_eq!(
        (&made["role"], &made["rate_limit"]),
        (&json!("developer"), &json!(50))
    );
    assert!(made["expires_at"].is_string());
    let mut bot = managed.client(&text);
    bot.initialize().await;
    assert_eq!(
        names(&bot.rpc("tools/list", &json!({})).await),
        ["s__hello"]
    );

    let listed = agent.result("list_tokens", json!({})).await;
    assert!(listed.to_string().contains("bot") && !listed.to_string().contains(&text));
    let revoked = agent.done("revoke_token", json!({"token": "bot"})).await;
    assert_eq!(
        (&revoked["id"], &revoked["revoked"]),
        (&made["id"], &json!(true))
    );
    assert_eq!(bot.rpc("tools/list", &json!({})).await.status, 401);
}

/// S-40: nobody makes a token that may more, asks more often or lives longer than their own.
#[tokio::test(flavor = "multi_thread")]
async fn s40_no_token_exceeds_its_maker() {
    let managed = Managed::new(&[]);
    let flags = [
        "--role",
        "admin",
        "--tools",
        "toolgate__*,s__*,!s__drop",
        "--expires-in",
        "1h",
        "--rate-limit",
        "100",
    ];
    let narrow = managed.installation.token("team", &flags);
    let mut agent = managed.agent_as(&narrow.token);
    for (arguments, said) in [
        (
            json!({"name": "x", "tools": ["*"]}),
            "not among the tools of your own token",
        ),
        (
            json!({"name": "x", "tools": ["github__*"]}),
            "not among the tools of your own token",
        ),
        (
            json!({"name": "x", "expires_in": "2h"}),
            "outlive your own token",
        ),
        (json!({"name": "x", "rate_limit": 101}), "above your own"),
    ] {
        let refused = agent.refused("create_token", arguments).await;
        assert!(refused.contains(said), "{refused}");
    }
    let made = agent
        .done("create_token", json!({"name": "heir", "role": "admin"}))
        .await;
    assert_eq!(made["tools"], json!(["toolgate__*", "s__*", "!s__drop"]));
    assert_eq!(made["rate_limit"], 100);
    assert!(
        made["expires_at"].as_str() <= narrow.json["expires_at"].as_str(),
        "{made}"
    );
    let made = agent
        .done("create_token", json!({"name": "part", "tools": ["s__*"]}))
        .await;
    assert_eq!(made["tools"], json!(["s__*", "!s__drop"]));
}

/// The token that is spoken with is not cut off by its own word.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_does_not_revoke_itself() {
    let managed = Managed::new(&[]);
    let mut agent = managed.agent();
    let said = agent
        .refused("revoke_token", json!({"token": managed.admin.json["id"]}))
        .await;
    assert!(said.contains("the token you speak with"), "{said}");
    agent.done("whoami", json!({})).await;
}

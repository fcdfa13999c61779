//! People behind a running gateway: invited, let in, removed.

use serde_json::json;
use toolgate_testkit::{Client, Server};

use crate::world::World;

/// S-41, S0: whoever is removed is out with the next request, and nobody else is.
#[tokio::test(flavor = "multi_thread")]
async fn s41_a_removed_members_next_request_fails() {
    let server = Server::new().tool("hello", "good day").start().await;
    let world = World::new(&[("s", &server)]);
    let join = |email: &str| {
        let invite = ["workspace", "member", "invite", "team", email];
        let made = world.installation.json(&invite);
        let code = made["code"].as_str().expect("no mail server is set");
        let joined = world
            .installation
            .json(&["workspace", "member", "accept", code]);
        let token = joined["token"]["token"].as_str();
        token.expect("it is shown once").to_owned()
    };
    let (alice, bob) = (join("alice@example.com"), join("bob@example.com"));
    let mut hers = world.legacy_as(&alice).await;
    let mut his = world.legacy_as(&bob).await;
    for client in [&mut hers, &mut his] {
        let reply = client.call("s__hello", json!({})).await;
        assert_eq!(reply.text(), "good day");
    }
    let listed = || {
        let list = ["workspace", "member", "list", "team"];
        world.installation.lines(&list)
    };

    let remove = ["workspace", "member", "remove", "team", "alice@example.com"];
    let removed = world.installation.json(&remove);
    assert_eq!(
        (&removed["tokens_revoked"], &removed["gateway"]),
        (&json!(1), &json!("applied"))
    );
    let reply = hers.rpc("tools/list", &json!({})).await;
    assert_eq!(reply.status, 401);
    let again = Client::new(&world.url()).bearer(&alice).initialize().await;
    assert_eq!(again.status, 401);
    assert_eq!(his.call("s__hello", json!({})).await.text(), "good day");
    let emails: Vec<_> = listed().iter().map(|one| one["email"].clone()).collect();
    assert_eq!(emails, [json!("bob@example.com")]);
}

/// The list of members knows what their tokens were used for.
#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_member_are_counted_and_named() {
    let server = Server::new().tool("hello", "good day").start().await;
    let world = World::new(&[("s", &server)]);
    let invite = ["workspace", "member", "invite", "team", "alice@example.com"];
    let code = world.installation.json(&invite)["code"].clone();
    let accept = [
        "workspace",
        "member",
        "accept",
        code.as_str().expect("a code"),
    ];
    let joined = world.installation.json(&accept);
    let token = joined["token"]["token"].as_str().expect("a token");
    let mut client = world.legacy_as(token).await;
    for _ in 0..3 {
        client.call("s__hello", json!({})).await;
    }
    // Records are written a moment after the answer.
    while world.records().len() < 3 {
        tokio::task::yield_now().await;
    }
    assert!(
        world
            .records()
            .iter()
            .all(|record| record["member"] == "alice@example.com")
    );
    let members = world
        .installation
        .lines(&["workspace", "member", "list", "team"]);
    assert_eq!(members[0]["calls"], 3, "{members:?}");
    assert!(members[0]["last_active_at"].is_string(), "{members:?}");
    let usage = world.installation.json(&["plan", "usage"]);
    let month = usage["limits"].as_array().expect("limits").iter();
    let calls = month.clone().find(|one| one["limit"] == "calls_per_month");
    assert_eq!(calls.expect("it is listed")["used"], 3, "{usage}");
}

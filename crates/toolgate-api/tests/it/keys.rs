//! Keys that keys make.

use std::time::Duration;

use serde_json::json;

use crate::support::{Setup, code};

const HOUR: u64 = 3_600;

/// S-40: nobody makes a key that outlives their own; one that does not end bounds nobody.
#[tokio::test]
async fn s40_a_key_makes_none_that_outlives_it() {
    let setup = Setup::new().await;
    let life = Some(Duration::from_secs(HOUR));
    let own = setup.admin.create_operator_key("own", life).unwrap();
    let program = setup.by(&own.key).at("/api/keys");
    let refused = program
        .post(&json!({ "name": "long", "expires_in": 2 * HOUR }))
        .await;
    assert_eq!(
        (refused.status, code(&refused).as_str()),
        (403, "forbidden")
    );
    let said = refused.json();
    assert_eq!(said["error"]["message"], "it would outlive your own key");
    let hint = said["error"]["hint"].as_str().unwrap();
    let end = own.expires_at.unwrap();
    assert!(hint.contains(&end) && hint.contains("less time"), "{hint}");
    // Where nothing is said, it ends with its maker.
    let made = program.post(&json!({ "name": "same" })).await;
    assert_eq!(
        (made.status, &made.json()["expires_at"]),
        (201, &json!(end))
    );
    let shorter = program
        .post(&json!({ "name": "short", "expires_in": 60 }))
        .await;
    assert_eq!(shorter.status, 201);
    assert!(shorter.json()["expires_at"].as_str().unwrap() < end.as_str());
    // What the made one makes is bounded in the same way.
    let made = made.json()["key"].as_str().unwrap().to_owned();
    let made = setup.by(&made).at("/api/keys");
    let refused = made
        .post(&json!({ "name": "x", "expires_in": 2 * HOUR }))
        .await;
    assert_eq!(refused.status, 403);
    let free = setup
        .send("POST", "/api/keys", &json!({ "name": "free" }))
        .await;
    assert_eq!(free.json()["expires_at"], json!(null));
}

/// S-40: nor an account, which has no end at all.
#[tokio::test]
async fn s40_a_key_that_ends_invites_nobody_to_the_team() {
    let setup = Setup::new().await;
    let life = Some(Duration::from_secs(HOUR));
    let own = setup.admin.create_operator_key("own", life).unwrap();
    let wanted = json!({ "email": "dora@example.com" });
    let refused = setup.by(&own.key).at("/api/team").post(&wanted).await;
    assert_eq!(
        (refused.status, code(&refused).as_str()),
        (403, "forbidden")
    );
    assert_eq!(setup.send("POST", "/api/team", &wanted).await.status, 201);
}

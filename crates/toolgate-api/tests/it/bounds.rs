//! Nobody makes a token that may more than their own (S-40); over MCP the same bounds are tested with the tools of an
//! installation.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_admin::{NewToken, Role};

use crate::support::{Setup, Team, code, of};

/// An Admin token with some tools, an end and a rate limit.
fn narrow(setup: &Setup, team: &Team) -> String {
    let scope = setup.admin.scope(&team.slug).unwrap();
    let new = NewToken {
        role: Role::Admin,
        tools: ["github__*", "files__*", "!files__drop"]
            .map(Into::into)
            .into(),
        expires_in: Some(Duration::from_hours(1)),
        rate_limit: Some("100".to_owned()),
        ..NewToken::named("narrow")
    };
    setup.admin.create_token(&scope, &new).unwrap().token
}

#[tokio::test]
async fn s40_no_token_exceeds_its_maker() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let maker = narrow(&setup, &team);
    let tokens = of(&team.slug, "/tokens");
    for wanted in [
        json!({ "name": "x", "tools": ["*"] }),
        json!({ "name": "x", "tools": ["slack__*"] }),
        json!({ "name": "x", "expires_in": 7200 }),
        json!({ "name": "x", "rate_limit": 101 }),
        json!({ "name": "x", "rate_limit": "off" }),
    ] {
        let refused = setup.by(&maker).at(&tokens).post(&wanted).await;
        assert_eq!(
            (refused.status, code(&refused).as_str()),
            (403, "forbidden"),
            "{wanted}"
        );
        assert!(refused.json()["error"]["hint"].is_string(), "{wanted}");
    }
    let heir = json!({ "name": "heir", "role": "admin" });
    let heir = setup.by(&maker).at(&tokens).post(&heir).await;
    assert_eq!(heir.status, 201, "{}", heir.json());
    let heir = heir.json();
    assert_eq!(
        heir["tools"],
        json!(["github__*", "files__*", "!files__drop"])
    );
    assert_eq!(heir["rate_limit"], 100);
    assert!(heir["expires_at"].is_string());
    let part = json!({ "name": "part", "tools": ["files__*"], "rate_limit": 5, "expires_in": 60 });
    let part = setup.by(&maker).at(&tokens).post(&part).await.json();
    assert_eq!(part["tools"], json!(["files__*", "!files__drop"]));
}

/// Neither its own nor another token is given what it has not.
#[tokio::test]
async fn s40_no_token_is_widened_beyond_the_one_that_asks() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let maker = narrow(&setup, &team);
    let tokens = of(&team.slug, "/tokens");
    let listed = setup.get(&tokens).await;
    let id_of = |name: &str, role: &str| -> String {
        let mut all = listed["tokens"].as_array().unwrap().iter();
        let found = all.find(|one| one["name"] == name && one["role"] == role);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let own = id_of("narrow", "admin");
    let developer = id_of("somebody", "developer");
    let change = async |id: &str, wanted: Value| {
        let path = format!("{tokens}/{id}");
        let client = setup.by(&maker).at(&path);
        client.send_json("PATCH", &wanted).await
    };
    for (id, wanted) in [
        (&own, json!({ "tools": ["*"] })),
        (&own, json!({ "tools": ["slack__*"] })),
        (&developer, json!({ "tools": ["slack__*"] })),
        // It has every tool, never ends and may ask more often.
        (&developer, json!({ "role": "admin" })),
        (&developer, json!({ "role": "admin", "tools": [] })),
    ] {
        let refused = change(id, wanted.clone()).await;
        assert_eq!(refused.status, 403, "{wanted}: {}", refused.json());
    }
    let tools = change(&own, json!({ "tools": [] })).await.json();
    assert_eq!(
        tools["tools"],
        json!(["github__*", "files__*", "!files__drop"])
    );
    let lowered = change(&developer, json!({ "role": "read-only" })).await;
    assert_eq!(lowered.json()["role"], "read-only");
}

/// An invitation makes a token too.
#[tokio::test]
async fn s40_no_invitation_exceeds_who_invites() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let invitations = of(&team.slug, "/invitations");
    let wanted = json!({ "email": "a@example.com" });
    let refused = setup
        .by(&narrow(&setup, &team))
        .at(&invitations)
        .post(&wanted)
        .await;
    assert_eq!(refused.status, 403, "{}", refused.json());

    let scope = setup.admin.scope(&team.slug).unwrap();
    let new = NewToken {
        role: Role::Admin,
        tools: vec!["github__*".to_owned()],
        ..NewToken::named("some")
    };
    let some = setup.admin.create_token(&scope, &new).unwrap().token;
    let wide = json!({ "email": "a@example.com", "tools": ["*"] });
    assert_eq!(
        setup.by(&some).at(&invitations).post(&wide).await.status,
        403
    );
    let made = setup.by(&some).at(&invitations).post(&wanted).await;
    assert_eq!(made.status, 201, "{}", made.json());
    assert_eq!(made.json()["tools"], json!(["github__*"]));
}

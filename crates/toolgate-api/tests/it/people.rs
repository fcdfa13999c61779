//! Members, invitations and the team, from inviting to removing.

use serde_json::{Value, json};
use toolgate_admin::{Admin, DataDir, MailPassword, NewInvitation, operator};
use toolgate_api::{Proxies, RunConfig};
use toolgate_testkit::Client;

use crate::support::{Setup, code, nothing, of};

#[tokio::test]
async fn a_member_from_inviting_to_removing() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let invitations = of(&team.slug, "/invitations");
    let wanted = json!({ "email": "Alice@example.com", "role": "read-only", "tools": ["github__*"], "token_expires_in": 86400 });
    let made = setup.by(&team.admin).at(&invitations).post(&wanted).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let made = made.json();
    assert_eq!(made["mail"]["state"], "not_configured");
    let door = format!("/api/invite/{}", made["code"].as_str().unwrap());
    let listed = setup.get(&invitations).await;
    assert_eq!(listed["invitations"][0]["email"], "alice@example.com");
    assert_eq!(listed["invitations"][0].get("code"), None);

    let stranger = || Client::new(&setup.origin).at(&door);
    let shown = stranger().request("GET").await.json();
    assert_eq!(shown["workspace"], team.slug);
    assert_eq!(shown["role"], "read-only");
    let accepted = stranger().post(&nothing()).await;
    assert_eq!(accepted.status, 201, "{}", accepted.json());
    let token = accepted.json()["token"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let me = setup
        .by(&token)
        .at("/api/whoami")
        .request("GET")
        .await
        .json();
    assert_eq!(me["name"], "alice@example.com");
    for again in [
        stranger().post(&nothing()).await,
        stranger().request("GET").await,
    ] {
        assert_eq!((again.status, code(&again).as_str()), (404, "not_found"));
    }
    let audit = setup.get("/api/audit?limit=1").await;
    assert_eq!(audit["audit"][0]["actor"], "invitation", "{audit}");

    let members = of(&team.slug, "/members");
    let member = setup.get(&members).await["members"][0].clone();
    assert_eq!(member["status"], "active");
    let one = format!("{members}/{}", member["id"].as_str().unwrap());
    let timeline = setup.get(&format!("{one}/timeline")).await;
    assert_eq!(timeline["label"], "alice@example.com");
    let removed = setup.operator().at(&one).request("DELETE").await;
    assert_eq!(removed.json()["tokens_revoked"], 1);
    let refused = setup.by(&token).at("/api/whoami").request("GET").await;
    assert_eq!(refused.status, 401);
}

#[tokio::test]
async fn an_invitation_that_was_taken_back_opens_nothing() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let invitations = of(&team.slug, "/invitations");
    let made = setup
        .send("POST", &invitations, &json!({ "email": "a@example.com" }))
        .await
        .json();
    let one = format!("{invitations}/{}", made["id"].as_str().unwrap());
    let gone = setup.operator().at(&one).request("DELETE").await;
    assert_eq!(gone.json()["revoked"], true);
    let door = format!("/api/invite/{}", made["code"].as_str().unwrap());
    let late = Client::new(&setup.origin).at(&door).request("GET").await;
    let nobodys = Client::new(&setup.origin)
        .at("/api/invite/nobodys")
        .request("GET")
        .await;
    assert_eq!((late.status, nobodys.status), (404, 404));
    assert_eq!(late.body, nobodys.body, "S-36: one answer, whyever");
}

/// S-37: codes are guessed no faster than tokens.
#[tokio::test]
async fn s37_guessing_codes_is_bounded() {
    let setup = Setup::new().await;
    let mut statuses = Vec::new();
    for number in 0..30 {
        let path = format!("/api/invite/guess{number}");
        let reply = Client::new(&setup.origin).at(&path).post(&nothing()).await;
        statuses.push(reply.status);
    }
    assert!(
        statuses[..20].iter().all(|status| *status == 404),
        "{statuses:?}"
    );
    assert!(
        statuses[25..].iter().all(|status| *status == 429),
        "{statuses:?}"
    );
    assert_eq!(
        setup
            .operator()
            .at("/api/whoami")
            .request("GET")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_team_is_invited_and_left() {
    let setup = Setup::new().await;
    let made = setup
        .send("POST", "/api/team", &json!({ "email": "b@example.com" }))
        .await;
    assert_eq!(made.status, 201, "{}", made.json());
    let door = format!("/api/invite/{}", made.json()["code"].as_str().unwrap());
    let client = || Client::new(&setup.origin).at(&door);
    assert_eq!(
        client().request("GET").await.json()["workspace"],
        Value::Null
    );
    // It takes a password, and is not used up by an attempt without.
    assert_eq!(client().post(&nothing()).await.status, 409);
    let team = setup.get("/api/team").await;
    assert_eq!(team["team"][0]["status"], "pending", "{team}");
    let gone = setup
        .operator()
        .at("/api/team/b@example.com")
        .request("DELETE")
        .await;
    assert_eq!(gone.json()["removed"], true);
    assert_eq!(client().request("GET").await.status, 404);
}

/// Whoever says under which URL the dashboard is reached gets links, and is told so.
#[tokio::test]
async fn links_of_invitations_begin_with_the_public_url() {
    let folder = tempfile::tempdir().unwrap();
    let dir = DataDir::new(folder.path());
    let admin = Admin::open(dir.clone(), operator()).unwrap();
    let made = admin.create_workspace("Team", "").unwrap();
    let scope = admin.scope(&made.slug).unwrap();
    for (url, told) in [
        (None, None),
        (
            Some("https://admin.example.com"),
            Some("https://admin.example.com"),
        ),
        // What was said stays.
        (
            Some("https://other.example.com"),
            Some("https://admin.example.com"),
        ),
    ] {
        let config = RunConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            tls: None,
            proxies: Proxies::default(),
            public_url: url.map(ToOwned::to_owned),
            checkpoints: None,
        };
        let served = Admin::open(dir.clone(), operator()).unwrap();
        let mut links = None;
        let announce =
            |announce: &toolgate_api::Announce| links.clone_from(&announce.invitation_links);
        toolgate_api::run(served, config, announce, async {})
            .await
            .unwrap();
        assert_eq!(links.as_deref(), told);
    }
    let new = NewInvitation::to("a@example.com");
    let invited = admin
        .invite_member(&scope, &new, &MailPassword::default())
        .unwrap();
    let link = invited.link.unwrap();
    assert!(
        link.starts_with("https://admin.example.com/invite/"),
        "{link}"
    );
}

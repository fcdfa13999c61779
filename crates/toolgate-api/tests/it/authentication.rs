//! Who is let in, and what strangers hear (S-36, S-37, S-58).

use std::time::Duration;

use toolgate_admin::NewToken;
use toolgate_testkit::Client;

use crate::support::{Setup, code, of};

#[tokio::test]
async fn keys_and_tokens_are_known_by_either_header() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let by_key = setup.get("/api/whoami").await;
    assert_eq!(by_key["kind"], "key");
    assert_eq!(by_key["operator"], true);
    assert_eq!(by_key["workspace"], serde_json::Value::Null);
    let other = Client::new(&setup.origin).header("x-api-key", &setup.key);
    assert_eq!(other.at("/api/whoami").request("GET").await.json(), by_key);
    let reply = setup
        .by(&team.developer)
        .at("/api/whoami")
        .request("GET")
        .await;
    let whoami = reply.json();
    assert_eq!(whoami["role"], "developer");
    assert_eq!(whoami["operator"], false);
    assert_eq!(whoami["workspace"], team.slug);
    assert_eq!(whoami["workspace_id"], team.id);
}

#[tokio::test]
async fn validate_says_what_a_key_is() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    // As the reference's command line asks: without a body.
    let bare = |credential: &str| setup.by(credential).header("content-type", "");
    let path = "/api/v1/cli/validate";
    let account = bare(&setup.key).at(path).request("POST").await.json();
    assert_eq!(account["keyType"], "account");
    let project = bare(&team.admin).at(path).request("POST").await.json();
    assert_eq!(project["keyType"], "project");
    assert_eq!(project["projectId"], team.id);
}

/// One answer for every cause.
#[tokio::test]
async fn s36_every_cause_reads_the_same() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let scope = setup.admin.scope(&team.slug).unwrap();
    let revoked = setup
        .admin
        .create_token(&scope, &NewToken::named("x"))
        .unwrap();
    setup.admin.revoke_token(&scope, &revoked.id).unwrap();
    let expired = setup
        .admin
        .create_operator_key("short", Some(Duration::ZERO))
        .unwrap();
    let taken_back = setup.admin.create_operator_key("gone", None).unwrap();
    setup.admin.revoke_operator_key("gone").unwrap();
    let nobody = Client::new(&setup.origin)
        .at("/api/whoami")
        .request("GET")
        .await;
    assert_eq!(nobody.status, 401);
    assert_eq!(nobody.headers["www-authenticate"], "Bearer");
    assert_eq!(code(&nobody), "unauthorized");
    let mistyped = setup.key.replace("ak_", "ak_0");
    for text in [
        revoked.token.as_str(),
        &expired.key,
        &taken_back.key,
        &mistyped,
        "x",
        "",
    ] {
        let client = Client::new(&setup.origin)
            .header("authorization", &format!("Bearer {text}"))
            .at("/api/whoami");
        let reply = client.request("GET").await;
        assert_eq!(
            (reply.status, reply.body),
            (401, nobody.body.clone()),
            "{text}"
        );
    }
    // Two credentials could be read in two ways.
    let both = setup.operator().header("x-api-key", &setup.key);
    assert_eq!(both.at("/api/whoami").request("GET").await.status, 401);
}

/// Guessing is bounded, and whoever has a key is served beside a guesser.
#[tokio::test]
async fn s37_guessing_is_bounded_by_address() {
    let setup = Setup::new().await;
    let guess = || async {
        let client = setup.by("ak_guess").at("/api/whoami");
        client.request("GET").await
    };
    for _ in 0..20 {
        assert_eq!(guess().await.status, 401);
    }
    let refused = guess().await;
    assert_eq!(refused.status, 429);
    assert_eq!(code(&refused), "too_many_failures");
    let wait: u64 = refused.headers["retry-after"].parse().unwrap();
    assert!((1..=60).contains(&wait));
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
async fn s41_a_revoked_key_fails_at_once() {
    let setup = Setup::new().await;
    let made = setup
        .send(
            "POST",
            "/api/keys",
            &serde_json::json!({ "name": "deploy" }),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.json());
    let made = made.json();
    let key = made["key"].as_str().unwrap();
    assert_eq!(
        setup.by(key).at("/api/whoami").request("GET").await.status,
        200
    );
    let path = format!("/api/keys/{}", made["id"].as_str().unwrap());
    let revoked = setup.operator().at(&path).request("DELETE").await;
    assert_eq!(revoked.json()["revoked"], true);
    assert_eq!(
        setup.by(key).at("/api/whoami").request("GET").await.status,
        401
    );
    let listed = setup.get("/api/keys").await;
    assert!(!listed.to_string().contains(key), "never its text");
    let last_used = listed["keys"][1]["last_used_at"].as_str();
    assert!(last_used.is_some(), "{listed}");
}

#[tokio::test]
async fn s58_other_hosts_and_sites_are_refused() {
    let setup = Setup::new().await;
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null")] {
        let client = setup.operator().header(name, value).at("/api/whoami");
        let reply = client.request("GET").await;
        assert_eq!(reply.status, 403, "{name}: {value}");
        assert_eq!(code(&reply), "forbidden");
    }
}

#[tokio::test]
async fn s79_every_reply_is_kept_by_nobody_and_framed_by_nobody() {
    let setup = Setup::new().await;
    for path in ["/api/whoami", "/openapi.json", "/nowhere", &of("x", "")] {
        let reply = setup.operator().at(path).request("GET").await;
        assert_eq!(reply.headers["cache-control"], "no-store", "{path}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(reply.headers["referrer-policy"], "no-referrer", "{path}");
        let csp = &reply.headers["content-security-policy"];
        assert!(csp.contains("default-src 'none'"), "{path}: {csp}");
        assert!(csp.contains("frame-ancestors 'none'"), "{path}: {csp}");
        let cors = reply.headers.get("access-control-allow-origin");
        assert_eq!(cors, None, "{path}");
    }
}

#[tokio::test]
async fn r23_it_ends_in_good_order() {
    let mut setup = Setup::new().await;
    setup.get("/api/whoami").await;
    setup.end().await;
}

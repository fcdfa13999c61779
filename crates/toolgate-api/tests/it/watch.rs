//! What is watched, counted and set: alerts, analytics, settings and the plan.

use serde_json::{Value, json};

use crate::support::{Setup, code, nothing, of};

#[tokio::test]
async fn an_alert_from_making_to_deleting() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let alerts = of(&team.slug, "/alerts");
    let rule =
        json!({ "kind": "error_rate", "over_percent": 10, "window_s": 300, "least_calls": 20 });
    let wanted = json!({ "name": "failing", "rule": rule, "url": "https://hooks.example.com/x" });
    let made = setup.by(&team.admin).at(&alerts).post(&wanted).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let one = format!("{alerts}/{}", made.json()["id"].as_str().unwrap());
    let off = setup
        .send("PATCH", &one, &json!({ "enabled": false }))
        .await;
    assert_eq!(off.json()["enabled"], false);
    assert_eq!(setup.get(&alerts).await["alerts"][0]["rule"], rule);
    let test = setup.send("POST", &format!("{one}/test"), &nothing()).await;
    assert_eq!(test.status, 503, "no gateway runs");
    assert_eq!(
        setup.operator().at(&one).request("DELETE").await.json()["deleted"],
        true
    );
    assert_eq!(setup.get(&alerts).await["alerts"], json!([]));
    let whole = json!({ "name": "quota", "rule": { "kind": "quota", "at_percent": 80 }, "url": "https://hooks.example.com/x" });
    assert_eq!(setup.send("POST", "/api/alerts", &whole).await.status, 201);
    assert_eq!(
        setup.get("/api/alerts").await["alerts"][0]["workspace"],
        Value::Null
    );
}

/// S-65: where a webhook may go in private is the operator's to say, on the host.
#[tokio::test]
async fn s65_no_webhook_goes_to_a_private_address() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    for url in [
        "http://127.0.0.1:9/x",
        "https://10.0.0.8/x",
        "http://hooks.example.com/x",
    ] {
        let wanted = json!({ "name": "a", "rule": { "kind": "pins" }, "url": url });
        for credential in [&setup.key, &team.admin] {
            let path = of(&team.slug, "/alerts");
            let refused = setup.by(credential).at(&path).post(&wanted).await;
            assert_eq!(
                (refused.status, code(&refused).as_str()),
                (403, "forbidden"),
                "{url}"
            );
        }
    }
}

#[tokio::test]
async fn calls_are_counted_in_one_workspace_or_all() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let here = of(&team.slug, "/analytics");
    for path in [&here, "/api/analytics"] {
        let counted = setup
            .get(&format!(
                "{path}?group_by=day&from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z"
            ))
            .await;
        assert_eq!(counted["rows"].as_array().unwrap().len(), 2, "{counted}");
        assert_eq!(
            setup.get(&format!("{path}/overview")).await["today"]["calls"],
            0
        );
        assert_eq!(
            setup.get(&format!("{path}/limits")).await["rate_limited"],
            0
        );
    }
    for bad in ["from=yesterday", "group_by=colour", "limit=0", "surprise=1"] {
        let reply = setup
            .operator()
            .at(&format!("{here}?{bad}"))
            .request("GET")
            .await;
        assert_eq!(reply.status, 400, "{bad}");
    }
    for (credential, status) in [(&team.admin, 200), (&team.developer, 403)] {
        assert_eq!(
            setup.by(credential).at(&here).request("GET").await.status,
            status
        );
    }
    let slow = of(&team.slug, "/servers/none/slow");
    assert_eq!(setup.operator().at(&slow).request("GET").await.status, 404);
}

/// What has the host read a file, or send its mail password somewhere, is set there.
#[tokio::test]
async fn s16_settings_that_take_the_host_are_set_on_it() {
    let setup = Setup::new().await;
    for (name, value) in [
        ("smtp_password_file", "/etc/shadow"),
        ("smtp_url", "smtps://m.example.com"),
    ] {
        let path = format!("/api/settings/{name}");
        for value in [json!(value), Value::Null] {
            let refused = setup.send("PATCH", &path, &json!({ "value": value })).await;
            assert_eq!(
                (refused.status, code(&refused).as_str()),
                (403, "forbidden"),
                "{name}"
            );
        }
    }
    let set = setup
        .send(
            "PATCH",
            "/api/settings/retention_days",
            &json!({ "value": "90" }),
        )
        .await;
    assert_eq!(set.json()["value"], "90", "{}", set.json());
    let unset = setup
        .send(
            "PATCH",
            "/api/settings/retention_days",
            &json!({ "value": null }),
        )
        .await;
    assert_eq!(unset.json()["value"], Value::Null);
    assert_eq!(
        setup
            .send("PATCH", "/api/settings/retention_days", &nothing())
            .await
            .status,
        400
    );
    let names: Vec<Value> = setup.get("/api/settings").await["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert!(names.contains(&json!("dashboard_url")), "{names:?}");
}

#[tokio::test]
async fn usage_stands_beside_the_plan() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let usage = setup.get("/api/billing/usage").await;
    assert_eq!(usage["tier"], "self-hosted");
    assert_eq!(
        usage["usage"]["workspaces"],
        json!({ "used": 1, "limit": null })
    );
    assert_eq!(usage["usage"]["mcp_proxy_calls"]["used"], 0);
    assert!(
        usage["workspaces"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["workspace"] == team.slug)
    );
    let plans = setup.get("/api/plan").await;
    let active = plans["plans"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["active"] == true);
    assert_eq!(active.count(), 1, "{plans}");
}

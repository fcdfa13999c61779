//! The plan, seen and changed by an operator.

use serde_json::{Value, json};

use crate::support::{Setup, code, nothing};

async fn active(setup: &Setup) -> Value {
    let plans = setup.get("/api/plan").await;
    let plans = plans["plans"].as_array().unwrap();
    plans
        .iter()
        .find(|plan| plan["active"] == true)
        .unwrap()
        .clone()
}

#[tokio::test]
async fn a_plan_is_put_in_force_and_its_limits_are_changed() {
    let setup = Setup::new().await;
    let pro = setup
        .send("PATCH", "/api/plan", &json!({ "name": "pro" }))
        .await;
    assert_eq!(pro.status, 200, "{}", pro.json());
    assert_eq!(pro.json()["name"], "pro");
    assert_eq!(pro.json()["over"], json!([]));
    assert_eq!(active(&setup).await["name"], "pro");
    // A limit of the one in force; what is not named stays.
    let limits =
        json!({ "members": 3, "workspaces": null, "retention_days": 7, "requests_per_minute": 60 });
    let own = setup.send("PATCH", "/api/plan", &limits).await.json();
    assert_eq!(own["name"], "custom");
    assert_eq!(
        [
            &own["members"],
            &own["workspaces"],
            &own["retention_days"],
            &own["requests_per_minute"]
        ],
        [&json!(3), &Value::Null, &json!(7), &json!(60)]
    );
    assert_eq!(own["servers_per_workspace"], 50, "as in pro");
    assert_eq!(active(&setup).await["members"], 3);
    let rows = setup.get("/api/audit?action=setting").await;
    assert_eq!(rows["audit"].as_array().unwrap().len(), 2, "{rows}");
}

#[tokio::test]
async fn what_there_is_more_of_is_told_and_stays() {
    let setup = Setup::new().await;
    for name in ["One", "Two"] {
        setup.team(name);
    }
    let set = setup
        .send("PATCH", "/api/plan", &json!({ "workspaces": 1 }))
        .await
        .json();
    assert_eq!(
        set["over"],
        json!([{ "limit": "workspaces", "workspace": null, "used": 2, "max": 1 }])
    );
    let refused = setup
        .send("POST", crate::support::BASE, &json!({ "name": "Three" }))
        .await;
    assert_eq!(code(&refused), "refused");
}

#[tokio::test]
async fn a_plan_that_cannot_be_meant_is_refused() {
    let setup = Setup::new().await;
    let before = active(&setup).await;
    for (wanted, status) in [
        (json!({ "name": "gold" }), 404),
        (nothing(), 422),
        (json!({ "workspaces": -1 }), 400),
        (json!({ "workspaces": "many" }), 400),
        (json!({ "retention_days": 0 }), 400),
        (json!({ "servers": 3 }), 400),
    ] {
        let refused = setup.send("PATCH", "/api/plan", &wanted).await;
        assert_eq!(refused.status, status, "{wanted}: {}", refused.json());
        code(&refused);
    }
    let team = setup.team("Team");
    let asked = setup.by(&team.admin).at("/api/plan");
    let refused = asked.send_json("PATCH", &json!({ "name": "pro" })).await;
    assert_eq!(refused.status, 403);
    assert_eq!(active(&setup).await, before);
}

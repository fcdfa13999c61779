//! Calls a month: what is over is refused until the month is over, and what was used is known after a restart.

use serde_json::json;
use toolgate_analytics::{CallRecord, CallStatus, Journal, Source};
use toolgate_store::{Actor, CallsJournal, Month};
use toolgate_testkit::{Reply, Server};

use crate::setup::Setup;
use crate::wire::linked;

async fn limit(setup: &Setup, name: &str, calls: u64) {
    let plan = json!({ "calls_per_month": calls }).to_string();
    let actor = Actor::operator("test");
    setup.store().set_setting(&actor, name, &plan).unwrap();
    setup.knock().await;
}

#[track_caller]
fn check_used_up(reply: &Reply, code: i64, limit: u64, whose: &str) {
    assert_eq!(reply.status, 429);
    let error = &reply.message()["error"];
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(error["data"]["limit"], limit);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(whose), "{message}");
    let resets_at = error["data"]["resets_at"].as_str().unwrap();
    assert!(resets_at.ends_with("-01T00:00:00Z") && message.contains(resets_at));
}

/// Table 4.2: -32030 with HTTP 429, and 1000 less for modern clients (P4.1).
#[tokio::test]
async fn p4_1_calls_over_the_quota_are_refused_until_the_next_month() {
    let setup = Setup::new().await;
    let server = linked(&setup, "s", Server::new().modern().tool("echo", "ok")).await;
    limit(&setup, "plan", 3).await;
    let mut client = setup.client();
    client.modern("tools/list", json!({})).await;
    let call = json!({"name": "s__echo", "arguments": {}});
    let unknown = json!({"name": "s__nothing", "arguments": {}});
    client.modern("tools/call", unknown).await;
    for _ in 0..3 {
        let reply = client.modern("tools/call", call.clone()).await;
        assert_eq!(
            reply.text(),
            "ok",
            "what was refused before counted nothing"
        );
    }
    let over = client.modern("tools/call", call.clone()).await;
    check_used_up(&over, -33030, 3, "installation");
    let mut legacy = setup.client();
    legacy.initialize().await;
    check_used_up(
        &legacy.call("s__echo", json!({})).await,
        -32030,
        3,
        "installation",
    );
    assert_eq!(server.calls("echo"), 3);
    let listed = client.modern("tools/list", json!({})).await;
    assert_eq!(listed.status, 200, "only calls are counted");
    let records = setup.records(6).await;
    let last = records.last().unwrap();
    assert_eq!(last.status, CallStatus::RateLimited);
    assert_eq!(last.error_code, Some(-32030));

    limit(&setup, "plan", 4).await;
    let reply = client.modern("tools/call", call.clone()).await;
    assert_eq!(reply.text(), "ok", "more were allowed");
}

/// Product.md section 25: a plan that remembers calls for a day limits a month all the same.
#[tokio::test]
async fn a_quota_counts_calls_that_are_not_kept_any_more() {
    let setup = Setup::new().await;
    let _server = linked(&setup, "s", Server::new().modern().tool("echo", "ok")).await;
    let plan = json!({"calls_per_month": 4, "retention_days": 1}).to_string();
    let actor = Actor::operator("test");
    setup.store().set_setting(&actor, "plan", &plan).unwrap();
    let mut client = setup.client();
    client.modern("tools/list", json!({})).await;
    let call = json!({"name": "s__echo", "arguments": {}});
    client.modern("tools/call", call.clone()).await;
    let recorded = setup.records(1).await.remove(0);
    let begins = Month::of(recorded.time_ms).starts_ms();
    // Two at the beginning of the month and one before it, deleted by the run after theirs.
    let past = |number, time_ms| CallRecord {
        number,
        time_ms,
        workspace: recorded.workspace.clone(),
        server: None,
        server_slug: None,
        tool: None,
        token_id: recorded.token_id.as_str().into(),
        status: CallStatus::Ok,
        error_code: None,
        duration_ms: 1,
        bytes_in: 0,
        bytes_out: 0,
        revision: "2025-11-25",
        source: Source::Gateway,
        intended: false,
        trace: None,
    };
    let old = [past(1, begins - 1), past(2, begins), past(3, begins + 1)];
    let refused = CallRecord {
        status: CallStatus::Refused,
        ..past(1, recorded.time_ms)
    };
    for (boot, calls) in [("past", &old[..]), ("later", &[refused])] {
        let mut journal = CallsJournal::open(setup.dir()).unwrap();
        journal.append(boot, 1, calls).unwrap();
    }
    let (gateway, origin) = setup.another(|_| {}).await;
    assert_eq!(gateway.usage().installation.used, 3);
    let url = format!("{origin}/ws/default");
    let mut client = toolgate_testkit::Client::new(&url).bearer(&setup.admin_token);
    assert_eq!(client.modern("tools/call", call.clone()).await.text(), "ok");
    let over = client.modern("tools/call", call).await;
    check_used_up(&over, -33030, 4, "installation");
}

#[tokio::test]
async fn a_workspace_has_its_own_quota_and_a_restart_knows_what_was_used() {
    let setup = Setup::new().await;
    let _server = linked(&setup, "s", Server::new().modern().tool("echo", "ok")).await;
    let scope = setup.scope("default");
    let own = format!("plan.{}", scope.workspace());
    limit(&setup, "plan", 1_000).await;
    limit(&setup, &own, 2).await;
    let mut client = setup.client();
    client.modern("tools/list", json!({})).await;
    let call = json!({"name": "s__echo", "arguments": {}});
    assert_eq!(client.modern("tools/call", call.clone()).await.text(), "ok");
    setup.records(1).await;
    let usage = setup.gateway.usage();
    assert_eq!(
        (usage.installation.used, usage.installation.limit),
        (1, Some(1_000))
    );
    let (gateway, origin) = setup.another(|_| {}).await;
    assert_eq!(gateway.usage().workspaces[0].used, 1);
    let url = format!("{origin}/ws/default");
    let mut client = toolgate_testkit::Client::new(&url).bearer(&setup.admin_token);
    assert_eq!(client.modern("tools/call", call.clone()).await.text(), "ok");
    let over = client.modern("tools/call", call).await;
    check_used_up(&over, -33030, 2, "workspace");
}

//! Call records, as the gateway leaves them (product.md section 12).

use toolgate_admin::{CallQuery, Fault, NewToken, WorkspaceScope};
use toolgate_analytics::{CallRecord, CallStatus, Journal, Source};
use toolgate_store::CallsJournal;

use crate::home::Home;

/// Writes records as the gateway's recorder does.
struct Log {
    journal: CallsJournal,
    sequence: u64,
}

impl Log {
    fn open(home: &Home) -> Self {
        Self {
            journal: CallsJournal::open(&home.dir()).unwrap(),
            sequence: 1,
        }
    }

    fn call(&mut self, scope: &WorkspaceScope, token: &str, tool: &str, status: CallStatus) {
        let record = CallRecord {
            number: self.sequence,
            time_ms: now_ms(),
            workspace: scope.workspace().clone(),
            server: None,
            server_slug: Some("github".try_into().unwrap()),
            tool: Some(tool.into()),
            token_id: token.into(),
            status,
            error_code: (status == CallStatus::RpcError).then_some(-32603),
            duration_ms: 12,
            bytes_in: 100,
            bytes_out: 200,
            revision: "2025-11-25",
            source: Source::Gateway,
            intended: false,
            trace: None,
        };
        self.journal
            .append("boot", self.sequence, &[record])
            .unwrap();
        self.sequence += 1;
    }
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn everything() -> CallQuery {
    CallQuery::default()
}

fn tools(home: &Home, query: &CallQuery) -> Vec<String> {
    let calls = home.admin.calls(query).unwrap().newer().unwrap();
    calls.into_iter().filter_map(|call| call.tool).collect()
}

#[test]
fn calls_are_shown_oldest_first_under_the_names_people_know() {
    let (home, scope) = Home::with_team();
    let token = home
        .admin
        .create_token(&scope, &NewToken::named("alice"))
        .unwrap()
        .id;
    let mut log = Log::open(&home);
    log.call(&scope, &token, "search", CallStatus::Ok);
    log.call(&scope, &token, "create", CallStatus::RpcError);
    let calls = home.admin.calls(&everything()).unwrap().newer().unwrap();
    let shown = serde_json::to_value(&calls[1]).unwrap();
    assert_eq!(calls[0].tool.as_deref(), Some("search"));
    for (name, value) in [
        ("workspace", serde_json::json!("team")),
        ("server", serde_json::json!("github")),
        ("tool", serde_json::json!("create")),
        ("token_id", serde_json::json!(token)),
        ("token_name", serde_json::json!("alice")),
        ("status", serde_json::json!("rpc_error")),
        ("duration_ms", serde_json::json!(12)),
        ("error_code", serde_json::json!(-32603)),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    assert!(shown["time"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn calls_are_narrowed_by_workspace_server_token_and_number() {
    let (home, scope) = Home::with_team();
    home.admin.create_workspace("other", "").unwrap();
    let other = home.admin.scope("other").unwrap();
    let alice = home
        .admin
        .create_token(&scope, &NewToken::named("alice"))
        .unwrap()
        .id;
    let bob = home
        .admin
        .create_token(&other, &NewToken::named("bob"))
        .unwrap()
        .id;
    let mut log = Log::open(&home);
    log.call(&scope, &alice, "one", CallStatus::Ok);
    log.call(&other, &bob, "two", CallStatus::Ok);
    log.call(&scope, &alice, "three", CallStatus::Ok);
    let all = everything();
    assert_eq!(tools(&home, &all), ["one", "two", "three"]);
    let in_team = CallQuery {
        workspace: Some(scope),
        ..all.clone()
    };
    assert_eq!(tools(&home, &in_team), ["one", "three"]);
    for token in [alice.as_str(), "alice"] {
        let by = CallQuery {
            token: Some(token.to_owned()),
            ..all.clone()
        };
        assert_eq!(tools(&home, &by), ["one", "three"], "{token}");
    }
    let newest = CallQuery {
        limit: 1,
        ..all.clone()
    };
    assert_eq!(tools(&home, &newest), ["three"]);
    let server = CallQuery {
        server: Some("nope".into()),
        ..all.clone()
    };
    assert!(tools(&home, &server).is_empty());
    let recent = CallQuery {
        from_ms: Some(now_ms() - 3_600_000),
        ..all
    };
    assert_eq!(tools(&home, &recent).len(), 3);
}

#[test]
fn two_tokens_of_one_name_are_told_apart_by_id() {
    let (home, scope) = Home::with_team();
    for _ in 0..2 {
        home.admin
            .create_token(&scope, &NewToken::named("alice"))
            .unwrap();
    }
    let query = CallQuery {
        token: Some("alice".into()),
        ..everything()
    };
    let error = home.admin.calls(&query).unwrap_err();
    assert_eq!(error.fault(), Fault::Invalid);
}

#[test]
fn a_feed_follows_from_before_the_first_call_on() {
    let (home, scope) = Home::with_team();
    let query = everything();
    let mut feed = home.admin.calls(&query).unwrap();
    assert!(feed.newer().unwrap().is_empty());
    let token = home
        .admin
        .create_token(&scope, &NewToken::named("late"))
        .unwrap()
        .id;
    let mut log = Log::open(&home);
    log.call(&scope, &token, "one", CallStatus::Ok);
    let calls = feed.newer().unwrap();
    assert_eq!(calls.len(), 1);
    // The token is younger than the feed and is known by name all the same.
    assert_eq!(calls[0].token_name.as_deref(), Some("late"));
    assert!(feed.newer().unwrap().is_empty());
    log.call(&scope, &token, "two", CallStatus::Cancelled);
    assert_eq!(feed.newer().unwrap()[0].tool.as_deref(), Some("two"));
}

#[test]
fn calls_of_a_deleted_workspace_are_known_by_id() {
    let (home, scope) = Home::with_team();
    let mut log = Log::open(&home);
    log.call(&scope, "tok_gone", "one", CallStatus::Ok);
    home.admin.delete_workspace(&scope).unwrap();
    let calls = home.admin.calls(&everything()).unwrap().newer().unwrap();
    assert_eq!(calls[0].workspace, scope.workspace().as_str());
    assert_eq!(calls[0].token_name, None);
}

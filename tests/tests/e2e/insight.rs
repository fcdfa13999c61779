//! Questions about calls (product.md section 12), as they are asked on a command line.

use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use toolgate_analytics::{CallRecord, CallStatus, Journal, Source};
use toolgate_namespace::WorkspaceId;
use toolgate_store::{CallsJournal, DataDir};
use toolgate_testkit::Server;
use toolgate_tests::{Installation, eventually};

use crate::world::{World, add};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

/// An installation with two weeks of calls that no gateway had to live through: `search` became slow this week.
struct Past {
    installation: Installation,
    token_id: String,
}

impl Past {
    fn new() -> Self {
        let installation = Installation::new();
        let made = installation.json(&["workspace", "create", "team"]);
        let workspace = text(&made, "id").try_into().expect("an id");
        let token = installation.json(&["token", "create", "team", "--name", "=alice"]);
        let token_id = text(&token, "id").to_owned();
        record(&installation, &workspace, &token_id);
        Self {
            installation,
            token_id,
        }
    }

    /// What a command prints, all of these parts in it.
    #[track_caller]
    fn says(&self, args: &[&str], parts: &[&str]) -> String {
        let said = self.installation.done(args);
        for part in parts {
            assert!(said.contains(part), "no `{part}` in:\n{said}");
        }
        said
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().expect("a text")
}

fn record(installation: &Installation, workspace: &WorkspaceId, token: &str) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let now = u64::try_from(now.as_millis()).expect("a time of ours");
    let mut calls = Vec::new();
    for ago in 1..14 {
        for (n, tool) in (0..10).zip(["search", "create"].into_iter().cycle()) {
            let slow = ago < 7 && tool == "search";
            calls.push((
                now - ago * DAY + n * MINUTE,
                tool,
                if slow { 2_000 } else { 100 },
                CallStatus::Ok,
            ));
        }
    }
    calls.push((now - MINUTE, "search", 9_000, CallStatus::TimedOut));
    calls.push((now - MINUTE, "search", 0, CallStatus::RateLimited));
    let record = |(number, (time_ms, tool, duration_ms, status))| CallRecord {
        number,
        time_ms,
        workspace: workspace.clone(),
        server: None,
        server_slug: Some("github".try_into().expect("a slug")),
        tool: Some(<&str>::into(tool)),
        token_id: token.into(),
        status,
        error_code: (status == CallStatus::TimedOut).then_some(-32_001),
        duration_ms,
        bytes_in: 300,
        bytes_out: 1_200,
        revision: "2025-11-25",
        source: Source::Gateway,
        intended: false,
        trace: None,
    };
    let records: Vec<CallRecord> = (1..).zip(calls).map(record).collect();
    let mut journal =
        CallsJournal::open(&DataDir::new(installation.data_dir())).expect("a journal");
    journal.append("past", 1, &records).expect("an append");
}

#[test]
fn each_question_has_an_answer_for_people() {
    let past = Past::new();
    past.says(
        &["calls", "overview"],
        &["today", "this month", "last 24 hours  |", "CALLS"],
    );
    let stats = past.says(
        &["calls", "stats", "--since", "30d"],
        &[
            "TOOL",
            "github/search",
            "github/create",
            "132 calls from",
            "█",
        ],
    );
    assert!(
        !stats.contains('\u{1b}'),
        "no colour where there is no terminal"
    );
    past.says(
        &["calls", "stats", "--by", "day", "--since", "3d"],
        &["DAY (UTC)"],
    );
    past.says(
        &["calls", "stats", "--by", "hour", "--since", "1d"],
        &["HOUR (UTC)", ":00"],
    );
    past.says(&["calls", "stats", "--by", "member"], &["MEMBER", "=alice"]);
    past.says(&["calls", "stats", "--server", "nope"], &["No calls."]);
    past.says(
        &["calls", "slow", "github"],
        &[
            "- it is slower:",
            "`search` is 100 % of the added time",
            "calls that had no answer in time: 1",
            "timed_out",
            "-32001",
            "hour by hour",
        ],
    );
    past.says(&["calls", "limits"], &["=alice", "120 a minute", "1 at "]);
    past.says(
        &["calls", "limits", "--since", "1s"],
        &["No call was over a rate limit"],
    );
    past.says(
        &[
            "calls", "member", "=alice", "--since", "14d", "--limit", "3",
        ],
        &[
            "=alice: 132 calls",
            "day by day |",
            "github/search",
            "rate_limited",
        ],
    );
    past.says(
        &["calls", "show", "call_past83"],
        &[
            "call_past83",
            "timed_out",
            "may have executed",
            "Usual",
            "-32001",
        ],
    );
    // What there was before has not changed.
    past.says(
        &["calls", "--since", "1h", "--server", "github"],
        &["TIME (UTC)", "timed_out"],
    );
}

#[test]
fn calls_are_narrowed_by_tool_and_by_how_they_ended() {
    let past = Past::new();
    let found = |args: &[&str]| past.installation.lines(&[&["calls"], args].concat());
    let failed = found(&["--status", "failed"]);
    assert_eq!(failed.len(), 1);
    assert_eq!(text(&failed[0], "status"), "timed_out");
    assert_eq!(found(&["--status", "rate_limited"]).len(), 1);
    assert_eq!(found(&["--tool", "create"]).len(), 65);
    assert!(found(&["--tool", "create", "--status", "failed"]).is_empty());
    let slip = past.installation.ctl(&["calls", "--status", "late"]);
    assert_eq!(slip.status.code(), Some(2));
    assert!(slip.stderr.contains("timed_out"), "{}", slip.stderr);
}

#[test]
fn each_question_has_an_answer_for_programs() {
    let past = Past::new();
    let one = |args: &[&str]| past.installation.json(args);
    let overview = one(&["calls", "overview", "--workspace", "team"]);
    assert_eq!(overview["month"]["active_tokens"], 1);
    let stats = one(&["calls", "stats", "--since", "30d", "--limit", "1"]);
    assert_eq!(stats["total"]["calls"], 132);
    assert_eq!(
        (&stats["rows"][0]["key"], &stats["more"]),
        (&json!("github/search"), &json!(1))
    );
    assert_eq!(stats["rows"][0]["rate_limited"], 1);
    let tokens = one(&["calls", "stats", "--by", "token"]);
    assert_eq!(tokens["rows"][0]["key"], json!(past.token_id));
    let slow = one(&["calls", "slow", "github", "--workspace", "team"]);
    assert_eq!(slow["tools"][0]["tool"], "search");
    assert_eq!(slow["errors"][0]["error_code"], -32001);
    let limits = one(&["calls", "limits"]);
    assert_eq!(limits["tokens"][0]["rate_limited"], 1);
    let member = one(&["calls", "member", &past.token_id]);
    assert_eq!(member["label"], "=alice");
    let shown = one(&["calls", "show", "call_past83"]);
    assert_eq!(shown["duration_ms"], 9_000);
}

#[test]
fn mistakes_say_what_to_do() {
    let past = Past::new();
    for (args, code, part) in [
        (&["calls", "show", "call_nope"][..], 3, "starts with call_"),
        (&["calls", "slow", "nope"], 3, "toolgatectl mcp add"),
        (&["calls", "member", "nobody"], 3, "workspace token list"),
        (&["calls", "stats", "--by", "colour"], 2, "possible values"),
        (&["calls", "--follow", "stats"], 2, "cannot be used with"),
        (
            &["calls", "stats", "--workspace", "nope"],
            3,
            "there is team",
        ),
    ] {
        let said = past.installation.ctl(args);
        assert_eq!(said.status.code(), Some(code), "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains(part), "{args:?}: {}", said.stderr);
    }
}

#[test]
fn exports_are_whole_files_for_their_owner() {
    let past = Past::new();
    let file = |name: &str| past.installation.scratch().join(name);
    for name in ["calls.csv", "calls.jsonl", "calls.parquet"] {
        let path = file(name);
        let path = path.to_str().unwrap();
        let said = past.says(
            &["calls", "export", "--output", path],
            &["Wrote 132 calls to "],
        );
        assert!(said.contains(name));
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let csv = std::fs::read_to_string(file("calls.csv")).unwrap();
    assert_eq!(csv.lines().count(), 133);
    assert!(csv.contains(",'=alice,"), "no formula: {csv}");
    let parquet = std::fs::read(file("calls.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    // JSON Lines are what the list prints.
    let listed = past.installation.lines(&["calls", "--limit", "1000"]);
    let lines = std::fs::read_to_string(file("calls.jsonl")).unwrap();
    let exported: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(exported.len(), 132);
    assert!(listed.iter().all(|call| exported.contains(call)));

    let json = past
        .installation
        .done(&["calls", "export", "--format", "jsonl", "--since", "1h"]);
    assert_eq!(json.lines().count(), 2);
    let nowhere = file("no").join("such").join("folder.csv");
    let said = past
        .installation
        .ctl(&["calls", "export", "-o", nowhere.to_str().unwrap()]);
    assert_eq!(said.status.code(), Some(1));
    assert!(said.stderr.contains("folder.csv"), "{}", said.stderr);
    let left = std::fs::read_dir(past.installation.scratch()).unwrap();
    let parts = left.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".part")
    });
    assert_eq!(parts.count(), 0);
}

/// The whole way: what a client did is counted and found while the gateway runs, and after it was killed.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_gateway_recorded_is_counted_and_found() {
    let server = Server::new().tool("fine", "ok").start().await;
    let world = World::prepare(|installation| add(installation, "s", &server, &[]));
    let mut client = world.legacy().await;
    for _ in 0..5 {
        client.call("s__fine", json!({})).await;
    }
    client.call("s__nothing", json!({})).await;
    let calls = || {
        let stats = world
            .installation
            .json(&["calls", "stats", "--by", "status"]);
        stats["total"]["calls"].as_u64().unwrap()
    };
    eventually("six calls are counted", || (calls() == 6).then_some(()));
    let newest = world.records().pop().unwrap();
    let shown = world
        .installation
        .json(&["calls", "show", text(&newest, "id")]);
    assert_eq!(shown["status"], newest["status"]);
    let slow = world.installation.json(&["calls", "slow", "s"]);
    assert_eq!(slow["circuit"], "closed");
    drop(world.gateway);
    let restarted = world.installation.start();
    assert_eq!(calls_of(&world.installation), 6);
    drop(restarted);
}

fn calls_of(installation: &Installation) -> u64 {
    let overview = installation.json(&["calls", "overview"]);
    overview["today"]["calls"].as_u64().expect("a number")
}

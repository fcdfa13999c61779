//! What calls come to (product.md section 12): each question, over histories whose answer is known.

use toolgate_admin::{
    AnalyticsQuery, CallQuery, CallStatus, Fault, GroupBy, NewToken, WorkspaceScope,
};
use toolgate_analytics::{CallRecord, Journal, Source};
use toolgate_store::CallsJournal;

use crate::home::Home;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// Records as the gateway's recorder leaves them.
struct Log {
    journal: CallsJournal,
    sequence: u64,
    now: u64,
}

impl Log {
    fn open(home: &Home) -> Self {
        Self {
            journal: CallsJournal::open(&home.dir()).unwrap(),
            sequence: 1,
            now: now_ms(),
        }
    }

    fn call(&self, scope: &WorkspaceScope, token: &str, tool: &str) -> CallRecord {
        CallRecord {
            number: self.sequence,
            time_ms: self.now - MINUTE,
            workspace: scope.workspace().clone(),
            server: None,
            server_slug: Some("github".try_into().unwrap()),
            tool: Some(tool.into()),
            token_id: token.into(),
            status: CallStatus::Ok,
            error_code: None,
            duration_ms: 20,
            bytes_in: 100,
            bytes_out: 200,
            revision: "2025-11-25",
            source: Source::Gateway,
            intended: false,
            trace: None,
        }
    }

    fn write(&mut self, record: CallRecord) {
        let record = CallRecord {
            number: self.sequence,
            ..record
        };
        self.journal
            .append("boot", self.sequence, &[record])
            .unwrap();
        self.sequence += 1;
    }
}

fn token(home: &Home, scope: &WorkspaceScope, name: &str) -> String {
    let new = NewToken::named(name);
    home.admin.create_token(scope, &new).unwrap().id
}

fn query(group_by: GroupBy) -> AnalyticsQuery {
    AnalyticsQuery::by(group_by)
}

/// Key and calls of each row.
fn rows(home: &Home, query: &AnalyticsQuery) -> Vec<(String, u64)> {
    let rows = home.admin.analytics(query).unwrap().rows;
    rows.into_iter()
        .map(|row| (row.key.unwrap_or_default(), row.figures.calls))
        .collect()
}

fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected
        .iter()
        .map(|(key, calls)| ((*key).to_owned(), *calls))
        .collect()
}

#[test]
fn calls_are_grouped_by_whatever_is_asked() {
    let (home, scope) = Home::with_team();
    let (alice, bob) = (token(&home, &scope, "alice"), token(&home, &scope, "bob"));
    let mut log = Log::open(&home);
    for _ in 0..3 {
        log.write(log.call(&scope, &alice, "search"));
    }
    log.write(CallRecord {
        status: CallStatus::TimedOut,
        duration_ms: 60_000,
        ..log.call(&scope, &bob, "create")
    });
    log.write(CallRecord {
        status: CallStatus::Refused,
        server_slug: None,
        tool: None,
        duration_ms: 0,
        ..log.call(&scope, &bob, "search")
    });
    let tools = rows(&home, &query(GroupBy::Tool));
    assert_eq!(
        tools,
        pairs(&[("github/search", 3), ("", 1), ("github/create", 1)])
    );
    assert_eq!(
        rows(&home, &query(GroupBy::Server)),
        pairs(&[("github", 4), ("", 1)])
    );
    assert_eq!(
        rows(&home, &query(GroupBy::Token)),
        pairs(&[(&alice, 3), (&bob, 2)])
    );
    assert_eq!(
        rows(&home, &query(GroupBy::Member)),
        pairs(&[(&alice, 3), (&bob, 2)])
    );
    assert_eq!(
        rows(&home, &query(GroupBy::Status)),
        pairs(&[("ok", 3), ("refused", 1), ("timed_out", 1)])
    );
    let report = home.admin.analytics(&query(GroupBy::Token)).unwrap();
    assert_eq!(report.rows[0].label, "alice");
    let total = &report.total;
    assert_eq!(
        (total.calls, total.ok, total.errors, total.refused),
        (5, 3, 1, 1)
    );
    assert_eq!(total.success_rate, Some(0.75));
    assert_eq!(total.timed_out, 1);
    // What was refused at once does not make anything faster.
    assert_eq!(total.mean_ms, Some((3 * 20 + 60_000) / 4));
    assert_eq!(
        (total.p50_ms, total.bytes_in, total.bytes_out),
        (Some(20), 500, 1_000)
    );
    assert!(total.p99_ms.unwrap().abs_diff(60_000) <= 60_000 / 32);
}

#[test]
fn groups_are_narrowed_and_the_rest_is_told() {
    let (home, scope) = Home::with_team();
    home.admin.create_workspace("other", "").unwrap();
    let other = home.admin.scope("other").unwrap();
    let (alice, bob) = (token(&home, &scope, "alice"), token(&home, &other, "bob"));
    let mut log = Log::open(&home);
    log.write(log.call(&scope, &alice, "one"));
    log.write(log.call(&scope, &alice, "one"));
    log.write(log.call(&scope, &alice, "two"));
    log.write(log.call(&other, &bob, "one"));
    let by_tool = query(GroupBy::Tool);
    let in_team = AnalyticsQuery {
        workspace: Some(scope.clone()),
        ..by_tool.clone()
    };
    assert_eq!(
        rows(&home, &in_team),
        pairs(&[("github/one", 2), ("github/two", 1)])
    );
    for whom in ["bob", bob.as_str()] {
        let theirs = AnalyticsQuery {
            token: Some(whom.to_owned()),
            ..by_tool.clone()
        };
        assert_eq!(rows(&home, &theirs), pairs(&[("github/one", 1)]));
        let theirs = AnalyticsQuery {
            member: Some(whom.to_owned()),
            ..by_tool.clone()
        };
        assert_eq!(rows(&home, &theirs), pairs(&[("github/one", 1)]));
        // S-45: a token of another workspace is no way into it.
        let crossed = AnalyticsQuery {
            workspace: Some(scope.clone()),
            ..theirs
        };
        assert!(rows(&home, &crossed).is_empty());
    }
    let two = AnalyticsQuery {
        tool: Some("two".into()),
        ..by_tool.clone()
    };
    assert_eq!(rows(&home, &two), pairs(&[("github/two", 1)]));
    let first = AnalyticsQuery {
        limit: Some(1),
        ..by_tool.clone()
    };
    let report = home.admin.analytics(&first).unwrap();
    assert_eq!(
        (report.rows.len(), report.more, report.total.calls),
        (1, 1, 4)
    );
    let never = AnalyticsQuery {
        server: Some("nope".into()),
        ..by_tool
    };
    assert!(rows(&home, &never).is_empty());
}

#[test]
fn hours_and_days_have_a_row_each_also_where_nothing_was_called() {
    let (home, scope) = Home::with_team();
    let mut log = Log::open(&home);
    let day = log.now / DAY * DAY;
    for ago in [0, 3 * DAY, 3 * DAY] {
        let time_ms = day - ago + HOUR / 2;
        log.write(CallRecord {
            time_ms,
            ..log.call(&scope, "tok_x", "search")
        });
    }
    let days = AnalyticsQuery {
        from_ms: Some(day - 4 * DAY),
        to_ms: Some(day + DAY),
        ..query(GroupBy::Day)
    };
    let calls: Vec<u64> = rows(&home, &days).into_iter().map(|row| row.1).collect();
    assert_eq!(calls, [0, 2, 0, 0, 1]);
    let hours = AnalyticsQuery {
        from_ms: Some(day - 3 * DAY),
        to_ms: Some(day - 2 * DAY),
        ..query(GroupBy::Hour)
    };
    let calls: Vec<u64> = rows(&home, &hours).into_iter().map(|row| row.1).collect();
    assert_eq!(
        (calls.len(), calls[0], calls[1..].iter().sum::<u64>()),
        (24, 2, 0)
    );
    let forever = AnalyticsQuery {
        from_ms: Some(0),
        ..query(GroupBy::Hour)
    };
    assert!(
        rows(&home, &forever).len() < 100,
        "not an hour for each since 1970"
    );
}

#[test]
fn the_overview_has_today_this_week_and_this_month() {
    let (home, scope) = Home::with_team();
    let empty = home.admin.overview(None).unwrap();
    assert_eq!(
        (empty.month.figures.calls, empty.month.active_tokens),
        (0, 0)
    );
    let mut log = Log::open(&home);
    let now = log.now;
    for token in ["tok_a", "tok_a", "tok_b"] {
        log.write(CallRecord {
            time_ms: now,
            ..log.call(&scope, token, "search")
        });
    }
    log.write(CallRecord {
        time_ms: now - 40 * DAY,
        ..log.call(&scope, "tok_c", "search")
    });
    let overview = home.admin.overview(Some(&scope)).unwrap();
    for span in [&overview.today, &overview.week, &overview.month] {
        assert_eq!((span.figures.calls, span.active_tokens), (3, 2));
    }
    assert_eq!(overview.workspace.as_deref(), Some("team"));
    let shown = serde_json::to_value(&overview).unwrap();
    assert_eq!(shown["today"]["success_rate"], 1.0);
    assert_eq!(shown["lost"], 0);
}

/// "Why is this server slow this week": one tool moved, in the afternoon, and some calls never came back.
#[test]
fn a_slow_server_is_explained() {
    let (home, scope) = Home::with_team();
    let mut log = Log::open(&home);
    let today = log.now / DAY * DAY;
    for day in 1..14_u64 {
        let slow_week = day < 7;
        for hour in [2, 9, 14] {
            let time_ms = today - day * DAY + hour * HOUR;
            let slow = slow_week && hour == 14;
            let duration_ms = if slow { 5_000 } else { 100 };
            log.write(CallRecord {
                time_ms,
                duration_ms,
                ..log.call(&scope, "tok_x", "search")
            });
            log.write(CallRecord {
                time_ms,
                duration_ms: 50,
                ..log.call(&scope, "tok_x", "create")
            });
        }
    }
    log.write(CallRecord {
        time_ms: today - DAY,
        duration_ms: 9_000,
        status: CallStatus::TimedOut,
        error_code: Some(-32_001),
        ..log.call(&scope, "tok_x", "search")
    });
    let report = home.admin.why_slow(&scope, "github").unwrap();
    assert_eq!(report.tools[0].tool, "search");
    assert_eq!(report.tools[0].share_of_added_time, Some(1.0));
    assert_eq!(report.this_week.figures.timed_out, 1);
    assert_eq!(report.week_before.figures.timed_out, 0);
    assert!(report.hours.len() >= 168);
    let error = &report.errors[0];
    assert_eq!(
        (error.status, error.error_code, error.calls),
        (CallStatus::TimedOut, Some(-32_001), 1)
    );
    let said = report.reasons.join("\n");
    for part in [
        "it is slower: 95 of 100 calls took up to",
        "`search` is 100 % of the added time",
        "calls that had no answer in time: 1, and 0 the week before",
        "slowest from 14:00 to 15:00 UTC",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    assert_eq!(report.circuit, None, "no gateway runs");
}

#[test]
fn a_server_nobody_knows_is_a_mistake_and_a_quiet_one_is_not() {
    let (home, scope) = Home::with_team();
    let error = home.admin.why_slow(&scope, "nope").unwrap_err();
    assert_eq!(error.fault(), Fault::NotFound);
    home.admin
        .add_server(&scope, &crate::home::http("quiet", "https://1.1.1.1/mcp"))
        .unwrap();
    let report = home.admin.why_slow(&scope, "quiet").unwrap();
    assert_eq!(report.reasons, ["it was not called this week"]);
}

/// "Which member hits the limits".
#[test]
fn limits_say_who_when_and_how_often() {
    let (home, scope) = Home::with_team();
    let (alice, bob) = (token(&home, &scope, "alice"), token(&home, &scope, "bob"));
    let mut log = Log::open(&home);
    let minute = log.now / MINUTE * MINUTE - 10 * MINUTE;
    for (at, count) in [(minute, 2), (minute + 2 * MINUTE, 5)] {
        for n in 0..count {
            log.write(CallRecord {
                time_ms: at + n,
                status: CallStatus::RateLimited,
                duration_ms: 0,
                ..log.call(&scope, &bob, "search")
            });
        }
    }
    log.write(log.call(&scope, &bob, "search"));
    log.write(log.call(&scope, &alice, "search"));
    let report = home.admin.limits(Some(&scope), None).unwrap();
    assert_eq!((report.rate_limited, report.tokens.len()), (7, 1));
    let bob = &report.tokens[0];
    assert_eq!(bob.token_name.as_deref(), Some("bob"));
    assert_eq!((bob.calls, bob.rate_limited, bob.minutes), (8, 7, 2));
    assert_eq!((bob.per_minute, bob.worst.rate_limited), (Some(120), 5));
    assert_eq!(bob.worst.time, bob.last);
    let recent = home.admin.limits(None, Some(minute + MINUTE)).unwrap();
    assert_eq!(recent.rate_limited, 5);
}

#[test]
fn a_timeline_is_one_members_alone() {
    let (home, scope) = Home::with_team();
    let (alice, bob) = (token(&home, &scope, "alice"), token(&home, &scope, "bob"));
    let mut log = Log::open(&home);
    for tool in ["search", "search", "create"] {
        log.write(log.call(&scope, &alice, tool));
    }
    log.write(log.call(&scope, &bob, "delete"));
    for who in ["alice", alice.as_str()] {
        let timeline = home.admin.member_timeline(&scope, who, None, 2).unwrap();
        assert_eq!(
            (timeline.label.as_str(), timeline.total.calls),
            ("alice", 3)
        );
        assert_eq!(timeline.tools[0].key.as_deref(), Some("github/search"));
        let calls: Vec<_> = timeline
            .calls
            .iter()
            .map(|call| call.tool.as_deref())
            .collect();
        assert_eq!(
            calls,
            [Some("search"), Some("create")],
            "the newest, oldest first"
        );
        assert_eq!(timeline.tokens, std::slice::from_ref(&alice));
        let days = timeline.days.iter().map(|day| day.figures.calls);
        assert_eq!(days.sum::<u64>(), 3);
    }
    let error = home
        .admin
        .member_timeline(&scope, "nobody", None, 2)
        .unwrap_err();
    assert_eq!(error.fault(), Fault::NotFound);
    assert!(error.hint().is_some());
}

#[test]
fn one_call_is_shown_beside_what_is_usual() {
    let (home, scope) = Home::with_team();
    let alice = token(&home, &scope, "alice");
    let mut log = Log::open(&home);
    for _ in 0..4 {
        log.write(log.call(&scope, &alice, "search"));
    }
    log.write(CallRecord {
        time_ms: log.now,
        duration_ms: 7_000,
        status: CallStatus::TimedOut,
        ..log.call(&scope, &alice, "search")
    });
    let shown = home.admin.call(None, "call_boot5").unwrap();
    assert_eq!(shown.call.token_name.as_deref(), Some("alice"));
    assert_eq!(shown.call.duration_ms, 7_000);
    assert!(shown.meaning.contains("may have executed"));
    let usual = shown.usual.unwrap();
    assert_eq!((usual.calls, usual.p95_ms), (4, Some(20)), "without itself");
    home.admin.create_workspace("other", "").unwrap();
    let other = home.admin.scope("other").unwrap();
    for (scope, id) in [
        (Some(&other), "call_boot5"),
        (None, "call_boot99"),
        (None, "x"),
    ] {
        let error = home.admin.call(scope, id).unwrap_err();
        assert_eq!(error.fault(), Fault::NotFound);
    }
}

#[test]
fn an_export_has_every_call_once_in_pages() {
    let (home, scope) = Home::with_team();
    let mut log = Log::open(&home);
    let batch: Vec<_> = (1..=25_000)
        .map(|number| CallRecord {
            number,
            ..log.call(&scope, "tok_x", "search")
        })
        .collect();
    for part in batch.chunks(2_000) {
        log.journal.append("boot", part[0].number, part).unwrap();
    }
    let mut export = home.admin.export_calls(&CallQuery::default()).unwrap();
    let mut ids = Vec::new();
    loop {
        let page = export.page().unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 10_000, "memory is bounded");
        ids.extend(page.into_iter().map(|call| call.id));
    }
    let expected: Vec<_> = (1..=25_000).map(|n| format!("call_boot{n:x}")).collect();
    assert_eq!(ids, expected);
    let none = CallQuery {
        server: Some("nope".into()),
        ..CallQuery::default()
    };
    assert!(
        home.admin
            .export_calls(&none)
            .unwrap()
            .page()
            .unwrap()
            .is_empty()
    );
}

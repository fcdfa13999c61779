//! `toolgatectl serve` as programs meet it: what was called, as a list and as a file; TLS, and what it logs.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{AUTHORIZATION, STRICT_TRANSPORT_SECURITY};
use hyper::{HeaderMap, Method};
use serde_json::Value;
use toolgate_analytics::{CallRecord, CallStatus, Journal, Source};
use toolgate_http::{Endpoint, OutRequest, SendError};
use toolgate_store::{CallsJournal, DataDir};
use toolgate_testkit::{Client, Reply};
use toolgate_tests::{Installation, Served, eventually};

use crate::authority::Authority;
use crate::world::soon;

const CALLS: &str = "/api/community/mcp/workspaces/team/calls";
const MINUTE: u64 = 60_000;
/// Calls of the whole, one a minute.
const MANY: u64 = 300;

/// An installation with calls of two tokens, one of a member, and the API in front of it.
struct House {
    served: Served,
    key: String,
    alice: String,
    developer: String,
    now: u64,
    _installation: Installation,
}

impl House {
    fn new() -> Self {
        let installation = Installation::new();
        let workspace = installation.workspace("team").json["id"].clone();
        let invite = ["workspace", "member", "invite", "team", "alice@example.com"];
        let code = installation.json(&invite)["code"].clone();
        let accept = ["workspace", "member", "accept", code.as_str().unwrap()];
        let alice = installation.json(&accept)["token"].clone();
        // A name that a spreadsheet would take for a formula.
        let other = installation.json(&["token", "create", "team", "--name", "=bob"]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = u64::try_from(now.as_millis()).unwrap();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let tokens = [text(&alice, "id"), text(&other, "id")];
        let records = (1..=MANY).map(|number| CallRecord {
            number,
            time_ms: now - (MANY - number) * MINUTE,
            workspace: workspace.as_str().unwrap().try_into().unwrap(),
            server: None,
            server_slug: Some(
                ["github", "gitlab"][usize::from(number % 5 == 0)]
                    .try_into()
                    .unwrap(),
            ),
            tool: Some(["search", "create"][usize::from(number % 3 == 0)].into()),
            token_id: tokens[usize::from(number % 2 == 0)].as_str().into(),
            status: match number % 10 {
                1 => CallStatus::TimedOut,
                2 => CallStatus::ToolError,
                3 => CallStatus::Refused,
                _ => CallStatus::Ok,
            },
            error_code: None,
            duration_ms: number,
            bytes_in: 1,
            bytes_out: 2,
            revision: "2025-11-25",
            source: Source::Gateway,
            intended: false,
            trace: None,
        });
        let records: Vec<CallRecord> = records.collect();
        let mut journal = CallsJournal::open(&DataDir::new(installation.data_dir())).unwrap();
        journal.append("past", 1, &records).unwrap();
        let key = text(&installation.json(&["key", "create", "tests"]), "key");
        Self {
            served: installation.serve(&[]),
            key,
            alice: text(&alice, "id"),
            developer: text(&alice, "token"),
            now,
            _installation: installation,
        }
    }

    async fn ask(&self, credential: &str, path: &str) -> Reply {
        let client = Client::new(&self.served.url).bearer(credential);
        client.at(path).request("GET").await
    }

    async fn get(&self, query: &str) -> Value {
        let reply = self.ask(&self.key, &format!("{CALLS}?{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.json());
        reply.json()
    }

    /// How many calls match, walked in pages of 17, each once and the newest first.
    async fn count(&self, query: &str) -> usize {
        let (mut seen, mut times, mut cursor) = (BTreeSet::new(), Vec::new(), None::<String>);
        loop {
            let more = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let page = self.get(&format!("limit=17&{query}{more}")).await;
            for call in page["calls"].as_array().unwrap() {
                let is_new = seen.insert(call["id"].as_str().unwrap().to_owned());
                assert!(is_new, "{call} comes twice");
                times.push(call["time"].as_str().unwrap().to_owned());
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        assert!(times.is_sorted_by(|one, next| one >= next), "{query}");
        seen.len()
    }
}

/// How many numbers up to all of them are like this.
fn those(is_meant: impl Fn(&u64) -> bool) -> usize {
    (1..=MANY).filter(is_meant).count()
}

fn moment(unix_ms: u64) -> String {
    let ms = i64::try_from(unix_ms).unwrap();
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_narrowed_where_they_are_kept_page_by_page() {
    let house = House::new();
    let (from, to) = (
        moment(house.now - 99 * MINUTE),
        moment(house.now - 49 * MINUTE),
    );
    for (query, wanted) in [
        (String::new(), those(|_| true)),
        (
            "status=ok".into(),
            those(|n| ![1, 2, 3].contains(&(n % 10))),
        ),
        ("status=timed_out".into(), those(|n| n % 10 == 1)),
        (
            "status=failed".into(),
            those(|n| [1, 2].contains(&(n % 10))),
        ),
        ("status=begun".into(), 0),
        ("server=gitlab".into(), those(|n| n % 5 == 0)),
        ("tool=create".into(), those(|n| n % 3 == 0)),
        ("tool=creat".into(), 0),
        (
            "server=github&tool=create&status=refused".into(),
            those(|n| n % 5 != 0 && n % 3 == 0 && n % 10 == 3),
        ),
        (format!("token={}", house.alice), those(|n| n % 2 == 1)),
        ("token=%3Dbob".into(), those(|n| n % 2 == 0)),
        ("member=alice@example.com".into(), those(|n| n % 2 == 1)),
        (
            "member=alice@example.com&status=failed".into(),
            those(|n| n % 10 == 1),
        ),
        ("source=gateway".into(), those(|_| true)),
        (format!("from={from}&to={to}"), 50),
        (format!("from={from}"), 100),
        (format!("to={from}"), 200),
    ] {
        assert_eq!(house.count(&query).await, wanted, "{query}");
    }
    for bad in [
        "status=great",
        "source=nowhere",
        "from=yesterday",
        "to=",
        "state=ok",
    ] {
        let reply = house.ask(&house.key, &format!("{CALLS}?{bad}")).await;
        assert_eq!(reply.status, 400, "{bad}");
    }
    let stale = house.ask(&house.key, &format!("{CALLS}?cursor=none")).await;
    assert_eq!(stale.status, 422);
}

/// S-45: a Developer sees the calls of the own token, whatever is asked for, in lists and in files.
#[tokio::test(flavor = "multi_thread")]
async fn s45_who_is_no_admin_gets_their_own_calls() {
    let house = House::new();
    for query in [
        "limit=500",
        "limit=500&token=%3Dbob",
        "limit=500&member=nobody",
    ] {
        let reply = house
            .ask(&house.developer, &format!("{CALLS}?{query}"))
            .await;
        let calls = reply.json()["calls"].as_array().unwrap().clone();
        assert_eq!(calls.len(), those(|n| n % 2 == 1), "{query}");
        assert!(
            calls
                .iter()
                .all(|call| call["token_id"] == house.alice.as_str())
        );
    }
    let path = format!("{CALLS}/export?format=jsonl&token=%3Dbob");
    let file = house.ask(&house.developer, &path).await;
    let text = String::from_utf8(file.body.to_vec()).unwrap();
    assert_eq!(text.lines().count(), those(|n| n % 2 == 1));
    assert!(!text.contains("=bob"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_exported_as_they_are_listed() {
    let house = House::new();
    let csv = house.ask(&house.key, &format!("{CALLS}/export")).await;
    let csv = String::from_utf8(csv.body.to_vec()).unwrap();
    assert_eq!(csv.lines().count(), 301, "a header and every call");
    // S-24: a formula of somebody's stays a text.
    assert!(csv.contains(",'=bob,") && !csv.contains(",=bob,"));
    let path = format!("{CALLS}/export?format=jsonl&tool=create&status=failed");
    let lines = house.ask(&house.key, &path).await;
    let lines = String::from_utf8(lines.body.to_vec()).unwrap();
    let calls: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut listed = house.get("limit=500&tool=create&status=failed").await["calls"].clone();
    listed.as_array_mut().unwrap().reverse();
    assert_eq!(Value::Array(calls), listed, "the oldest first");
    let parquet = house
        .ask(&house.key, &format!("{CALLS}/export?format=parquet"))
        .await;
    assert!(parquet.body.starts_with(b"PAR1") && parquet.body.ends_with(b"PAR1"));
}

async fn whoami(endpoint: &Endpoint, key: &str) -> Result<(u16, HeaderMap), SendError> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
    let request = OutRequest {
        method: Method::GET,
        path_and_query: None,
        headers,
        body: bytes::Bytes::new(),
    };
    let response = soon("an answer", endpoint.send(request)).await?;
    let found = (response.status().as_u16(), response.headers().clone());
    soon("its body", response.into_body().collect())
        .await
        .expect("a whole body");
    Ok(found)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// S-59: the certificate of the administration is renewed like the gateway's, and browsers are told to stay with TLS.
#[tokio::test(flavor = "multi_thread")]
async fn s59_the_api_over_tls_with_a_certificate_that_is_renewed() {
    let installation = Installation::new();
    let key = installation.json(&["key", "create", "tests"])["key"].clone();
    let key = key.as_str().unwrap();
    let (first, second) = (Authority::new(), Authority::new());
    let (certificate, private) = first.issue(&installation);
    let flags = [
        "--tls-cert",
        text(&certificate),
        "--tls-key",
        text(&private),
    ];
    let mut served = installation.serve(&[&flags[..], &["--log-format", "json"]].concat());
    assert!(
        served.url.starts_with("https://127.0.0.1:"),
        "{}",
        served.url
    );
    let url = format!("{}/api/whoami", served.url);
    let kept = first.endpoint(&url);
    let (status, headers) = whoami(&kept, key).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(headers[STRICT_TRANSPORT_SECURITY], "max-age=31536000");
    assert!(whoami(&second.endpoint(&url), key).await.is_err());

    // What goes wrong is told on standard error, one JSON object a line as asked for; standard output is not the place.
    std::fs::write(&private, "not a key").unwrap();
    served.process.signal("HUP");
    let line = eventually("the log tells of the bad key", || {
        let text = served.process.stderr();
        let line = text
            .lines()
            .find(|line| line.contains("old one stays in force"));
        line.map(ToOwned::to_owned)
    });
    let line: Value = serde_json::from_str(&line).expect("one object a line");
    assert_eq!(line["level"], "WARN", "{line}");
    assert!(!served.process.stdout().contains("old one"));
    assert_eq!(whoami(&first.endpoint(&url), key).await.unwrap().0, 200);

    second.issue(&installation);
    served.process.signal("HUP");
    soon("SIGHUP is heard", async {
        while whoami(&second.endpoint(&url), key).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(
        whoami(&kept, key).await.unwrap().0,
        200,
        "the old connection goes on"
    );
    served.process.signal("TERM");
    assert!(served.process.wait().success());
}

/// What a person started it with decides how much it says.
#[test]
fn what_is_logged_is_asked_for_by_level() {
    let installation = Installation::new();
    let (certificate, private) = Authority::new().issue(&installation);
    let served = installation.serve(&[
        "--tls-cert",
        text(&certificate),
        "--tls-key",
        text(&private),
    ]);
    served.process.signal("HUP");
    eventually("the log tells of the certificate", || {
        let said = served.process.stderr();
        let line = said
            .lines()
            .find(|line| line.contains("the certificate was read again"))?;
        line.contains(" INFO ").then_some(())
    });
}

//! OpenTelemetry and Prometheus: what they are told, and what they are never told.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use toolgate_testkit::{Client, Script, Server};
use toolgate_tests::{Gateway, Installation, eventually};

use crate::sink::{Sent, Sink};
use crate::world::add;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const SECRET: &str = "canary-Qz7secretXw-0123456789";
const ARGUMENT: &str = "canary-argument-Kp4";
const RESULT: &str = "canary-result-Wm9";
const HEADER: &str = "canary-collector-Tr5";

/// P9.69 and product.md section 12: a call is a span between what the client did and what its server does; what is
/// exported holds no argument, result, token or secret (S-19, S-23).
#[expect(clippy::too_many_lines, reason = "one story from first to last")]
#[tokio::test(flavor = "multi_thread")]
async fn calls_are_spans_metrics_and_logs_without_payload() {
    let collector = Sink::start().await;
    let server = Server::new()
        .tool("echo", Script::new().text(RESULT))
        .tool("dies", Script::new().disconnect())
        .start()
        .await;
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team").token;
    add(
        &installation,
        "s",
        &server,
        &["--header", "X-Api-Key: {KEY}"],
    );
    installation.secret("team", "s", "KEY", SECRET);
    let headers = installation.scratch().join("headers");
    std::fs::write(&headers, format!("x-collector-key: {HEADER}\n")).unwrap();
    // What it does not take at once it is sent again.
    collector.answer_with([503]);
    let gateway = installation.start_with(&[
        "--otlp-endpoint",
        &collector.url("/otlp"),
        "--otlp-headers-file",
        headers.to_str().unwrap(),
    ]);
    let mut client = Client::new(&gateway.workspace("team")).bearer(&token);
    client.initialize().await;
    client.set_header("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    client.set_header("tracestate", "vendor=1");
    client.call("s__echo", json!({ "text": ARGUMENT })).await;
    client.call("s__dies", json!({})).await;
    client.set_header(
        "traceparent",
        &format!("00-{}-{PARENT}-00", TRACE.replace("0af7", "1af7")),
    );
    client.call("s__echo", json!({})).await;
    client.set_header("traceparent", "not one");
    client.call("s__echo", json!({})).await;

    let spans = eventually("six spans", || {
        let spans = spans(&collector);
        (spans.len() >= 6).then_some(spans)
    });
    let told: Vec<String> = server
        .requests_for("tools/call")
        .iter()
        .map(|call| {
            call.body["params"]["_meta"]["traceparent"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    let of_gateway: Vec<&Span> = spans.iter().filter(|span| span.kind == 2).collect();
    assert_eq!(of_gateway.len(), 3, "an unsampled trace is nobody's");
    let first = of_gateway[0];
    assert_eq!(hex(&first.trace_id), TRACE);
    assert_eq!(hex(&first.parent_span_id), PARENT);
    assert_eq!(first.name, "tools/call echo");
    let at_server = spans
        .iter()
        .find(|span| span.parent_span_id == first.span_id)
        .expect("the server's part of it");
    assert_eq!(at_server.kind, 3);
    assert_eq!(
        told[0],
        format!("00-{TRACE}-{}-01", hex(&at_server.span_id))
    );
    assert!(first.start_time_unix_nano <= at_server.start_time_unix_nano);
    assert!(at_server.end_time_unix_nano <= first.end_time_unix_nano);
    assert!(
        told[2].ends_with(&format!("{PARENT}-00")),
        "handed on: {told:?}"
    );
    let last = of_gateway[2];
    assert!(last.parent_span_id.is_empty(), "a malformed parent is none");
    assert_eq!(&told[3][3..35], hex(&last.trace_id));
    let attributes = texts(&first.attributes);
    for (key, value) in [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.tool.name", "echo"),
        ("toolgate.workspace", "team"),
        ("toolgate.server", "s"),
        ("toolgate.status", "ok"),
    ] {
        assert_eq!(
            attributes.get(key).map(String::as_str),
            Some(value),
            "{key}"
        );
    }
    assert!(attributes["toolgate.token.id"].starts_with("tok_"));
    let failed = texts(&of_gateway[1].attributes);
    assert_eq!(failed["error.type"], "unreachable");
    assert_eq!(of_gateway[1].status.as_ref().unwrap().code, 2);

    assert!(gateway.stop().success());
    let logs = collector.sent_to("/otlp/v1/logs");
    let logs = ExportLogsServiceRequest::decode(logs[0].body.clone()).unwrap();
    let log = &logs.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(log.severity_text, "WARN");
    assert_eq!(log.span_id, of_gateway[1].span_id);
    let calls = metric(&collector.sent_to("/otlp/v1/metrics"), "toolgate.calls");
    assert_eq!(calls.get(&status("ok")), Some(&3));
    assert_eq!(calls.get(&status("unreachable")), Some(&1));

    for sent in collector.sent_to("/otlp/v1/traces") {
        assert_eq!(sent.headers["x-collector-key"], HEADER);
        assert_eq!(sent.headers["content-type"], "application/x-protobuf");
    }
    let everything = String::from_utf8_lossy(&collector.everything()).into_owned();
    for canary in [SECRET, ARGUMENT, RESULT, &token, &token[4..]] {
        assert!(!everything.contains(canary), "S-19: {canary}");
    }
}

/// OTLP, "Partial Success": what a collector leaves out is counted and said once, and not sent again.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_leaves_out_is_counted_and_not_sent_again() {
    let collector = Sink::start().await;
    for n in 1..=2 {
        let answer = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: 1,
                error_message: format!("span limit {n}\n2026-01-01 ERROR forged \u{1b}[31m"),
            }),
        };
        collector.answer_at("/v1/traces", answer.encode_to_vec());
    }
    let server = Server::new().tool("echo", "ok").start().await;
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team").token;
    add(&installation, "s", &server, &[]);
    let gateway = installation.start_with(&[
        "--otlp-endpoint",
        &collector.url(""),
        "--metrics-listen",
        "127.0.0.1:0",
    ]);
    let mut client = Client::new(&gateway.workspace("team")).bearer(&token);
    client.initialize().await;
    for batch in 1..=3 {
        client.call("s__echo", json!({})).await;
        collector.until_sent("/v1/traces", batch);
    }
    let url = metrics_url(&gateway);
    let items = |page: &Page, outcome| {
        let labels = [("outcome", outcome), ("signal", "traces")];
        page.value("toolgate_otlp_items_total", &labels)
    };
    let page = until_scraped(&url, |page| items(page, "exported") == Some(4.0)).await;
    assert_eq!(items(&page, "rejected"), Some(2.0));
    assert_eq!(items(&page, "dropped"), Some(0.0));
    assert_eq!(collector.sent_to("/v1/traces").len(), 3, "none of it again");
    let said = gateway.process.stderr();
    let warnings: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("only a part"))
        .collect();
    assert_eq!(warnings.len(), 1, "{said}");
    assert!(warnings[0].contains("span limit 1 2026-01-01 ERROR forged [31m"));
    assert!(gateway.stop().success());
}

/// A collector that is not there costs no call anything and is no reason not to end.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_is_in_nobodys_way() {
    let server = Server::new().tool("echo", "ok").start().await;
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team").token;
    add(&installation, "s", &server, &[]);
    let gateway = installation.start_with(&["--otlp-endpoint", "http://127.0.0.1:9"]);
    let mut client = Client::new(&gateway.workspace("team")).bearer(&token);
    client.initialize().await;
    for _ in 0..20 {
        assert_eq!(client.call("s__echo", json!({})).await.text(), "ok");
    }
    assert!(gateway.stop().success());
}

/// S-24: metrics have names from closed sets, and parse.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_scraped_at_their_own_listener() {
    let server = Server::new()
        .tool("echo", "ok")
        .tool("odd\"name\\", "ok")
        .start()
        .await;
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team").token;
    add(&installation, "s", &server, &[]);
    let flags = ["--metrics-listen", "127.0.0.1:0", "--metrics-by-tool"];
    let gateway = installation.start_with(&flags);
    let mut client = Client::new(&gateway.workspace("team")).bearer(&token);
    client.initialize().await;
    for _ in 0..3 {
        client.call("s__echo", json!({})).await;
    }
    for n in 0..50 {
        client.call(&format!("s__made_up_{n}"), json!({})).await;
    }
    let url = metrics_url(&gateway);
    let calls = |page: &Page, tool: Option<&str>, status: &str| {
        let mut labels = vec![("server", "s"), ("status", status), ("workspace", "team")];
        match tool {
            Some(tool) => labels.push(("tool", tool)),
            None => labels[0].1 = "(none)",
        }
        page.value("toolgate_calls_total", &labels)
    };
    let page = until_scraped(&url, |page| calls(page, None, "refused") == Some(50.0)).await;
    assert_eq!(calls(&page, Some("echo"), "ok"), Some(3.0));
    let of_echo = [("server", "s"), ("tool", "echo"), ("workspace", "team")];
    assert_eq!(
        page.value("toolgate_call_duration_seconds_count", &of_echo),
        Some(3.0)
    );
    let endless = [
        ("le", "+Inf"),
        ("server", "s"),
        ("tool", "echo"),
        ("workspace", "team"),
    ];
    assert_eq!(
        page.value("toolgate_call_duration_seconds_bucket", &endless),
        Some(3.0)
    );
    let of_server = [("server", "s"), ("workspace", "team")];
    assert_eq!(
        page.value("toolgate_server_circuit_open", &of_server),
        Some(0.0)
    );
    assert_eq!(page.value("toolgate_ready", &[]), Some(1.0));
    for (name, labels) in [
        ("toolgate_resource_used", vec![("resource", "sessions")]),
        (
            "toolgate_resource_limit",
            vec![("resource", "calls_under_way")],
        ),
        ("toolgate_call_records_total", vec![("outcome", "dropped")]),
        ("toolgate_requests_shed_total", vec![]),
        ("toolgate_quota_used", vec![("workspace", "team")]),
        ("process_resident_memory_bytes", vec![]),
        (
            "toolgate_build_info",
            vec![("version", env!("CARGO_PKG_VERSION"))],
        ),
    ] {
        assert!(page.value(name, &labels).is_some(), "{name} {labels:?}");
    }
    assert!(
        !page.text.contains("made_up"),
        "names of clients are no labels"
    );
    assert!(!page.text.contains(&token[4..]));
    // Nothing else is served there, and it is no page of a browser's.
    let origin = url.trim_end_matches("/metrics");
    let other = Client::new(origin).at("/ws/team").request("GET").await;
    assert_eq!(other.status, 404);
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example")] {
        let rebound = Client::new(&url).header(name, value);
        assert_eq!(rebound.request("GET").await.status, 403, "S-58: {name}");
    }
}

/// What docs/telemetry.md lists is what there is, with those labels.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_metrics_are_those_that_are_scraped() {
    let collector = Sink::start().await;
    let server = Server::new().tool("echo", "ok").start().await;
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team").token;
    add(&installation, "s", &server, &[]);
    installation.done(&["plan", "set", "--calls", "100"]);
    let gateway = installation.start_with(&[
        "--otlp-endpoint",
        &collector.url(""),
        "--metrics-listen",
        "127.0.0.1:0",
    ]);
    let mut client = Client::new(&gateway.workspace("team")).bearer(&token);
    client.initialize().await;
    client.call("s__echo", json!({})).await;
    let url = metrics_url(&gateway);
    let of_server = |rest: &[(&'static str, &'static str)]| {
        [&[("workspace", "team"), ("server", "s")], rest].concat()
    };
    let page = until_scraped(&url, |page| {
        let idle = of_server(&[("state", "idle")]);
        let is_idle = page.value("toolgate_server_connections", &idle) == Some(1.0);
        let calls = of_server(&[("status", "ok")]);
        is_idle && page.value("toolgate_calls_total", &calls).is_some()
    })
    .await;
    for (name, rest, value) in [
        ("toolgate_server_state", &[("state", "connected")][..], 1.0),
        ("toolgate_server_state", &[("state", "unknown")], 0.0),
        ("toolgate_server_calls_under_way", &[], 0.0),
        ("toolgate_server_crashes_total", &[], 0.0),
        ("toolgate_server_messages_dropped_total", &[], 0.0),
    ] {
        let found = page.value(name, &of_server(rest));
        assert_eq!(found, Some(value), "{name} {rest:?}");
    }
    let sessions = page.value("toolgate_server_sessions", &of_server(&[]));
    assert!(sessions >= Some(1.0), "{sessions:?}");
    let mut scraped: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, labels) in page.samples.keys() {
        let parts = ["_bucket", "_count", "_sum"];
        let part = parts.iter().find_map(|part| name.strip_suffix(part));
        let labels = labels.keys().filter(|label| *label != "le").cloned();
        let name = part.unwrap_or(name).to_owned();
        scraped.entry(name).or_default().extend(labels);
    }
    let page = std::fs::read_to_string(toolgate_tests::checkout().join("docs/telemetry.md"));
    let page = page.unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter(|row| row.starts_with("toolgate_") || row.starts_with("process_"));
    let documented: BTreeMap<String, BTreeSet<String>> = rows
        .map(|row| {
            let (name, rest) = row.split_once("` | ").expect("a name, and its labels");
            let labels = rest.split('|').next().unwrap();
            // "workspace, or `(all)`" is one label.
            let labels = labels.split(',').map(str::trim);
            let labels = labels.filter(|label| !label.is_empty() && !label.contains(' '));
            (name.to_owned(), labels.map(str::to_owned).collect())
        })
        .collect();
    assert_eq!(scraped, documented);
    // A server that is gone gets no calls any more, and no connection to it is left.
    server.stop().await;
    for _ in 0..6 {
        client.call("s__echo", json!({})).await;
    }
    let state =
        |page: &Page, state| page.value("toolgate_server_state", &of_server(&[("state", state)]));
    let gone = until_scraped(&url, |page| state(page, "circuit_open") == Some(1.0)).await;
    assert_eq!(state(&gone, "connected"), Some(0.0));
    for kind in ["busy", "idle"] {
        let labels = of_server(&[("state", kind)]);
        let open = gone.value("toolgate_server_connections", &labels);
        assert_eq!(open, Some(0.0), "{kind}");
    }
}

/// S-57: as for the gateway's own listener.
#[test]
fn s57_metrics_in_plain_text_stay_on_this_machine() {
    let installation = Installation::new();
    let mut process = installation.launch(&["--metrics-listen", "0.0.0.0:0"]);
    assert!(!process.wait().success());
    let said = process.stderr();
    assert!(
        said.contains("without TLS") && said.contains("hint:"),
        "{said}"
    );
}

fn metrics_url(gateway: &Gateway) -> String {
    let out = gateway.process.stdout();
    let line = out.lines().find_map(|line| line.strip_prefix("metrics "));
    line.expect("where metrics are served is printed")
        .to_owned()
}

fn spans(collector: &Sink) -> Vec<Span> {
    // Of what was refused the collector knows nothing.
    let sent = collector.sent_to("/otlp/v1/traces");
    let mut seen = BTreeSet::new();
    let mut spans: Vec<Span> = sent
        .iter()
        .map(|sent| ExportTraceServiceRequest::decode(sent.body.clone()).unwrap())
        .flat_map(|request| request.resource_spans)
        .flat_map(|of_resource| of_resource.scope_spans)
        .flat_map(|of_scope| of_scope.spans)
        .filter(|span| seen.insert(span.span_id.clone()))
        .collect();
    spans.sort_by_key(|span| span.start_time_unix_nano);
    spans
}

/// The points of a counter, by their labels.
fn metric(sent: &[Sent], name: &str) -> BTreeMap<BTreeMap<String, String>, i64> {
    let last = sent.last().expect("metrics were exported");
    let request = ExportMetricsServiceRequest::decode(last.body.clone()).unwrap();
    let metrics = request.resource_metrics.into_iter();
    let mut metrics = metrics
        .flat_map(|of_resource| of_resource.scope_metrics)
        .flat_map(|of_scope| of_scope.metrics);
    let metric = metrics
        .find(|metric| metric.name == name)
        .expect("it is exported");
    let Some(Data::Sum(sum)) = metric.data else {
        panic!("{name} is no counter");
    };
    assert!(sum.is_monotonic);
    let points = sum.data_points.into_iter().map(|point| {
        let value = point
            .value
            .map(|value| format!("{value:?}"))
            .unwrap_or_default();
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        (texts(&point.attributes), digits.parse().unwrap_or_default())
    });
    points.collect()
}

fn status(status: &str) -> BTreeMap<String, String> {
    [("workspace", "team"), ("server", "s"), ("status", status)]
        .map(|(name, value)| (format!("toolgate.{name}"), value.to_owned()))
        .into()
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some((attribute.key.clone(), text.clone())),
        _ => None,
    };
    attributes.iter().filter_map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A scraped page, read by a parser that forgives nothing.
struct Page {
    text: String,
    samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

impl Page {
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.samples
            .get(&(name.to_owned(), labels.collect()))
            .copied()
    }
}

/// The page once it says so.
async fn until_scraped(url: &str, says: impl Fn(&Page) -> bool) -> Page {
    let deadline = std::time::Instant::now() + toolgate_tests::PATIENCE;
    loop {
        let page = scrape(url).await;
        if says(&page) {
            return page;
        }
        assert!(std::time::Instant::now() < deadline, "{}", page.text);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

async fn scrape(url: &str) -> Page {
    let reply = Client::new(url).request("GET").await;
    assert_eq!(reply.status, 200);
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let mut samples = BTreeMap::new();
    let mut families = BTreeSet::new();
    let body = text.strip_suffix("# EOF\n").expect("a page has an end");
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let kind = words.next().unwrap();
            let name = words.next().expect("a comment names its family");
            assert!(["HELP", "TYPE"].contains(&kind), "{line}");
            if kind == "TYPE" {
                let kind = words.next().unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(families.insert(name.to_owned()), "twice: {line}");
            }
            continue;
        }
        let (key, value) = line.rsplit_once(' ').expect("a sample has a value");
        let value: f64 = value.parse().expect("a number");
        let (name, labels) = match key.split_once('{') {
            Some((name, labels)) => (name, labels_of(labels)),
            None => (key, BTreeMap::new()),
        };
        assert!(
            families
                .iter()
                .any(|family| name.starts_with(family.as_str())),
            "no family of {line}"
        );
        let before = samples.insert((name.to_owned(), labels), value);
        assert!(before.is_none(), "twice: {line}");
    }
    Page { text, samples }
}

/// `name="value",…}` with the three escapes there are.
fn labels_of(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while rest != "}" {
        let (name, after) = rest.split_once("=\"").expect("a label has a value");
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().expect("a value ends") {
                (at, '"') => break at,
                (_, '\\') => match characters.next().expect("an escape goes on").1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    c => panic!("no escape: {c}"),
                },
                (_, c) => value.push(c),
            }
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(name.chars().all(is_name), "{name}");
        assert!(labels.insert(name.to_owned(), value).is_none(), "{text}");
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    labels
}

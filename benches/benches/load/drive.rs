//! The closed loop: so many connections, one call under way on each, every answer checked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::task::LocalSet;

use crate::scenario::Scenario;
use crate::subject::cpu_time;
use crate::upstream::{MARK, SECRET};
use crate::wire::Connection;

/// What to do, as one line of JSON between two processes.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// `host:port` of the subject.
    pub(crate) address: String,
    /// Path of its MCP endpoint.
    pub(crate) path: String,
    /// Bearer token it wants.
    pub(crate) token: String,
    /// The tool, as it is called there.
    pub(crate) tool: String,
    /// Process whose CPU time counts.
    pub(crate) pid: u32,
    pub(crate) scenario: usize,
    pub(crate) warmup: Duration,
    pub(crate) measured: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    /// CPU time of the subject per call, in microseconds.
    pub(crate) cpu_us: f64,
    /// Calls a second.
    pub(crate) throughput: f64,
    /// Median latency in microseconds.
    pub(crate) p50_us: f64,
    /// 99th percentile in microseconds.
    pub(crate) p99_us: f64,
}

impl Job {
    pub(crate) fn to_json(&self) -> String {
        json!({
            "address": self.address, "path": self.path, "token": self.token, "tool": self.tool, "pid": self.pid,
            "scenario": self.scenario, "warmup_ms": millis(self.warmup), "measured_ms": millis(self.measured),
        })
        .to_string()
    }

    fn from_json(text: &str) -> Self {
        let job: Value = serde_json::from_str(text).expect("our own JSON");
        let text = |key: &str| job[key].as_str().expect("our own JSON").to_owned();
        let number = |key: &str| job[key].as_u64().expect("our own JSON");
        Self {
            address: text("address"),
            path: text("path"),
            token: text("token"),
            tool: text("tool"),
            pid: u32::try_from(number("pid")).expect("a process id"),
            scenario: usize::try_from(number("scenario")).expect("a small number"),
            warmup: Duration::from_millis(number("warmup_ms")),
            measured: Duration::from_millis(number("measured_ms")),
        }
    }
}

impl Measured {
    pub(crate) fn to_json(self) -> String {
        json!([self.cpu_us, self.throughput, self.p50_us, self.p99_us]).to_string()
    }

    pub(crate) fn from_json(text: &str) -> Option<Self> {
        let [cpu_us, throughput, p50_us, p99_us] = serde_json::from_str(text).ok()?;
        Some(Self {
            cpu_us,
            throughput,
            p50_us,
            p99_us,
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Does the job and prints what came of it.
pub(crate) fn run(job: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let measured = runtime.block_on(LocalSet::new().run_until(drive(Job::from_json(job))));
    println!("{}", measured.to_json());
}

/// What all connections share.
struct Shared {
    job: Job,
    scenario: Scenario,
    padding: String,
    next_id: Cell<u64>,
    stop: Cell<bool>,
    latency: RefCell<Option<Histogram<u64>>>,
}

async fn drive(job: Job) -> Measured {
    let scenario = crate::scenario::SCENARIOS[job.scenario];
    let (pid, warmup, measured) = (job.pid, job.warmup, job.measured);
    let shared = Rc::new(Shared {
        scenario,
        padding: "p".repeat(scenario.argument_bytes),
        job,
        next_id: Cell::new(1),
        stop: Cell::new(false),
        latency: RefCell::new(None),
    });
    let workers: Vec<_> = (0..scenario.connections)
        .map(|_| tokio::task::spawn_local(worker(Rc::clone(&shared))))
        .collect();

    tokio::time::sleep(warmup).await;
    let latency = Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("sound bounds");
    shared.latency.replace(Some(latency));
    let (before, started) = (cpu_time(pid), Instant::now());
    tokio::time::sleep(measured).await;
    let (used, seconds) = (
        cpu_time(pid).saturating_sub(before),
        started.elapsed().as_secs_f64(),
    );
    let latency = shared.latency.replace(None).expect("it was put there");
    shared.stop.set(true);
    for worker in workers {
        worker.await.expect("a wrong answer ends the bench");
    }

    let calls = precise(latency.len());
    Measured {
        cpu_us: used.as_secs_f64() * 1e6 / calls,
        throughput: calls / seconds,
        p50_us: precise(latency.value_at_quantile(0.5)) / 1e3,
        p99_us: precise(latency.value_at_quantile(0.99)) / 1e3,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and nanoseconds of a bench are far below 2^52"
)]
fn precise(number: u64) -> f64 {
    number as f64
}

async fn worker(shared: Rc<Shared>) {
    let mut connection = Connection::open(&shared.job.address)
        .await
        .expect("the subject listens");
    if !shared.scenario.modern {
        shake_hands(&shared, &mut connection).await;
    }
    while !shared.stop.get() {
        let id = shared.next_id.get();
        shared.next_id.set(id + 1);
        let request = shared.call(id, connection.session.as_deref());
        let started = Instant::now();
        connection
            .round(&request)
            .await
            .expect("the subject answers");
        let took = started.elapsed();
        shared.judge(id, &connection);
        if let Some(latency) = shared.latency.borrow_mut().as_mut() {
            latency.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }
}

async fn shake_hands(shared: &Shared, connection: &mut Connection) {
    let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"load","version":"1"}}}"#;
    connection
        .round(&shared.request(hello, "initialize", None, None))
        .await
        .expect("the subject answers");
    assert_eq!(
        connection.status,
        200,
        "initialize: {}",
        String::from_utf8_lossy(&connection.body)
    );
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let session = connection.session.clone();
    let request = shared.request(ready, "notifications/initialized", None, session.as_deref());
    connection
        .round(&request)
        .await
        .expect("the subject answers");
}

impl Shared {
    fn call(&self, id: u64, session: Option<&str>) -> Vec<u8> {
        let (tool, scenario) = (&self.job.tool, &self.scenario);
        let meta = if scenario.modern {
            r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"load","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#
        } else {
            ""
        };
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"bytes":{},"nonce":{id},"sse":{},"padding":"{}"}}{meta}}}}}"#,
            scenario.answer_bytes, scenario.sse, self.padding
        );
        self.request(&body, "tools/call", Some(tool), session)
    }

    fn request(
        &self,
        body: &str,
        method: &str,
        name: Option<&str>,
        session: Option<&str>,
    ) -> Vec<u8> {
        let Job {
            address,
            path,
            token,
            ..
        } = &self.job;
        let (modern, length) = (self.scenario.modern, body.len());
        let version = match (method, modern) {
            ("initialize", _) => None,
            (_, true) => Some("2026-07-28"),
            (_, false) => Some("2025-11-25"),
        };
        let header = |name: &str, value: Option<&str>| {
            value
                .map(|value| format!("{name}: {value}\r\n"))
                .unwrap_or_default()
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: {length}\r\n"
        );
        let parts = [
            head,
            header("mcp-protocol-version", version),
            header("mcp-method", modern.then_some(method)),
            header("mcp-name", name.filter(|_| modern)),
            header("mcp-session-id", session),
            "\r\n".to_owned(),
            body.to_owned(),
        ];
        parts.concat().into_bytes()
    }

    /// An answer counts only if it is the one to this very call, whole, and without the server's secret in it.
    fn judge(&self, id: u64, connection: &Connection) {
        let body = &connection.body;
        let says = |wanted: String| memchr::memmem::find(body, wanted.as_bytes()).is_some();
        let right = connection.status == 200
            && body.len() >= self.scenario.answer_bytes
            && says(format!("\"id\":{id},"))
            && says(format!("{MARK}{id};"));
        let start = &body[..body.len().min(300)];
        assert!(
            right,
            "HTTP {}: {}",
            connection.status,
            String::from_utf8_lossy(start)
        );
        assert!(
            self.job.token == SECRET || !says(SECRET.to_owned()),
            "the secret came back"
        );
    }
}

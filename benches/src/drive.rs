//! The closed loop: so many connections, one request under way on each, every answer checked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Deserialize;
use tokio::task::LocalSet;

use crate::job::{Ask, Job, Measured};
use crate::process::{cpu_time, forget_peak, peak_kib, resident_kib};
use crate::request::{self, Request};
use crate::text::{self, MARK};
use crate::wire::Connection;
use crate::{SECRET, precise};

/// Answers above this size are read in full once in 16, so that the load is not what is measured.
const LARGE: usize = 16 * 1024;

/// Does the job and prints what came of it.
pub(crate) fn run(job: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let job = serde_json::from_str(job).expect("our own JSON");
    let measured = runtime.block_on(LocalSet::new().run_until(drive(job)));
    println!(
        "{}",
        serde_json::to_string(&measured).expect("figures are JSON")
    );
}

/// What all connections share.
struct Shared {
    job: Job,
    padding: String,
    filler: String,
    next_id: Cell<u64>,
    stop: Cell<bool>,
    bytes: Cell<u64>,
    latency: RefCell<Option<Histogram<u64>>>,
}

async fn drive(job: Job) -> Measured {
    let (pid, load) = (job.target.pid, job.load);
    let (argument, answer) = match load.ask {
        Ask::Call {
            argument, answer, ..
        } => (argument, answer),
        Ask::List { .. } => (0, 0),
    };
    let shared = Rc::new(Shared {
        padding: "p".repeat(argument),
        filler: text::plain(answer),
        job,
        next_id: Cell::new(1),
        stop: Cell::new(false),
        bytes: Cell::new(0),
        latency: RefCell::new(None),
    });
    let mut workers = Vec::new();
    for number in 0..load.connections {
        let client = Client::open(&shared, number).await;
        workers.push(tokio::task::spawn_local(client.work()));
    }

    tokio::time::sleep(Duration::from_millis(load.warmup_ms)).await;
    let latency = Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("sound bounds");
    shared.latency.replace(Some(latency));
    shared.bytes.set(0);
    forget_peak(pid);
    let (before, started) = (cpu_time(pid), Instant::now());
    tokio::time::sleep(Duration::from_millis(load.measured_ms)).await;
    let (used, seconds) = (
        cpu_time(pid).saturating_sub(before),
        started.elapsed().as_secs_f64(),
    );
    let (end, peak) = (resident_kib(pid), peak_kib(pid));
    let latency = shared.latency.replace(None).expect("it was put there");
    shared.stop.set(true);
    for worker in workers {
        worker.await.expect("a wrong answer ends the bench");
    }

    let requests = precise(latency.len());
    Measured {
        cpu_us: used.as_secs_f64() * 1e6 / requests,
        throughput: requests / seconds,
        p50_us: precise(latency.value_at_quantile(0.5)) / 1e3,
        p99_us: precise(latency.value_at_quantile(0.99)) / 1e3,
        resident_kib: precise(end),
        peak_kib: precise(peak),
        answer_bytes: precise(shared.bytes.get()) / requests,
    }
}

struct Client {
    shared: Rc<Shared>,
    connection: Connection,
    token: String,
}

impl Client {
    async fn open(shared: &Rc<Shared>, number: usize) -> Self {
        let Job { target, load } = &shared.job;
        let connection = Connection::open(target, load.http2).await;
        let mut client = Self {
            shared: Rc::clone(shared),
            connection: connection.expect("the subject listens"),
            token: target.tokens[number % target.tokens.len()].clone(),
        };
        let canned = matches!(load.ask, Ask::List { canned: true, .. });
        if !load.modern && !canned {
            client.shake_hands().await;
        }
        client
    }

    async fn shake_hands(&mut self) {
        self.round(&request::initialize(&self.token)).await;
        let said = String::from_utf8_lossy(&self.connection.body).into_owned();
        assert_eq!(self.connection.status, 200, "initialize: {said}");
        let session = self.connection.session.clone();
        self.round(&request::initialized(&self.token, session.as_deref()))
            .await;
    }

    async fn round(&mut self, request: &Request) {
        let target = &self.shared.job.target;
        let round = self.connection.round(target, request).await;
        round.expect("the subject answers");
    }

    async fn work(mut self) {
        while !self.shared.stop.get() {
            let id = self.shared.next_id.get();
            self.shared.next_id.set(id + 1);
            let request = self.request(id);
            let started = Instant::now();
            self.round(&request).await;
            let took = started.elapsed();
            self.shared.judge(id, &self.connection);
            let bytes = self.connection.body.len() as u64;
            self.shared.bytes.set(self.shared.bytes.get() + bytes);
            if let Some(latency) = self.shared.latency.borrow_mut().as_mut() {
                latency.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            }
        }
    }

    fn request(&self, id: u64) -> Request {
        let Job { target, load } = &self.shared.job;
        let session = self.connection.session.as_deref();
        match load.ask {
            Ask::Call {
                answer,
                sse,
                pause_ms,
                ..
            } => {
                let padding = &self.shared.padding;
                let arguments = format!(
                    r#""bytes":{answer},"nonce":{id},"sse":{sse},"pause_ms":{pause_ms},"padding":"{padding}""#
                );
                request::call(
                    &self.token,
                    &target.tool,
                    id,
                    &arguments,
                    load.modern,
                    session,
                )
            }
            Ask::List { .. } => request::list(&self.token, id, load.modern, session),
        }
    }
}

/// An answer as far as the load reads it.
#[derive(Deserialize)]
struct Answer<'a> {
    id: u64,
    #[serde(borrow)]
    result: Outcome<'a>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow, default)]
    content: Vec<Content<'a>>,
    #[serde(default)]
    tools: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    text: std::borrow::Cow<'a, str>,
}

impl Shared {
    /// An answer counts only if it is the one to this very request, whole, and without the server's secret in it.
    fn judge(&self, id: u64, connection: &Connection) {
        if let Err(why) = self.is_right(id, connection) {
            let start = &connection.body[..connection.body.len().min(300)];
            let start = String::from_utf8_lossy(start);
            panic!("{why}: HTTP {}: {start}", connection.status);
        }
    }

    fn is_right(&self, id: u64, connection: &Connection) -> Result<(), String> {
        let body = &connection.body;
        let says = |wanted: &str| memchr::memmem::find(body, wanted.as_bytes()).is_some();
        let known = |holds: bool, why: &str| holds.then_some(()).ok_or_else(|| why.to_owned());
        known(connection.status == 200, "it was refused")?;
        let behind_relay = self.job.target.tokens == [SECRET];
        known(behind_relay || !says(SECRET), "the secret came back")?;
        let sampled = id.is_multiple_of(16) || body.len() <= LARGE;
        match self.job.load.ask {
            Ask::Call { answer, .. } => {
                let mark = format!("{MARK}{id};");
                known(body.len() >= answer && says(&mark), "another call's answer")?;
                if sampled {
                    let parsed = parse(connection)?;
                    known(parsed.id == id, "another id")?;
                    let text = parsed.result.content.first().map(|content| &*content.text);
                    let rest = text.and_then(|text| text.strip_prefix(&mark));
                    known(
                        rest == Some(&self.filler),
                        "not the text that the server sent",
                    )?;
                }
            }
            Ask::List { tools, canned } => {
                if id % 16 == 1 {
                    let parsed = parse(connection)?;
                    known(canned || parsed.id == id, "another id")?;
                    let seen = parsed.result.tools.len();
                    known(seen == tools, &format!("{seen} tools instead of {tools}"))?;
                }
            }
        }
        Ok(())
    }
}

fn parse(connection: &Connection) -> Result<Answer<'_>, String> {
    let body = &connection.body[..];
    let message = if connection.events {
        let start = memchr::memmem::rfind(body, b"data: ").ok_or("no event")? + 6;
        let end = memchr::memchr(b'\n', &body[start..]).ok_or("half an event")?;
        &body[start..start + end]
    } else {
        body
    };
    serde_json::from_slice(message).map_err(|error| error.to_string())
}

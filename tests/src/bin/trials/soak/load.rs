//! Clients that call without pause, and what they saw.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use toolgate_testkit::Client;

use super::CANARY;

/// Who calls, and how long it rests between two calls: half of what one core can do is far more than this, but the
/// load shares the machine with the gateway.
const REST: Duration = Duration::from_millis(10);
/// A call that takes longer never ends.
const ENDLESS: Duration = Duration::from_secs(20);
/// Tools that always have to work, and what their answers hold.
const HEALTHY: [(&str, &str); 2] = [
    ("steady__echo", "marker"),
    ("guarded__say", "the secret is"),
];
/// Tools whose servers have faults: any answer is right, but one has to come.
const TROUBLED: [&str; 2] = ["shaky__try", "child__echo"];

/// What the clients saw.
#[derive(Debug)]
pub(crate) struct Tally {
    began: Instant,
    /// Answers as they should be.
    pub(crate) right: AtomicU64,
    /// Failures of servers that were well, outside of what is excused.
    pub(crate) wrong: AtomicU64,
    /// Calls that did not end.
    pub(crate) endless: AtomicU64,
    /// Answers with the secret in them.
    pub(crate) leaks: AtomicU64,
    /// Nobody shall call any more.
    pub(crate) stop: AtomicBool,
    excused_until_ms: AtomicU64,
    /// When a call to a healthy server began, and how long it took, both in milliseconds.
    times: Mutex<Vec<(f64, f64)>>,
}

impl Tally {
    /// Counts from now on.
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            began,
            right: AtomicU64::new(0),
            wrong: AtomicU64::new(0),
            endless: AtomicU64::new(0),
            leaks: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            excused_until_ms: AtomicU64::new(0),
            times: Mutex::default(),
        }
    }

    /// The gateway itself is being disturbed: failures are no news for that long.
    pub(crate) fn excuse(&self, time: Duration) {
        let until = self.now() + u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.excused_until_ms.fetch_max(until, Ordering::SeqCst);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_excused(&self, begun: u64) -> bool {
        begun <= self.excused_until_ms.load(Ordering::SeqCst)
    }

    /// The 99th percentile of the first and of the last third, milliseconds.
    pub(crate) fn p99(&self) -> (f64, f64) {
        let times = self.times.lock().expect("nobody panics with it");
        let end = times.last().map_or(0.0, |(begun, _)| *begun);
        let of = |from: f64, to: f64| {
            let mut part: Vec<f64> = times
                .iter()
                .filter(|(begun, _)| (from..=to).contains(begun))
                .map(|(_, took)| *took)
                .collect();
            part.sort_by(f64::total_cmp);
            part.get(part.len() * 99 / 100).copied().unwrap_or(0.0)
        };
        (of(0.0, end / 3.0), of(end * 2.0 / 3.0, end))
    }
}

/// Where the clients call.
pub(crate) struct Load {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) tally: Arc<Tally>,
}

impl Load {
    /// Starts the clients; they end when the tally says stop.
    pub(crate) fn start(self, runtime: &Runtime) -> Vec<JoinHandle<()>> {
        let tools = HEALTHY.map(|(tool, holds)| (tool, Some(holds)));
        let troubled = TROUBLED.map(|tool| (tool, None));
        let all = tools.into_iter().chain(tools).chain(troubled);
        all.map(|(tool, holds)| {
            let client = Client::new(&self.url).bearer(&self.token);
            runtime.spawn(call_on(client, tool, holds, Arc::clone(&self.tally)))
        })
        .collect()
    }
}

async fn call_on(client: Client, tool: &str, holds: Option<&str>, tally: Arc<Tally>) {
    while !tally.stop.load(Ordering::Relaxed) {
        let begun = tally.now();
        let params = json!({"name": tool, "arguments": {"text": "marker"}});
        // The client panics when the connection fails, which a restart makes it do; the task's end is that news.
        let mut own = client.clone();
        let call = tokio::spawn(async move {
            let reply = own.modern("tools/call", params).await;
            (reply.status, reply.text())
        });
        let answer = tokio::time::timeout(ENDLESS, call).await;
        let lasted = tally.now() - begun;
        match answer {
            Err(_) if tally.is_excused(begun) => {}
            Err(_) => {
                tally.endless.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) => judge(&tally, begun, lasted, holds, answer.ok()),
        }
        tokio::time::sleep(REST).await;
    }
}

/// `answer` is `None` when the connection failed.
fn judge(
    tally: &Tally,
    begun: u64,
    lasted: u64,
    holds: Option<&str>,
    answer: Option<(u16, String)>,
) {
    if answer
        .as_ref()
        .is_some_and(|(_, text)| text.contains(CANARY))
    {
        tally.leaks.fetch_add(1, Ordering::Relaxed);
    }
    let Some(holds) = holds else {
        tally.right.fetch_add(1, Ordering::Relaxed);
        return;
    };
    match answer {
        Some((200, text)) if text.contains(holds) => {
            tally.right.fetch_add(1, Ordering::Relaxed);
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of one run")]
            let times = (begun as f64, lasted as f64);
            tally
                .times
                .lock()
                .expect("nobody panics with it")
                .push(times);
        }
        _ if tally.is_excused(begun) => {}
        other => {
            if tally.wrong.fetch_add(1, Ordering::Relaxed) < 5 {
                println!("   a call failed {begun} ms into the soak: {other:?}");
            }
        }
    }
}

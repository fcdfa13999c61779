//! What trials of calls share: an installation with servers and a token, figures of the gateway, percentiles.

use std::time::Duration;

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use toolgate_testkit::Running;
use toolgate_tests::{Gateway, Installation};

/// A runtime for clients and servers of the trial.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Adds a server under a name.
pub(crate) fn add(installation: &Installation, workspace: &str, name: &str, url: &str) {
    installation.done(&["mcp", "add", name, "--url", url, "--workspace", workspace]);
}

/// Adds a server of the testkit.
pub(crate) fn add_server(
    installation: &Installation,
    workspace: &str,
    name: &str,
    server: &Running,
) {
    add(installation, workspace, name, server.url());
}

/// What `toolgatectl status` says.
pub(crate) fn status(installation: &Installation) -> Value {
    installation.json(&["status"])
}

/// The figure of one gauge.
pub(crate) fn gauge(status: &Value, what: &str) -> u64 {
    let gauges = status["gauges"].as_array().expect("gauges");
    let gauge = gauges.iter().find(|gauge| gauge["what"] == what);
    gauge.unwrap_or_else(|| panic!("no gauge {what}"))["used"]
        .as_u64()
        .expect("a number")
}

/// Calls that the gateway holds for servers, under way or waiting.
pub(crate) fn held(status: &Value) -> u64 {
    let links = status["links"].as_array().expect("links");
    let of = |link: &Value, what: &str| link[what].as_u64().expect("a number");
    links
        .iter()
        .map(|link| of(link, "under_way") + of(link, "waiting"))
        .sum()
}

/// Resident memory of a gateway, KiB.
pub(crate) fn resident_kib(gateway: &Gateway) -> u64 {
    let path = format!("/proc/{}/status", gateway.process.id());
    let text = std::fs::read_to_string(path).expect("the process lives");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse().ok()).expect("a number")
}

/// The value below which so many in a hundred lie, in milliseconds.
pub(crate) fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times
        .get(at)
        .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

/// A number as figures want it.
#[expect(clippy::cast_precision_loss, reason = "figures are rounded anyway")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

/// Chance that can be repeated.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n.max(1)
    }
}

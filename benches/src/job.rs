//! What to do and what came of it, as one line of JSON between two processes.

use serde::{Deserialize, Serialize};

/// Where the load goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// `host:port` of the subject.
    pub address: String,
    /// Path of its MCP endpoint.
    pub path: String,
    /// Bearer tokens, used in turn, one for each connection.
    pub tokens: Vec<String>,
    /// The tool, as it is called there.
    pub tool: String,
    /// Process whose CPU time and memory count.
    pub pid: u32,
}

/// What is asked.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Ask {
    /// A tool call.
    Call {
        /// Length of the text that the tool returns.
        answer: usize,
        /// Length of an argument that only has to be carried.
        argument: usize,
        /// The server answers as an event stream.
        sse: bool,
        /// How long the server waits in the middle of its answer.
        pause_ms: u64,
    },
    /// The list of tools.
    List {
        /// How many there must be.
        tools: usize,
        /// The same bytes for everybody, as memory serves them: the id is not the request's.
        canned: bool,
    },
}

/// How it is asked.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Load {
    /// What.
    pub ask: Ask,
    /// 2026-07-28 instead of 2025-11-25.
    pub modern: bool,
    /// HTTP/2 instead of HTTP/1.1.
    pub http2: bool,
    /// Keep-alive connections, each with one request under way.
    pub connections: usize,
    /// Milliseconds before measuring begins.
    pub warmup_ms: u64,
    /// Milliseconds measured.
    pub measured_ms: u64,
}

/// A load and where it goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) target: Target,
    pub(crate) load: Load,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Measured {
    /// CPU time of the subject per request, in microseconds, user and system.
    pub cpu_us: f64,
    /// Requests a second.
    pub throughput: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile in microseconds.
    pub p99_us: f64,
    /// Resident memory of the subject at the end, in KiB.
    pub resident_kib: f64,
    /// The most of it while measuring, in KiB.
    pub peak_kib: f64,
    /// Bytes of one answer's body.
    pub answer_bytes: f64,
}

/// The median of each figure.
pub fn median(rounds: &[Measured]) -> Measured {
    let middle = |figure: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Measured {
        cpu_us: middle(|one| one.cpu_us),
        throughput: middle(|one| one.throughput),
        p50_us: middle(|one| one.p50_us),
        p99_us: middle(|one| one.p99_us),
        resident_kib: middle(|one| one.resident_kib),
        peak_kib: middle(|one| one.peak_kib),
        answer_bytes: middle(|one| one.answer_bytes),
    }
}

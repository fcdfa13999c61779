//! Identities of spans: unlike any other's, without asking the system for randomness each time.

use std::sync::atomic::{AtomicU64, Ordering};

use toolgate_analytics::CallTrace;

use crate::bootstrap;
use crate::error::GatewayError;

/// An odd number near 2^64 divided by the golden ratio: steps of it never meet.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a client says of the trace its call belongs to (W3C Trace Context, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceParent {
    trace_id: [u8; 16],
    parent: [u8; 8],
    /// Whether the trace is kept at all.
    pub(crate) is_sampled: bool,
}

impl TraceParent {
    /// Reads `00-<trace>-<parent>-<flags>`, lower-case hexadecimal; later versions may have more behind it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let [version] = bytes::<1>(parts.next()?)?;
        let trace_id = bytes::<16>(parts.next()?)?;
        let parent = bytes::<8>(parts.next()?)?;
        let [flags] = bytes::<1>(parts.next()?)?;
        let is_whole = version != 0 || parts.next().is_none();
        let is_real = version != 0xff && trace_id != [0; 16] && parent != [0; 8];
        (is_whole && is_real).then_some(Self {
            trace_id,
            parent,
            is_sampled: flags & 1 == 1,
        })
    }
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if hex.len() != 2 * N || !hex.as_bytes().iter().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Makes spans for calls.
#[derive(Debug)]
pub(crate) struct Tracer {
    seeds: [u64; 2],
    next: AtomicU64,
}

impl Tracer {
    pub(crate) fn new() -> Result<Self, GatewayError> {
        let random = || bootstrap::random().map(u64::from_be_bytes);
        Ok(Self {
            seeds: [random()?, random()?],
            next: AtomicU64::new(random()?),
        })
    }

    /// A call within the client's trace, or in one of its own.
    pub(crate) fn call(&self, parent: Option<TraceParent>) -> CallTrace {
        let trace_id = parent.map_or_else(|| self.trace_id(), |parent| parent.trace_id);
        CallTrace {
            trace_id,
            parent: parent.map(|parent| parent.parent),
            span_id: self.id(0),
            server_span_id: self.id(0),
            at_server: None,
            ended: 0,
        }
    }

    fn trace_id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.id(0));
        id[8..].copy_from_slice(&self.id(1));
        id
    }

    /// Never the same twice in one process, and random between processes; never zero.
    fn id(&self, seed: usize) -> [u8; 8] {
        loop {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let mixed = mix(self.seeds[seed].wrapping_add(n.wrapping_mul(STEP)));
            if mixed != 0 {
                return mixed.to_be_bytes();
            }
        }
    }
}

/// The finalizer of `SplitMix64`, which maps numbers to numbers one to one.
fn mix(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// What the server of a call is told.
pub(crate) fn told_server(trace: &CallTrace) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(55);
    text.push_str("00-");
    for byte in trace.trace_id {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('-');
    for byte in trace.server_span_id {
        let _ = write!(text, "{byte:02x}");
    }
    text.push_str("-01");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, sampled: Option<bool>) {
        let parent = TraceParent::parse(text);
        assert_eq!(parent.map(|parent| parent.is_sampled), sampled, "{text}");
    }

    #[test]
    fn p9_69_only_what_w3c_calls_a_parent_is_one() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let parent = "b7ad6b7169203331";
        check(&format!("00-{trace}-{parent}-01"), Some(true));
        check(&format!("00-{trace}-{parent}-00"), Some(false));
        check(&format!("cc-{trace}-{parent}-01-more"), Some(true));
        for malformed in [
            String::new(),
            "00".into(),
            "own".into(),
            format!("00-{trace}-{parent}-01-more"),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-{parent}-1"),
            format!("00-{trace}-é{}-01", &parent[2..]),
        ] {
            check(&malformed, None);
        }
    }

    #[test]
    fn spans_are_told_apart() {
        let tracer = Tracer::new().unwrap();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let trace = tracer.call(None);
            assert!(seen.insert(trace.span_id) && seen.insert(trace.server_span_id));
        }
        let one = tracer.call(None);
        assert!(TraceParent::parse(&told_server(&one)).unwrap().is_sampled);
    }
}

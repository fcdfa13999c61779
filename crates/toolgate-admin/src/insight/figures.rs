//! What many calls come to, as reports have it.

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_analytics::{CallStatus, Outcome};
use toolgate_store::Figures;

/// What many calls come to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct CallFigures {
    /// How many there were.
    pub calls: u64,
    /// How many were answered with a result.
    pub ok: u64,
    /// How many a tool, a server or the gateway failed: `tool_error`, `rpc_error`, `timed_out`, `unreachable`,
    /// `overloaded` and `internal`.
    pub errors: u64,
    /// How many the gateway's rules turned away: `refused`, `rate_limited` and `revoked`.
    pub refused: u64,
    /// `ok` among `ok` and `errors`, from 0 to 1; null where there was neither.
    pub success_rate: Option<f64>,
    /// Milliseconds of the average call that was given to a server; null where none was.
    pub mean_ms: Option<u64>,
    /// Half of those calls took no longer, in milliseconds, exact to 3.2 %.
    pub p50_ms: Option<u64>,
    /// 95 of a hundred took no longer.
    pub p95_ms: Option<u64>,
    /// 99 of a hundred took no longer.
    pub p99_ms: Option<u64>,
    /// How many of the errors were calls without an answer in time.
    pub timed_out: u64,
    /// How many of the errors were calls that were not tried: a circuit was open or a queue was full.
    pub overloaded: u64,
    /// How many of those turned away were over the rate limit.
    pub rate_limited: u64,
    /// Bytes of requests.
    pub bytes_in: u64,
    /// Bytes of answers.
    pub bytes_out: u64,
}

impl From<&Figures> for CallFigures {
    fn from(figures: &Figures) -> Self {
        let ok = figures.came_to(Outcome::Good);
        let errors = figures.came_to(Outcome::Failed);
        Self {
            calls: figures.calls(),
            ok,
            errors,
            refused: figures.came_to(Outcome::Refused),
            success_rate: share(ok, ok.saturating_add(errors)),
            mean_ms: figures.mean_ms(),
            p50_ms: figures.latency.permille(500),
            p95_ms: figures.latency.permille(950),
            p99_ms: figures.latency.permille(990),
            timed_out: figures.ended(CallStatus::TimedOut),
            overloaded: figures.ended(CallStatus::Overloaded),
            rate_limited: figures.ended(CallStatus::RateLimited),
            bytes_in: figures.bytes_in,
            bytes_out: figures.bytes_out,
        }
    }
}

/// A part of a whole, to four places, which is more than anybody reads.
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    let each = u128::from(part) * 10_000 / u128::from(whole).max(1);
    let each = u32::try_from(each).ok()?;
    (whole > 0).then(|| f64::from(each) / 10_000.0)
}

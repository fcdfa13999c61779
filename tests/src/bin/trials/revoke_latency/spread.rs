//! Delays, and how they are told.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{P99, WORST};
use crate::score::{Bar, Score};

/// Delays by what was waited for, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Spread {
    by_kind: BTreeMap<(&'static str, usize), Vec<f64>>,
    /// Answers that came although they should not.
    pub(super) delivered: u64,
}

impl Spread {
    /// What happened `at`, after it was acknowledged; before it counts as at once. Scenes alternate between the
    /// two gateways by number.
    pub(super) fn add(
        &mut self,
        number: usize,
        kind: &'static str,
        at: Instant,
        acknowledged: Instant,
    ) {
        let delay = at.saturating_duration_since(acknowledged);
        let delays = self.by_kind.entry((kind, number % 2)).or_default();
        delays.push(delay.as_secs_f64() * 1000.0);
    }

    /// Writes all of it down, and holds the whole against the bars.
    pub(super) fn tell(&mut self, score: &mut Score, what: &str) {
        let mut all = Vec::new();
        for ((kind, gateway), delays) in &mut self.by_kind {
            delays.sort_by(f64::total_cmp);
            let gateway = ["knocked", "polling"][*gateway];
            score.figure(
                &format!("{what}: {kind}, {gateway}, p50"),
                at(delays, 0.5),
                "ms",
                Bar::Told,
            );
            score.figure(
                &format!("{what}: {kind}, {gateway}, max"),
                at(delays, 1.0),
                "ms",
                Bar::Told,
            );
            all.extend_from_slice(delays);
        }
        all.sort_by(f64::total_cmp);
        score.figure(
            &format!("{what}: p99"),
            at(&all, 0.99),
            "ms",
            Bar::AtMost(P99),
        );
        score.figure(
            &format!("{what}: max"),
            at(&all, 1.0),
            "ms",
            Bar::AtMost(WORST),
        );
    }
}

/// The value below which that share of the sorted values lies; without any, what meets no bar.
fn at(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of a short list"
    )]
    let index = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(index).copied().unwrap_or(f64::INFINITY)
}

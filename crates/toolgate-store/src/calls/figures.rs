//! What many calls come to.

use toolgate_analytics::{CallStatus, Outcome};

use super::codes;
use super::histogram::Histogram;
use super::packed::Call;

/// What many calls come to: how many ended how, how long they took, how much went over the wire.
///
/// Calls that were begun and whose end is not known are in no figure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// By the number of the status.
    counts: [u64; CallStatus::ALL.len()],
    /// Milliseconds that calls took in all which were given to a server.
    pub duration_ms: u64,
    /// How those milliseconds are spread.
    pub latency: Histogram,
    /// Bytes of requests.
    pub bytes_in: u64,
    /// Bytes of answers.
    pub bytes_out: u64,
}

impl Figures {
    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.counts.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// How many ended like this.
    pub fn ended(&self, status: CallStatus) -> u64 {
        self.counts[place(status)]
    }

    /// How many came to this.
    pub fn came_to(&self, outcome: Outcome) -> u64 {
        let ended = CallStatus::ALL.iter().filter(|s| s.outcome() == outcome);
        ended.fold(0, |sum, status| sum.saturating_add(self.ended(*status)))
    }

    /// Milliseconds of the average call that was given to a server.
    pub fn mean_ms(&self) -> Option<u64> {
        self.duration_ms.checked_div(self.latency.count())
    }

    /// Adds what others came to.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.duration_ms = self.duration_ms.saturating_add(other.duration_ms);
        self.latency.merge(&other.latency);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
    }

    pub(super) fn add_call(&mut self, call: &Call) {
        let count = &mut self.counts[place(call.status)];
        *count = count.saturating_add(1);
        if call.status.was_sent() {
            self.duration_ms = self.duration_ms.saturating_add(call.duration_ms);
            self.latency.add(call.duration_ms);
        }
        self.bytes_in = self.bytes_in.saturating_add(call.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(call.bytes_out);
    }

    pub(super) fn add_sums(&mut self, status: CallStatus, sums: &Sums) {
        let count = &mut self.counts[place(status)];
        *count = count.saturating_add(sums.durations.count());
        if status.was_sent() {
            self.duration_ms = self.duration_ms.saturating_add(sums.duration_ms);
            self.latency.merge(&sums.durations);
        }
        self.bytes_in = self.bytes_in.saturating_add(sums.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(sums.bytes_out);
    }
}

/// What calls of one status come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) duration_ms: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// As many as there were calls.
    pub(super) durations: Histogram,
}

impl Sums {
    pub(super) fn add_call(&mut self, call: &Call) {
        self.duration_ms = self.duration_ms.saturating_add(call.duration_ms);
        self.bytes_in = self.bytes_in.saturating_add(call.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(call.bytes_out);
        self.durations.add(call.duration_ms);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.duration_ms = self.duration_ms.saturating_add(other.duration_ms);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.durations.merge(&other.durations);
    }
}

fn place(status: CallStatus) -> usize {
    usize::try_from(codes::of_status(status)).unwrap_or(0)
}

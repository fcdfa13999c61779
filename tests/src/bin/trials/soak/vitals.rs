//! How the gateway's process fares: memory, descriptors, zombies, the write-ahead log.

use std::fs;
use std::path::Path;

use crate::score::{Bar, Score};

/// The most a write-ahead log may hold.
const WAL_MIB: f64 = 64.0;

/// What was seen, sample by sample.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    /// Of the second half alone: the first warms up and has a restart in it.
    late: Vec<Sample>,
    zombies: u64,
    wal_mib: f64,
}

/// One look at the process.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    rss_mib: f64,
    descriptors: f64,
}

impl Sample {
    fn of(process: u32) -> Option<Self> {
        Some(Self {
            rss_mib: rss_mib(process)?,
            descriptors: descriptors(process)?,
        })
    }

    fn mean(samples: &[Self]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred samples")]
        let count = samples.len().max(1) as f64;
        Self {
            rss_mib: samples.iter().map(|sample| sample.rss_mib).sum::<f64>() / count,
            descriptors: samples.iter().map(|sample| sample.descriptors).sum::<f64>() / count,
        }
    }
}

impl Vitals {
    /// Takes a sample.
    pub(crate) fn look(&mut self, gateway: u32, data: &Path, late: bool) {
        if late {
            self.late.extend(Sample::of(gateway));
        }
        let zombies = children(gateway)
            .into_iter()
            .filter(|child| is_zombie(*child));
        self.zombies = self.zombies.max(zombies.count() as u64);
        for name in ["control.db-wal", "calls.db-wal"] {
            let bytes = fs::metadata(data.join(name)).map_or(0, |about| about.len());
            #[expect(clippy::cast_precision_loss, reason = "a size in MiB")]
            let mib = bytes as f64 / 1024.0 / 1024.0;
            self.wal_mib = self.wal_mib.max(mib);
        }
    }

    /// Holds what was seen against its bars.
    pub(crate) fn report(&self, score: &mut Score) {
        let third = self.late.len() / 3;
        let first = Sample::mean(&self.late[..third]);
        let last = Sample::mean(&self.late[self.late.len() - third..]);
        score.figure("resident memory at the end", last.rss_mib, "MiB", Bar::Told);
        let growth = last.rss_mib - first.rss_mib;
        score.figure(
            "growth of memory in the second half",
            growth,
            "MiB",
            Bar::AtMost(8.0),
        );
        let more = last.descriptors - first.descriptors;
        score.figure(
            "growth of open descriptors",
            more,
            "descriptors",
            Bar::AtMost(8.0),
        );
        score.figure(
            "zombies at one time",
            zombies(self.zombies),
            "children",
            Bar::AtMost(1.0),
        );
        score.figure(
            "largest write-ahead log",
            self.wal_mib,
            "MiB",
            Bar::AtMost(WAL_MIB),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn zombies(count: u64) -> f64 {
    count as f64
}

fn rss_mib(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

fn descriptors(process: u32) -> Option<f64> {
    let count = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    Some(count as f64)
}

/// The children of a process.
pub(crate) fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new();
    };
    let lists = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let words = lists.flat_map(|list| {
        let ids: Vec<u32> = list
            .split_whitespace()
            .filter_map(|id| id.parse().ok())
            .collect();
        ids
    });
    words.collect()
}

/// A child that ended and was not waited for; one that just ended may be seen once.
fn is_zombie(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}

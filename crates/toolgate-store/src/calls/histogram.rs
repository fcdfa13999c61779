//! How long calls took, as a histogram from which any percentile is read.
//!
//! Up to 31 ms each millisecond has a bucket of its own; beyond, each doubling has sixteen. The middle of a bucket
//! is at most 1/32 away from whatever fell into it: percentiles are exact to 3.2 %.

use super::packed::{Numbers, put};
use crate::sql::Broken;

/// Buckets for each doubling, as a power of two.
const PRECISION: u32 = 4;
const EACH: u64 = 1 << PRECISION;

/// Counts by duration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Buckets that are not empty, in order.
    counts: Vec<(u16, u64)>,
}

impl Histogram {
    /// Counts one duration.
    pub(super) fn add(&mut self, duration_ms: u64) {
        self.add_to(bucket(duration_ms), 1);
    }

    /// Counts all that another one has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            self.add_to(*bucket, *count);
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The duration that so many thousandths of all durations do not exceed, such as 950; `None` of nothing.
    pub fn permille(&self, thousandths: u16) -> Option<u64> {
        let share = u128::from(self.count()) * u128::from(thousandths);
        let rank = share.div_ceil(1_000).max(1);
        let mut seen = 0;
        let found = self.counts.iter().find(|(_, count)| {
            seen += u128::from(*count);
            seen >= rank
        });
        found
            .or(self.counts.last())
            .map(|(bucket, _)| middle(*bucket))
    }

    fn add_to(&mut self, bucket: u16, count: u64) {
        match self
            .counts
            .binary_search_by_key(&bucket, |(found, _)| *found)
        {
            Ok(at) => self.counts[at].1 = self.counts[at].1.saturating_add(count),
            Err(at) => self.counts.insert(at, (bucket, count)),
        }
    }

    /// Packs it: how many buckets, then of each its distance from the one before and its count.
    pub(super) fn pack(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.counts.len() as u64);
        let mut before = 0;
        for (bucket, count) in &self.counts {
            put(bytes, u64::from(bucket - before));
            put(bytes, *count);
            before = *bucket;
        }
    }

    /// Becomes one that was packed.
    pub(super) fn unpack(&mut self, numbers: &mut Numbers<'_>) -> Result<(), Broken> {
        self.counts.clear();
        let mut bucket = 0_u16;
        for _ in 0..numbers.take()? {
            let distance = u16::try_from(numbers.take()?);
            bucket = distance
                .ok()
                .and_then(|distance| bucket.checked_add(distance))
                .ok_or(Broken("a histogram has too many buckets"))?;
            self.counts.push((bucket, numbers.take()?));
        }
        Ok(())
    }
}

fn bucket(duration_ms: u64) -> u16 {
    let doubling = duration_ms.max(EACH).ilog2() - PRECISION;
    let within = duration_ms >> doubling;
    // At most 60 doublings of sixteen buckets.
    u16::try_from(u64::from(doubling) * EACH + within).unwrap_or(u16::MAX)
}

fn middle(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    let doubling = (bucket / EACH).saturating_sub(1);
    let lowest = (bucket - doubling * EACH) << doubling.min(59);
    lowest.saturating_add(((1 << doubling.min(59)) - 1) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_bucket_is_close_to_all_that_fall_into_it() {
        let around = |n: u64| [n.saturating_sub(1), n, n.saturating_add(1), n / 3 * 2];
        for value in (0..63).flat_map(|bits| around(1 << bits)).chain(0..5_000) {
            let shown = middle(bucket(value));
            let off = shown.abs_diff(value);
            assert!(off <= value / 32, "{value} shows as {shown}");
        }
        assert!((0..10_000).map(bucket).is_sorted());
    }

    #[test]
    fn a_packed_histogram_comes_back() {
        let mut histogram = Histogram::default();
        for value in [0, 3, 3, 900, 70_000, u64::MAX] {
            histogram.add(value);
        }
        let mut bytes = Vec::new();
        histogram.pack(&mut bytes);
        let mut back = Histogram::default();
        back.unpack(&mut Numbers::of(&bytes)).unwrap();
        assert_eq!(back, histogram);
        let cut = &bytes[..bytes.len() - 1];
        assert!(back.unpack(&mut Numbers::of(cut)).is_err());
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.permille(500), None);
        (1..=20).for_each(|n| histogram.add(n));
        for (share, expected) in [(0, 1), (500, 10), (950, 19), (990, 20), (1_000, 20)] {
            assert_eq!(histogram.permille(share), Some(expected), "{share}");
        }
    }
}

//! What several tests need.

use proptest::test_runner::{Config, RngSeed};

/// The same cases on every run.
pub(crate) fn fixed() -> Config {
    Config {
        rng_seed: RngSeed::Fixed(9),
        failure_persistence: None,
        ..Config::default()
    }
}

//! The figures, side by side.

use std::fmt;

use crate::drive::Measured;

/// The columns: CPU per call, throughput, median and 99th percentile, each relay, gateway and ratio.
pub(crate) const HEAD: &str = "\
| scenario                       | CPU µs/call: relay | gateway |  ratio | calls/s: relay | gateway |  ratio | p50 µs: relay | gateway | p99 µs: relay | gateway |
|--------------------------------|-------------------:|--------:|-------:|---------------:|--------:|-------:|--------------:|--------:|--------------:|--------:|";

/// One scenario.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) relay: Measured,
    pub(crate) gateway: Measured,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            relay,
            gateway,
        } = self;
        write!(
            f,
            "| {name:<30} | {:>18.1} | {:>7.1} | {:>5.2}× | {:>14.0} | {:>7.0} | {:>5.2}× | {:>13.0} | {:>7.0} | {:>13.0} | {:>7.0} |",
            relay.cpu_us,
            gateway.cpu_us,
            gateway.cpu_us / relay.cpu_us,
            relay.throughput,
            gateway.throughput,
            gateway.throughput / relay.throughput,
            relay.p50_us,
            gateway.p50_us,
            relay.p99_us,
            gateway.p99_us,
        )
    }
}

/// The median of each figure.
pub(crate) fn median(rounds: &[Measured]) -> Measured {
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
    }
}

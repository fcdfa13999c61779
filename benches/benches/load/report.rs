//! Every figure of a run, for the table of goals and for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use toolgate_benches::Measured;

/// What has been measured so far, by the name of the scenario.
#[derive(Default)]
pub(crate) struct Report {
    pairs: BTreeMap<String, (Measured, Measured)>,
    figures: BTreeMap<String, f64>,
}

impl Report {
    /// Remembers a floor and a gateway that were measured in turn.
    pub(crate) fn pair(&mut self, name: String, floor: Measured, gateway: Measured) {
        self.pairs.insert(name, (floor, gateway));
    }

    /// Remembers one figure.
    pub(crate) fn figure(&mut self, name: &str, value: f64) {
        self.figures.insert(name.to_owned(), value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }

    /// Floor and gateway of a scenario.
    pub(crate) fn both(&self, name: &str) -> Option<(Measured, Measured)> {
        self.pairs.get(name).copied()
    }

    /// Writes `load.json` into the target directory.
    pub(crate) fn save(&self) {
        let pairs: BTreeMap<&String, Value> = self
            .pairs
            .iter()
            .map(|(name, (floor, gateway))| (name, json!({"floor": floor, "gateway": gateway})))
            .collect();
        let all = json!({"machine": toolgate_benches::machine(), "scenarios": pairs, "figures": self.figures});
        let file = toolgate_benches::target_dir().join("load.json");
        std::fs::write(&file, format!("{all:#}\n")).expect("the target directory is ours");
        println!("\nAll figures: {}", file.display());
    }
}

/// The head of a table of floor and gateway.
pub(crate) fn head(floor: &str) -> String {
    let first = format!("CPU µs: {floor}");
    format!(
        "| {:<42} | {first:>14} | gateway | ratio | a second: {floor} | gateway | ratio | p50 µs: {floor} | gateway | p99 µs: {floor} | gateway | MiB: {floor} | gateway |\n\
         |{:-<44}|---------------:|--------:|------:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        "scenario", ""
    )
}

/// One line of such a table.
pub(crate) fn row(name: &str, floor: &Measured, gateway: &Measured) -> String {
    format!(
        "| {name:<42} | {:>14.1} | {:>7.1} | {:>5.2} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} |",
        floor.cpu_us,
        gateway.cpu_us,
        gateway.cpu_us / floor.cpu_us,
        floor.throughput,
        gateway.throughput,
        gateway.throughput / floor.throughput,
        floor.p50_us,
        gateway.p50_us,
        floor.p99_us,
        gateway.p99_us,
        floor.peak_kib / 1024.0,
        gateway.peak_kib / 1024.0,
    )
}

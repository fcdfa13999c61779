//! What a trial found: figures beside their bars, printed and kept for the scorecard.

use serde_json::{Value, json};
use toolgate_tests::checkout;

use crate::effort::Effort;

/// What a figure is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    /// It may not be more.
    AtMost(f64),
    /// It may not be less.
    AtLeast(f64),
    /// Told, not judged: it depends on the machine.
    Told,
}

/// The figures of one trial.
#[derive(Debug)]
pub(crate) struct Score {
    trial: &'static str,
    figures: Vec<Value>,
    passed: u32,
    failed: u32,
}

impl Score {
    /// Of the trial of that name.
    pub(crate) fn new(trial: &'static str) -> Self {
        Self {
            trial,
            figures: Vec::new(),
            passed: 0,
            failed: 0,
        }
    }

    /// Notes a figure, such as `p99` in `ms`.
    pub(crate) fn figure(&mut self, name: &str, value: f64, unit: &str, bar: Bar) {
        let (holds, bar) = match bar {
            Bar::AtMost(most) => (value <= most, format!(" (at most {most})")),
            Bar::AtLeast(least) => (value >= least, format!(" (at least {least})")),
            Bar::Told => (true, String::new()),
        };
        let value = (value * 1000.0).round() / 1000.0;
        let verdict = if holds { "ok  " } else { "FAIL" };
        println!("   {verdict} {name}: {value} {unit}{bar}");
        self.figures.push(
            json!({"name": name, "value": value, "unit": unit, "bar": bar.trim(), "holds": holds}),
        );
        self.count(holds);
    }

    /// Notes something that must never happen and how often it did.
    pub(crate) fn never(&mut self, name: &str, times: u64) {
        #[expect(clippy::cast_precision_loss, reason = "only zero matters exactly")]
        self.figure(name, times as f64, "times", Bar::AtMost(0.0));
    }

    /// Notes a failure that is no figure.
    pub(crate) fn fail(&mut self, what: &str) {
        println!("   FAIL {what}");
        self.figures.push(json!({"name": what, "holds": false}));
        self.count(false);
    }

    fn count(&mut self, holds: bool) {
        if holds {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Figures that met their bars.
    pub(crate) fn passed(&self) -> u32 {
        self.passed
    }

    /// Figures that did not.
    pub(crate) fn failed(&self) -> u32 {
        self.failed
    }

    /// Writes the figures to `target/trials/NAME.json`.
    pub(crate) fn save(&self, effort: &Effort) {
        let dir = checkout().join("target/trials");
        let text = json!({"trial": self.trial, "full": effort.full, "seed": effort.seed, "figures": self.figures}).to_string();
        let written = std::fs::create_dir_all(&dir)
            .and_then(|()| std::fs::write(dir.join(format!("{}.json", self.trial)), text));
        if let Err(error) = written {
            println!("   the figures could not be written: {error}");
        }
    }
}

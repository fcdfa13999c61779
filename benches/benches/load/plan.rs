//! Which scenarios, how long and how often.

use toolgate_benches::{Load, Measured, Subject, median};

/// What the command line asks for.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) warmup_ms: u64,
    pub(crate) measured_ms: u64,
    /// Every combination, not only those that the goals are about.
    pub(crate) all: bool,
    /// One short round, with fewer streams and starts.
    pub(crate) quick: bool,
    /// Only print the names.
    pub(crate) list: bool,
    only: Vec<String>,
}

impl Plan {
    pub(crate) fn from_args(args: &[String]) -> Self {
        let has = |flag: &str| args.iter().any(|arg| arg == flag);
        let after = |flag: &str| args.iter().skip_while(|arg| *arg != flag).nth(1);
        let quick = has("--quick");
        let rounds = after("--rounds").and_then(|rounds| rounds.parse().ok());
        let (usual, warmup_ms, measured_ms) = if quick {
            (1, 300, 1_000)
        } else {
            (3, 1_000, 4_000)
        };
        let words = after("--only").map(|words| words.split(',').map(str::to_owned).collect());
        Self {
            rounds: rounds.unwrap_or(usual),
            warmup_ms,
            measured_ms,
            all: has("--all"),
            quick,
            list: has("--list"),
            only: words.unwrap_or_default(),
        }
    }

    /// Whether the scenario is asked for by name; all are when none is.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.iter().all(|word| name.contains(word.as_str()))
    }

    /// Whether names were given: then a scenario counts that is not among the usual ones.
    pub(crate) fn named(&self) -> bool {
        !self.only.is_empty()
    }

    /// Measures all subjects in turn, round after round; the medians.
    pub(crate) fn alternate<const N: usize>(
        &self,
        subjects: [(&Subject, &Load); N],
    ) -> [Measured; N] {
        let mut rounds = vec![Vec::new(); N];
        for _ in 0..self.rounds {
            for (done, (subject, load)) in rounds.iter_mut().zip(&subjects) {
                done.push(subject.measure(load));
            }
        }
        std::array::from_fn(|number| median(&rounds[number]))
    }
}

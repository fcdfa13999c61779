//! How hard a trial is to try: what the command line asks for.

use std::time::Duration;

/// What the command line asks for.
pub(crate) struct Effort {
    /// The trials that were named; none means all.
    pub(crate) only: Vec<String>,
    /// Only say what there is.
    pub(crate) list: bool,
    /// What every random choice of a trial comes from.
    pub(crate) seed: u64,
    /// Put the figures into the scorecard.
    pub(crate) publish: bool,
    /// The sizes of a release.
    pub(crate) full: bool,
}

impl Effort {
    /// Reads the command line; the error says what is possible.
    pub(crate) fn read() -> Result<Self, String> {
        let mut effort = Self {
            only: Vec::new(),
            list: false,
            seed: 1,
            publish: false,
            full: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--full" => effort.full = true,
                "--publish" => effort.publish = true,
                "--list" => effort.list = true,
                "--seed" => {
                    let seed = arguments.next().and_then(|seed| seed.parse().ok());
                    effort.seed = seed.ok_or("--seed needs a number")?;
                }
                name if crate::TRIALS.iter().any(|trial| trial.name == name) => {
                    effort.only.push(name.to_owned());
                }
                other => {
                    return Err(format!(
                        "unknown argument `{other}`; there are --full, --publish, --list, --seed N and the names that --list shows"
                    ));
                }
            }
        }
        Ok(effort)
    }

    /// A time for this run: `short` in CI, `full` before a release.
    pub(crate) fn size_of(&self, short: Duration, full: Duration) -> Duration {
        if self.full { full } else { short }
    }

    /// The size for this run: `short` in CI, `full` before a release.
    pub(crate) fn size(&self, short: u64, full: u64) -> u64 {
        if self.full { full } else { short }
    }
}

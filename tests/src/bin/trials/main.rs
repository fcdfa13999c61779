//! Trials: promises that hold under attack and under fault, measured against their bars.
//!
//! ```text
//! cargo run -p toolgate-tests --bin trials                        # every trial in its short form, as CI runs them
//! cargo run -p toolgate-tests --bin trials -- --full              # in the sizes of a release
//! cargo run -p toolgate-tests --bin trials -- kill-loop --seed 7  # one of them, with the seed of a failure
//! cargo run -p toolgate-tests --bin trials -- --publish           # and puts the figures into the scorecard
//! cargo run -p toolgate-tests --bin trials -- --list
//! ```
//!
//! A trial is more than a test: it runs for seconds to minutes, with both binaries as processes where the promise
//! spans processes, and it yields figures. Each figure is printed beside its bar and written to
//! `target/trials/NAME.json`, which `docs/security-scorecard.md` is kept from. The last line is
//! `N passed, N failed`, and the exit code is 1 if a bar was missed.

#![expect(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]

mod at_most_once;
mod auth_timing;
mod caller;
mod canary_sweep;
mod connection;
mod cross_talk;
mod effort;
mod front;
mod isolation;
mod kills;
mod load;
mod no_orphans;
mod pin_mutation;
mod plaintext_lifetime;
mod publish;
mod revoke_latency;
mod rng;
mod rolling;
mod rotate_under_load;
mod scanner_time;
mod score;
mod soak;
mod stage;
mod stderr_flood;
mod store;
mod storm;
mod token_format;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use effort::Effort;
use score::Score;

/// One promise and how it is put to the test.
struct Trial {
    /// What it is called on the command line.
    name: &'static str,
    /// The requirements it proves.
    proves: &'static str,
    /// Tries it; a panic is a failure as well.
    run: fn(&Effort, &mut Score),
}

/// Every trial, in the order in which they run.
const TRIALS: &[Trial] = &[
    Trial {
        name: "kill-loop",
        proves: "R-04, R-05",
        run: store::kill_loop::run,
    },
    Trial {
        name: "power-cut",
        proves: "R-04, R-06",
        run: store::power_cut::run,
    },
    Trial {
        name: "contention",
        proves: "R-01, R-03",
        run: store::contention::run,
    },
    Trial {
        name: "disk-full",
        proves: "R-07, S-83",
        run: store::disk_full::run,
    },
    Trial {
        name: "corrupt-corpus",
        proves: "R-08",
        run: store::corrupt_corpus::run,
    },
    Trial {
        name: "rotate-under-load",
        proves: "S-12",
        run: rotate_under_load::run,
    },
    Trial {
        name: "plaintext-lifetime",
        proves: "S-15",
        run: plaintext_lifetime::run,
    },
    Trial {
        name: "auth-flood",
        proves: "S-37",
        run: front::auth_flood::run,
    },
    Trial {
        name: "preauth-budget",
        proves: "S-82",
        run: front::preauth_budget::run,
    },
    Trial {
        name: "slowloris",
        proves: "S-60",
        run: front::slowloris::run,
    },
    Trial {
        name: "analytics-loss",
        proves: "R-11",
        run: kills::analytics_loss,
    },
    Trial {
        name: "strict-audit",
        proves: "R-12",
        run: kills::strict_audit,
    },
    Trial {
        name: "at-most-once",
        proves: "R-14",
        run: at_most_once::at_most_once,
    },
    Trial {
        name: "disconnect-storm",
        proves: "R-15",
        run: storm::disconnect_storm,
    },
    Trial {
        name: "noisy-neighbour",
        proves: "R-17",
        run: load::noisy_neighbour,
    },
    Trial {
        name: "slow-one-of-n",
        proves: "R-18",
        run: load::slow_one_of_n,
    },
    Trial {
        name: "overload",
        proves: "R-21",
        run: load::overload,
    },
    Trial {
        name: "ten-thousand-idle",
        proves: "R-22",
        run: load::ten_thousand_idle,
    },
    Trial {
        name: "rolling-restart",
        proves: "R-23",
        run: rolling::rolling_restart,
    },
    Trial {
        name: "no-orphans",
        proves: "S-74",
        run: no_orphans::run,
    },
    Trial {
        name: "stderr-flood",
        proves: "S-75",
        run: stderr_flood::run,
    },
    Trial {
        name: "canary-sweep",
        proves: "S-19, S-20, S-24, S-28",
        run: canary_sweep::run,
    },
    Trial {
        name: "revoke-latency",
        proves: "S-41, S-42",
        run: revoke_latency::run,
    },
    Trial {
        name: "isolation",
        proves: "S-46",
        run: isolation::run,
    },
    Trial {
        name: "cross-talk",
        proves: "S-47",
        run: cross_talk::run,
    },
    Trial {
        name: "token-format",
        proves: "S-34",
        run: token_format::run,
    },
    Trial {
        name: "auth-timing",
        proves: "S-35, S-36",
        run: auth_timing::run,
    },
    Trial {
        name: "pin-mutation",
        proves: "S-50",
        run: pin_mutation::run,
    },
    Trial {
        name: "scanner-time",
        proves: "S-53, F-18",
        run: scanner_time::run,
    },
    Trial {
        name: "soak",
        proves: "S-12, S-19, S-41, S-74, S-84, R-05, R-10, R-27",
        run: soak::run,
    },
];

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(cross_talk::SERVER) {
        return cross_talk::serve();
    }
    let effort = match Effort::read() {
        Ok(effort) => effort,
        Err(problem) => {
            println!("{problem}");
            return ExitCode::from(2);
        }
    };
    if effort.list {
        for trial in TRIALS {
            println!("{:<20} {}", trial.name, trial.proves);
        }
        return ExitCode::SUCCESS;
    }
    let wanted = |trial: &&Trial| {
        effort.only.is_empty() || effort.only.iter().any(|name| name == trial.name)
    };
    let (mut passed, mut failed) = (0, 0);
    for trial in TRIALS.iter().filter(wanted) {
        let began = Instant::now();
        println!("== {} ({}), seed {}", trial.name, trial.proves, effort.seed);
        let mut score = Score::new(trial.name);
        if catch_unwind(AssertUnwindSafe(|| (trial.run)(&effort, &mut score))).is_err() {
            score.fail("it panicked; the message is on standard error");
        }
        score.save(&effort);
        passed += score.passed();
        failed += score.failed();
        println!("   {:.1} s", began.elapsed().as_secs_f64());
    }
    if effort.publish
        && let Err(problem) = publish::publish()
    {
        println!("FAIL the figures could not be published: {problem}");
        failed += 1;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

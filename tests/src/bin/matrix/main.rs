//! The conformance matrix: the official suite through a real gateway, for every pair of client and server.
//!
//! ```text
//! tests/fixtures/install                                  # once
//! cargo run -p toolgate-tests --bin matrix                # everything; fails if the README says something else
//! cargo run -p toolgate-tests --bin matrix -- --publish   # everything, and puts the result into the README
//! cargo run -p toolgate-tests --bin matrix -- --list      # the names of the rows
//! cargo run -p toolgate-tests --bin matrix -- --cell H-L-2026-07-28   # every row whose name begins so; repeatable
//! ```
//!
//! Rows run one after another, each with a server, a gateway and a data directory of its own. What a row leaves (the
//! suite's results and output, the logs) is in `target/conformance/<row>/<attempt>`, the table in
//! `target/conformance/matrix.md`. The last line is `N passed, N failed`, and the exit code is 1 if one failed.

#![expect(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]

mod rows;
mod stage;
mod suite;
mod table;

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use toolgate_tests::{Fixtures, checkout, tool};

use rows::{Leg, MODERN, Namespace, Row};
use stage::{Neighbour, Neighbours, Stage};
use suite::Score;

/// How often a row is tried. The suite collects the events of some streams for 600 ms, in which a busy machine may not
/// get a server in Python to answer; what is wrong every time is wrong.
const ATTEMPTS: u32 = 4;

/// How many problems of a row are printed; all of them are in its folder.
const SHOWN: usize = 12;

/// How a row went, at its last attempt.
pub(crate) struct Outcome {
    pub(crate) row: Row,
    pub(crate) score: Score,
    /// How often it was tried.
    pub(crate) attempts: u32,
}

impl Outcome {
    /// Whether every scored scenario passed and none ran with fewer checks than it has.
    pub(crate) fn ok(&self) -> bool {
        let Self { row, score, .. } = self;
        score.problems.is_empty() && score.passed == row.scenarios && score.checks >= row.floor
    }
}

/// What the command line asks for.
#[derive(Default)]
struct Wanted {
    list: bool,
    publish: bool,
    /// Beginnings of names; none means all rows.
    cells: Vec<String>,
}

fn main() -> ExitCode {
    let wanted = match Wanted::read() {
        Ok(wanted) => wanted,
        Err(mistake) => {
            println!("{mistake}");
            return ExitCode::from(2);
        }
    };
    let mut rows = rows::all();
    rows.retain(|row| wanted.takes(row));
    if wanted.list || rows.is_empty() {
        for row in &rows {
            println!("{}", row.name);
        }
        return ExitCode::from(u8::from(rows.is_empty()));
    }
    let fixtures = match Fixtures::find() {
        Ok(fixtures) => fixtures,
        Err(missing) => {
            println!("{missing} is missing (hint: run tests/fixtures/install)");
            return ExitCode::FAILURE;
        }
    };

    let suite = suite::version(&fixtures);
    let runner = Runner {
        fixtures,
        neighbours: OnceLock::new(),
        folder: checkout().join("target/conformance"),
    };
    let outcomes: Vec<Outcome> = rows.into_iter().map(|row| runner.row(row)).collect();

    let full = table::full(&outcomes, &suite);
    runner.keep("matrix.md", &full);
    runner.keep(
        "matrix.json",
        &format!("{:#}\n", table::json(&outcomes, &suite)),
    );
    println!("\n{full}");
    let mut failed = outcomes.iter().filter(|outcome| !outcome.ok()).count();
    let passed = outcomes.len() - failed;
    if wanted.publish {
        table::publish(&outcomes, &suite);
    } else if wanted.cells.is_empty() && !table::is_published(&outcomes, &suite) {
        println!("FAILED  README.md says something else (hint: look why, then run with --publish)");
        failed += 1;
    }
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

impl Wanted {
    fn read() -> Result<Self, String> {
        let mut wanted = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--list" => wanted.list = true,
                "--publish" => wanted.publish = true,
                "--cell" => {
                    let name = arguments.next().ok_or("--cell needs the name of a row")?;
                    wanted.cells.push(name);
                }
                other => {
                    return Err(format!(
                        "unknown argument `{other}`; there are --list, --cell NAME and --publish"
                    ));
                }
            }
        }
        if wanted.publish && !wanted.cells.is_empty() {
            return Err("--publish needs every row; leave --cell out".to_owned());
        }
        Ok(wanted)
    }

    fn takes(&self, row: &Row) -> bool {
        self.cells.is_empty() || self.cells.iter().any(|name| row.name.starts_with(name))
    }
}

/// What rows have in common.
struct Runner {
    fixtures: Fixtures,
    neighbours: OnceLock<Neighbours>,
    /// `target/conformance`.
    folder: PathBuf,
}

impl Runner {
    /// Runs a row until it passes, a few times at most, and says how it went.
    fn row(&self, row: Row) -> Outcome {
        let folder = self.folder.join(&row.name);
        // It is not there the first time.
        drop(fs::remove_dir_all(&folder));
        let mut outcome = self.attempt(row, &folder, 1);
        while !outcome.ok() && outcome.attempts < ATTEMPTS {
            outcome = self.attempt(outcome.row, &folder, outcome.attempts + 1);
        }
        let Outcome { row, score, .. } = &outcome;
        println!(
            "{}  {:<30} {}/{} scenarios, {} checks, {:.1} s{}",
            if outcome.ok() { "ok    " } else { "FAILED" },
            row.name,
            score.passed,
            row.scenarios,
            score.checks,
            score.seconds,
            match outcome.attempts {
                1 => String::new(),
                attempts => format!(", attempt {attempts}"),
            },
        );
        for problem in score.problems.iter().take(SHOWN) {
            println!("        {problem}");
        }
        if score.problems.len() > SHOWN {
            println!("        and {} more", score.problems.len() - SHOWN);
        }
        if score.checks < row.floor {
            println!(
                "        only {} checks of at least {}",
                score.checks, row.floor
            );
        }
        outcome
    }

    /// One attempt; a panic in it is a problem like any other.
    fn attempt(&self, row: Row, folder: &Path, attempts: u32) -> Outcome {
        let folder = folder.join(attempts.to_string());
        fs::create_dir_all(&folder).expect("target/ can be written");
        let run = catch_unwind(AssertUnwindSafe(|| self.run(&row, &folder)));
        let score = run.unwrap_or_else(|panic| Score {
            problems: vec![reason(panic.as_ref())],
            ..Score::default()
        });
        fs::write(folder.join("problems.txt"), score.problems.join("\n"))
            .expect("target/ can be written");
        Outcome {
            row,
            score,
            attempts,
        }
    }

    fn run(&self, row: &Row, folder: &Path) -> Score {
        let fixtures = &self.fixtures;
        match &row.leg {
            Leg::Client => {
                let program = tool("conformance-client");
                suite::client(fixtures, &program, row.scope, folder)
            }
            Leg::Server(setup) => {
                let stage = Stage::set(fixtures, setup, || match setup.namespace {
                    Namespace::PrefixDead => Neighbour::dead(),
                    _ => Neighbour::alive(
                        self.neighbours.get_or_init(|| Neighbours::start(fixtures)),
                    ),
                });
                let score = catch_unwind(AssertUnwindSafe(|| {
                    let mut score = suite::server(fixtures, &stage.url, row.scope, folder);
                    if let Some(spoken) = stage.revision()
                        && (spoken == MODERN) != setup.modern()
                    {
                        let problem = format!("{spoken} was spoken with the server");
                        score.problems.push(problem);
                    }
                    score
                }));
                stage.strike(folder);
                score.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
        }
    }

    fn keep(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).expect("target/ can be written");
    }
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .to_owned()
}

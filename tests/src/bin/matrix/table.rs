//! The tables: one in full for whoever looks into a run, one in brief for the README.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use toolgate_tests::checkout;

use crate::Outcome;
use crate::rows::{Leg, MODERN, Namespace, Row, Scope, Setup, Upstream};

const BEGIN: &str = "<!-- matrix -->\n";
const END: &str = "<!-- /matrix -->\n";
/// How the line starts that differs from run to run.
const DATE: &str = "Measured on ";

/// Everything about every row.
pub(crate) fn full(outcomes: &[Outcome], suite: &str) -> String {
    let mut text = format!(
        "Suite `@modelcontextprotocol/conformance` {suite}.\n\n\
         | row | scored scenarios passed | checks | at least | seconds | attempts |\n\
         |---|---|---|---|---|---|\n"
    );
    for outcome in outcomes {
        let Outcome { row, score, .. } = outcome;
        writeln!(
            text,
            "| {} | {}/{} | {} | {} | {:.1} | {} |",
            row.name,
            score.passed,
            row.scenarios,
            score.checks,
            row.floor,
            outcome.score.seconds,
            outcome.attempts
        )
        .expect("a string takes everything");
    }
    text
}

/// The same for programs.
pub(crate) fn json(outcomes: &[Outcome], suite: &str) -> Value {
    let row = |outcome: &Outcome| {
        json!({
            "row": outcome.row.name,
            "passed": outcome.score.passed,
            "required": outcome.row.scenarios,
            "checks": outcome.score.checks,
            "floor": outcome.row.floor,
            "seconds": outcome.score.seconds,
            "attempts": outcome.attempts,
            "ok": outcome.ok(),
            "problems": outcome.score.problems,
        })
    };
    json!({ "suite": suite, "rows": outcomes.iter().map(row).collect::<Vec<_>>() })
}

/// What the README says between its marks.
fn brief(outcomes: &[Outcome], suite: &str) -> String {
    let mut text = String::from(
        "| server behind the gateway | client 2025-11-25 | the same, prefixed | client 2026-07-28 | the same, prefixed |\n\
         |---|---|---|---|---|\n",
    );
    let sum = |of: &dyn Fn(&Row) -> bool| {
        let mut all = outcomes
            .iter()
            .filter(|outcome| of(&outcome.row))
            .peekable();
        all.peek()?;
        let (passed, required) = all.fold((0, 0), |(passed, required), outcome| {
            (
                passed + outcome.score.passed,
                required + outcome.row.scenarios,
            )
        });
        Some(format!("{passed}/{required}"))
    };
    for upstream in Upstream::ALL {
        write!(text, "| {} |", upstream.words()).expect("a string takes everything");
        for modern in [false, true] {
            for namespace in [Namespace::None, Namespace::Prefix] {
                let passed = sum(&|row| cell(row) == Some((upstream, modern, namespace)));
                write!(text, " {} |", passed.unwrap_or_default())
                    .expect("a string takes everything");
            }
        }
        text.push('\n');
    }
    text.push_str("\n| beside the matrix | |\n|---|---|\n");
    for (kind, words) in [
        (
            Kind::Dead,
            "prefixed, while one neighbour hangs and one refuses",
        ),
        (
            Kind::Forced,
            "a server of both eras, held to the one its client does not speak",
        ),
        (Kind::Older, "clients on 2025-06-18 and 2025-03-26"),
        (
            Kind::Client,
            "our client against the suite's servers, without authorization",
        ),
    ] {
        let passed = sum(&|row| kind_of(row) == kind).unwrap_or_default();
        writeln!(text, "| {words} | {passed} |").expect("a string takes everything");
    }
    writeln!(
        text,
        "\nScored scenarios passed of those required, by `@modelcontextprotocol/conformance` {suite}. A scenario \
         with a warning has not passed."
    )
    .expect("a string takes everything");
    text
}

/// What a row is about.
#[derive(PartialEq, Eq)]
enum Kind {
    Cell,
    Dead,
    Forced,
    Older,
    Client,
}

fn kind_of(row: &Row) -> Kind {
    match (&row.leg, row.scope) {
        (Leg::Client, _) => Kind::Client,
        (Leg::Server(_), Scope::Wire(_)) => Kind::Older,
        (Leg::Server(setup), _) if setup.namespace == Namespace::PrefixDead => Kind::Dead,
        (Leg::Server(setup), _) if setup.held() => Kind::Forced,
        _ => Kind::Cell,
    }
}

/// Where a row stands in the matrix, if it does.
fn cell(row: &Row) -> Option<(Upstream, bool, Namespace)> {
    let (Leg::Server(setup), Kind::Cell) = (&row.leg, kind_of(row)) else {
        return None;
    };
    let Setup {
        upstream,
        namespace,
        ..
    } = *setup;
    let modern = matches!(row.scope, Scope::Requirements(revision) if revision == MODERN);
    Some((upstream, modern, namespace))
}

/// Puts what was found into the README, with the date.
pub(crate) fn publish(outcomes: &[Outcome], suite: &str) {
    let readme = readme();
    let text = fs::read_to_string(&readme).expect("there is a README");
    let (before, _, after) = split(&text);
    let today = jiff::Timestamp::now().to_string();
    let today = today.split('T').next().unwrap_or_default();
    let block = format!("{BEGIN}{}\n{DATE}{today}.\n{END}", brief(outcomes, suite));
    fs::write(readme, format!("{before}{block}{after}")).expect("the README can be written");
}

/// Whether the README says what was found, whenever it was measured.
pub(crate) fn is_published(outcomes: &[Outcome], suite: &str) -> bool {
    let text = fs::read_to_string(readme()).expect("there is a README");
    let (_, said, _) = split(&text);
    let dateless = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with(DATE));
        lines.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    dateless(said).trim() == dateless(&brief(outcomes, suite)).trim()
}

fn readme() -> PathBuf {
    checkout().join("README.md")
}

/// The README before, between and after its marks.
fn split(text: &str) -> (&str, &str, &str) {
    let marked = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (between, after) = rest.split_once(END)?;
        Some((before, between, after))
    });
    marked.expect("the README has the marks of the matrix")
}

//! The page: its rules are written by hand, its proofs and its sum are not.

use std::collections::BTreeSet;

use crate::proofs::Proofs;
use crate::quotes::Rule;

const BEGIN: &str = "<!-- sum -->";
const END: &str = "<!-- /sum -->";
/// What stands where a proof is missing.
const NONE: &str = "**no proof yet**";
/// The section that is not built, so that its rules have nothing to be proved of.
const LATER: u32 = 13;

/// The page as it should be.
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) sum: String,
    /// Rules without proof.
    pub(crate) unproved: Vec<Rule>,
    /// Rules that are quoted but not on the page, each with a place that does.
    pub(crate) unknown: Vec<(Rule, String)>,
}

/// Puts the proofs into the page.
pub(crate) fn fill(page: &str, proofs: &Proofs) -> Page {
    let mut known = BTreeSet::new();
    let mut unproved = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in page.lines() {
        let Some((rule, says)) = row(line) else {
            lines.push(line.to_owned());
            continue;
        };
        known.insert(rule);
        let proof = match proofs.get(&rule) {
            Some(tests) => joined(tests),
            None if rule.section == LATER => "not built yet".to_owned(),
            None => {
                unproved.push(rule);
                NONE.to_owned()
            }
        };
        lines.push(format!("| {rule} | {says} | {proof} |"));
    }
    let later = known.iter().filter(|rule| rule.section == LATER).count();
    let rules = known.len() - later;
    let sum = format!(
        "{rules} rules, {} proved, {} without proof; {later} more are not built yet.",
        rules - unproved.len(),
        unproved.len(),
    );
    let unknown = proofs.iter().filter(|(rule, _)| !known.contains(rule));
    let unknown = unknown.map(|(rule, tests)| (*rule, tests.first().cloned().unwrap_or_default()));
    Page {
        text: with_sum(&lines, &sum),
        unknown: unknown.collect(),
        unproved,
        sum,
    }
}

/// The rule of a row, and what it says.
fn row(line: &str) -> Option<(Rule, &str)> {
    let mut cells = line.strip_prefix("| ")?.split(" | ");
    Some((Rule::parse(cells.next()?)?, cells.next()?))
}

fn joined(tests: &BTreeSet<String>) -> String {
    let tests: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
    tests.join("<br>")
}

fn with_sum(lines: &[String], sum: &str) -> String {
    let mut text = String::new();
    let mut skipping = false;
    for line in lines {
        skipping &= line != END;
        if !skipping {
            text.push_str(line);
            text.push('\n');
        }
        if line == BEGIN {
            text.push_str(sum);
            text.push('\n');
            skipping = true;
        }
    }
    text
}

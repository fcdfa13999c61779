//! A page: its rules are written by hand, its proofs and its sum are not.

use std::collections::BTreeSet;

use crate::proofs::Proofs;
use crate::quotes::Rule;

const BEGIN: &str = "<!-- sum -->";
const END: &str = "<!-- /sum -->";
/// What stands where a proof is missing.
const NONE: &str = "**no proof yet**";
/// What a row says whose rule has nothing to be proved of, since that is not built.
const LATER: &str = "(later)";

/// The page as it should be.
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) sum: String,
    /// Rules without proof.
    pub(crate) unproved: Vec<Rule>,
    /// Rules that are quoted but not on the page, each with a place that does.
    pub(crate) unknown: Vec<(Rule, String)>,
}

/// Puts the proofs into the page of the rules with these letters.
pub(crate) fn fill(page: &str, letters: &str, proofs: &Proofs) -> Page {
    let mut known = BTreeSet::new();
    let mut later = 0;
    let mut unproved = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in page.lines() {
        let Some((rule, says)) = row(line) else {
            lines.push(line.to_owned());
            continue;
        };
        known.insert(rule);
        let is_later = says.contains(LATER);
        later += usize::from(is_later);
        let proof = match proofs.get(&rule) {
            _ if is_later => "not built yet".to_owned(),
            Some(tests) => joined(tests),
            None => {
                unproved.push(rule);
                NONE.to_owned()
            }
        };
        lines.push(format!("| {rule} | {says} | {proof} |"));
    }
    let rules = known.len() - later;
    let sum = format!(
        "{rules} rules, {} proved, {} without proof; {later} more are not built yet.",
        rules - unproved.len(),
        unproved.len(),
    );
    let unknown = proofs
        .iter()
        .filter(|(rule, _)| letters.contains(rule.letter) && !known.contains(rule));
    let unknown = unknown.map(|(rule, tests)| (*rule, tests.first().cloned().unwrap_or_default()));
    Page {
        text: with_sum(&lines, &sum),
        unknown: unknown.collect(),
        unproved,
        sum,
    }
}

/// The rule of a row, and what is written beside it by hand: everything but the last cell.
fn row(line: &str) -> Option<(Rule, &str)> {
    let (rule, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
    let (says, _) = rest.rsplit_once(" | ")?;
    Some((Rule::parse(rule)?, says))
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

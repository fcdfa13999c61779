//! Which test proves which rule, found in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::quotes::{self, Rule};

/// The tests of each rule, as `file::test`, or the file of a program.
pub(crate) type Proofs = BTreeMap<Rule, BTreeSet<String>>;

/// Looks through every source file of the checkout.
pub(crate) fn find(checkout: &Path) -> Proofs {
    let mut proofs = Proofs::new();
    for folder in ["crates", "bins", "tests", "fuzz/fuzz_targets"] {
        for file in sources(&checkout.join(folder)) {
            let text = fs::read_to_string(&file).expect("a source can be read");
            let name = file
                .strip_prefix(checkout)
                .expect("it lies in the checkout");
            let name = name.to_string_lossy().replace('\\', "/");
            for (test, rules) in tests(&text) {
                for rule in rules {
                    let place = format!("{name}::{test}");
                    proofs.entry(rule).or_default().insert(place);
                }
            }
            // Its list of trials names what each proves; the trials themselves say it too.
            let is_list = name == "tests/src/bin/trials/main.rs";
            let quoted = if is_list {
                BTreeSet::new()
            } else if name.starts_with("tests/src/bin/trials/") {
                quotes::in_text(&text)
            } else if name.starts_with("tests/src/bin/") {
                checked_by(&text)
            } else if name.starts_with("fuzz/fuzz_targets/") {
                quotes::in_text(&text)
            } else {
                BTreeSet::new()
            };
            for rule in quoted {
                proofs.entry(rule).or_default().insert(name.clone());
            }
        }
    }
    proofs
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)
        .expect("a folder can be read")
        .flatten()
    {
        let path = entry.path();
        if path.is_dir() {
            // What others wrote, and this program, which quotes rules that do not exist.
            if !["tests/fixtures", "src/bin/rules"]
                .iter()
                .any(|skipped| path.ends_with(skipped))
            {
                found.extend(sources(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Each test with the rules it quotes: in its name, in the comments above it, in its body.
fn tests(source: &str) -> Vec<(String, BTreeSet<Rule>)> {
    let lines: Vec<&str> = source.lines().collect();
    let is_test = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let attributes = (0..lines.len()).filter(|&at| is_test(lines[at].trim_start()));
    attributes.filter_map(|at| test_at(&lines, at)).collect()
}

/// The test whose attribute stands in this line.
fn test_at(lines: &[&str], at: usize) -> Option<(String, BTreeSet<Rule>)> {
    let is_above = |line: &&&str| {
        ["//", "#["]
            .iter()
            .any(|start| line.trim_start().starts_with(start))
    };
    let above = lines[..at].iter().rev().take_while(is_above).count();
    let head = at
        + lines[at..]
            .iter()
            .position(|line| name_in(line).is_some())?;
    let name = name_in(lines[head])?;
    // Formatted sources close a function where they opened it.
    let indent = lines[head].len() - lines[head].trim_start().len();
    let close = format!("{}}}", " ".repeat(indent));
    let body = lines[head..].iter().position(|line| *line == close)?;
    let mut rules = quotes::in_text(&lines[at - above..=head + body].join("\n"));
    rules.extend(quotes::in_name(name));
    Some((name.to_owned(), rules))
}

/// The name of the function that a line opens.
fn name_in(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (_, rest) = line
        .strip_prefix("async ")
        .unwrap_or(line)
        .split_once("fn ")
        .filter(|(before, _)| before.is_empty())?;
    rest.split(['(', '<']).next()
}

/// What the code of a program quotes; its comments explain, they prove nothing.
fn checked_by(source: &str) -> BTreeSet<Rule> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    quotes::in_text(&code.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod found {
    use super::*;

    #[test]
    fn tests_are_found_with_what_they_quote() {
        let source = "\
/// P9.1
fn helper() {}

/// P9.2: why.
#[tokio::test(start_paused = true)]
async fn p9_3_holds() {
    if true {
    }
    check(\"P9.4\");
}
// P9.5
";
        let found = tests(source);
        assert_eq!(found.len(), 1);
        let rules: Vec<String> = found[0].1.iter().map(Rule::to_string).collect();
        assert_eq!(
            (&*found[0].0, rules.join(" ")),
            ("p9_3_holds", "P9.2 P9.3 P9.4".to_owned())
        );
    }
}

//! Puts the figures of the last run of each trial into the scorecard.

use std::fs;

use serde_json::Value;
use toolgate_tests::checkout;

use crate::{TRIALS, Trial};

const PAGE: &str = "docs/security-scorecard.md";
const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- /figures -->";

/// Writes the table of all trials whose figures lie in `target/trials`.
pub(crate) fn publish() -> Result<(), String> {
    let path = checkout().join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("{PAGE}: {error}"))?;
    let (before, rest) = page
        .split_once(BEGIN)
        .ok_or_else(|| format!("{PAGE} has no {BEGIN}"))?;
    let (_, after) = rest
        .split_once(END)
        .ok_or_else(|| format!("{PAGE} has no {END}"))?;
    let rows: String = TRIALS.iter().map(rows).collect();
    let table =
        format!("| trial | proves | figure | measured | bar |\n|---|---|---|---|---|\n{rows}");
    fs::write(&path, format!("{before}{BEGIN}\n{table}{END}{after}"))
        .map_err(|error| format!("{PAGE}: {error}"))
}

/// The rows of one trial; none if it never ran.
fn rows(trial: &Trial) -> String {
    let file = checkout().join(format!("target/trials/{}.json", trial.name));
    let score: Value = fs::read_to_string(file)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let figures = score["figures"].as_array().cloned().unwrap_or_default();
    let row = |figure: &Value| {
        let text = |key: &str| figure[key].as_str().unwrap_or_default().to_owned();
        let missed = if figure["holds"] == Value::Bool(true) {
            ""
        } else {
            " **missed**"
        };
        format!(
            "| `{}`{} | {} | {} | {} {}{missed} | {} |\n",
            trial.name,
            if score["full"] == Value::Bool(true) {
                ""
            } else {
                ", short"
            },
            trial.proves,
            text("name"),
            figure["value"],
            text("unit"),
            text("bar"),
        )
    };
    figures.iter().map(row).collect()
}

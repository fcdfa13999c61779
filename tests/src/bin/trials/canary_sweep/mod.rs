//! S-19, the canary test: unique values stand in for every class of secret, the product is driven as widely as one can
//! with its log at `trace`, under faults, and everything that came out is searched for them.
//!
//! What the search is worth is shown in the same run: each spelling is planted in text, and in every channel something
//! is found that belongs there.

mod drive;
mod scan;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use self::scan::{Canary, Channel, Output, Scanner, self_check};
use self::world::World;
use crate::effort::Effort;
use crate::score::{Bar, Score};

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let rounds = effort.size(1, 20);
    let mut outputs = Vec::new();
    let mut canaries = Vec::new();
    for round in 0..rounds {
        let format = if round % 2 == 0 { "json" } else { "text" };
        let world = World::new(effort.seed + round);
        let (seen, used) = drive::everything(world, format);
        score_round(&seen, &used, score);
        outputs.extend(seen);
        canaries.extend(used);
    }
    let missed = self_check(&canaries[..canaries.len().min(24)]);
    for what in missed.iter().take(5) {
        score.fail(&format!("a planted leak was missed: {what}"));
    }
    score.never(
        "planted spellings that the search missed",
        missed.len() as u64,
    );
    let bytes: usize = outputs.iter().map(|output| output.bytes.len()).sum();
    #[expect(clippy::cast_precision_loss, reason = "megabytes, for reading")]
    score.figure("searched", bytes as f64 / 1e6, "MB", Bar::AtLeast(1.0));
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    score.figure("outputs", outputs.len() as f64, "texts", Bar::Told);
    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
    score.figure(
        "canaries",
        canaries.len() as f64,
        "values",
        Bar::AtLeast(25.0),
    );
}

/// Searches what one installation gave out for its own canaries.
fn score_round(outputs: &[Output], canaries: &[Canary], score: &mut Score) {
    let scanner = Scanner::new(canaries);
    let mut found: BTreeMap<Channel, Vec<&'static str>> = BTreeMap::new();
    let mut leaks = 0;
    for output in outputs {
        for hit in scanner.scan(&output.bytes) {
            let canary = &canaries[hit.canary];
            if canary.allowed.contains(&output.channel) {
                found.entry(output.channel).or_default().push(canary.class);
                continue;
            }
            leaks += 1;
            if leaks <= 10 {
                let from = hit.at.saturating_sub(60);
                let around = &output.bytes[from..output.bytes.len().min(hit.at + 40)];
                let around = String::from_utf8_lossy(around).escape_debug().to_string();
                score.fail(&format!(
                    "{:?}: {} ({}) in {}: {around}",
                    output.channel, canary.class, hit.spelling, output.what
                ));
            }
        }
    }
    score.never("canaries outside their places", leaks);
    // A channel in which nothing is ever found may not have been looked at.
    for channel in [
        Channel::Log,
        Channel::Stdout,
        Channel::Client,
        Channel::Store,
        Channel::Cli,
        Channel::Socket,
        Channel::Upstream,
        Channel::ShownOnce,
    ] {
        if !found.contains_key(&channel) {
            score.fail(&format!(
                "nothing was found in {channel:?}, not even what was planted there"
            ));
        }
    }
    forged_lines(outputs, score);
}

/// S-24: whatever clients and servers sent, each line of a JSON log is one event, and each line of a text log begins
/// like one.
fn forged_lines(outputs: &[Output], score: &mut Score) {
    let mut forged = 0;
    let mut long = 0;
    for output in outputs
        .iter()
        .filter(|output| output.channel == Channel::Log)
    {
        let text = String::from_utf8_lossy(&output.bytes);
        for line in text.lines() {
            let is_event = if line.starts_with('{') {
                serde_json::from_str::<serde_json::Value>(line).is_ok()
            } else {
                line.starts_with("20") && line.contains('Z')
            };
            let is_plain = !line
                .chars()
                .any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
            forged += u64::from(!(is_event && is_plain));
            long += u64::from(line.len() > 8 * 1024);
        }
    }
    score.never("log lines that are no event of their own", forged);
    score.never("log lines longer than their fields may be", long);
}

/// Every file below a folder but the master key.
fn files(folder: &Path, into: &mut Vec<Output>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else if entry.file_name() != "master.key"
            && let Ok(bytes) = std::fs::read(&path)
        {
            into.push(Output {
                channel: Channel::Store,
                what: entry.file_name().to_string_lossy().into_owned(),
                bytes,
            });
        }
    }
}

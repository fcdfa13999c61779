//! `pin_mutation` (S-50): every single change of a definition is noticed, and no rewriting passes for one.

use crate::effort::Effort;
use crate::score::{Bar, Score};

#[path = "../../../../crates/toolgate-protocol/tests/it/mutations.rs"]
mod mutations;

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let changes = effort.size(10_000, 100_000);
    let rewritings = effort.size(1_000, 10_000);
    let noticed = mutations::single_changes(effort.seed, changes);
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    score.figure("single changes", changes as f64, "changes", Bar::Told);
    let seen = changes.saturating_sub(noticed.unnoticed);
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let share = seen as f64 * 100.0 / changes as f64;
    score.figure(
        "single changes that were noticed",
        share,
        "%",
        Bar::AtLeast(100.0),
    );
    score.never(
        "what a model reads was taken without a word",
        noticed.taken_although_read,
    );
    let alarms = mutations::rewritings(effort.seed, rewritings);
    score.never("a rewriting passed for a change", alarms);
}

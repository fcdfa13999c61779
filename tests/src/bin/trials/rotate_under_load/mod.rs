//! S-12 `rotate_under_load`: both kinds of keys are replaced during steady calls, and whatever dies at whatever step
//! of it, every secret is readable afterwards and the rotation finishes.

mod house;
mod killed;
mod load;

use crate::effort::Effort;
use crate::score::Score;

/// Runs all three parts.
pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(async {
        load::run(effort, score).await;
        killed::at_each_step(score).await;
        killed::at_random(effort, score).await;
    });
}

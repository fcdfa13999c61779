//! The same server as a child process: a line in, a line out.

use std::io::{BufRead, Write};

use crate::outcome::{Answers, Message, TOOLS};

/// Serves until its input ends.
pub(crate) fn run() {
    let mut answers = Answers::default();
    let (input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    for line in input.lines().map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<Message<'_>>(&line) else {
            continue;
        };
        if let Some(id) = message.id {
            let answer = answers.to(&message, id.get(), TOOLS, false);
            let written = writeln!(output, "{answer}").and_then(|()| output.flush());
            if written.is_err() {
                return;
            }
        }
    }
}

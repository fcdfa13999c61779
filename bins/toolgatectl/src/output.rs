//! What is printed: text for people, JSON for programs (docs/toolgatectl.md). Results go to standard output;
//! failures and remarks go to standard error, so that a pipe gets results alone.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::json;
use toolgate_admin::GatewayState;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::table::{clean, refuses_colors};

/// Where results go, and in which form.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether text may be coloured: on a terminal, and nobody asked for none (`NO_COLOR`).
    pub(crate) fn colors(&self) -> bool {
        !self.json && io::stdout().is_terminal() && !refuses_colors()
    }

    /// One result: its JSON object, or what `text` makes of it.
    pub(crate) fn one<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        self.many(std::slice::from_ref(value), |values| {
            values.first().map(text).unwrap_or_default()
        })
    }

    /// A list: a JSON object a line, or what `text` makes of it.
    pub(crate) fn many<T: Serialize>(
        &self,
        values: &[T],
        text: impl FnOnce(&[T]) -> String,
    ) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if self.json {
            for value in values {
                serde_json::to_writer(&mut out, value).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
            }
        } else {
            out.write_all(text(values).as_bytes())?;
        }
        out.flush()?;
        Ok(())
    }

    /// Says on a terminal that something takes its time, until what is answered is dropped.
    pub(crate) fn working(&self, what: &'static str) -> Progress {
        Progress::new(what, !self.json)
    }

    /// A remark for people.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            stderr(&format!("note: {text}\n"));
        }
    }

    /// Remarks on what became of a change at the gateway, where that is not what one would expect.
    pub(crate) fn gateway(&self, state: GatewayState) {
        match state {
            GatewayState::Applied | GatewayState::NotRunning => {}
            GatewayState::Unconfirmed => self.note(
                "no gateway confirmed the change; one that runs looks for changes by itself, `toolgatectl doctor` says more",
            ),
        }
    }

    /// What failed and what to do: two lines, or one JSON object.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.exit() == Exit::Done {
            return;
        }
        let (message, hint) = (failure.message(), failure.hint());
        if self.json {
            let error = json!({
                "error": { "code": failure.exit().name(), "message": message, "hint": hint }
            });
            stderr(&format!("{error}\n"));
            return;
        }
        stderr(&format!("error: {}\n", clean(&message)));
        if let Some(hint) = hint {
            stderr(&format!("hint: {}\n", clean(&hint)));
        }
    }
}

/// Writes to standard error; where even that is closed there is nobody left to tell.
fn stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

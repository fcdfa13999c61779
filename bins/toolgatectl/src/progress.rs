//! A sign of life on terminals while something takes long: what is done, and for how many seconds.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Whatever is done sooner needs no sign.
const PATIENCE: Duration = Duration::from_millis(400);
const STEP: Duration = Duration::from_secs(1);

/// Shown until it is dropped.
pub(crate) struct Progress {
    shown: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// `what` such as `Copying the store`. Where standard error is no terminal, nothing is shown.
    pub(crate) fn new(what: &'static str, wanted: bool) -> Self {
        if !wanted || !io::stderr().is_terminal() {
            return Self { shown: None };
        }
        let (done, waiting) = mpsc::sync_channel::<()>(0);
        let thread = thread::spawn(move || {
            let began = Instant::now();
            let mut wait = PATIENCE;
            let mut is_shown = false;
            while waiting.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let text = format!("\r{what} … {} s", began.elapsed().as_secs());
                is_shown = true;
                wait = STEP;
                say(&text);
            }
            if is_shown {
                say("\r\u{1b}[K");
            }
        });
        Self {
            shown: Some((done, thread)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.shown.take() {
            drop(done);
            // It ends as soon as its channel does.
            let _ = thread.join();
        }
    }
}

/// Where even standard error is closed there is nobody left to tell.
fn say(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

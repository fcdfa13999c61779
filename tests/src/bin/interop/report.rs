//! What was checked and how it went.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

/// Runs checks and counts them.
pub(crate) struct Report {
    passed: u32,
    failed: u32,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            passed: 0,
            failed: 0,
        }
    }

    /// Runs one check; a panic in it is a failure and does not stop the others.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce()) {
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(check));
        let took = started.elapsed().as_millis();
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("ok      {name} ({took} ms)");
            }
            Err(panic) => {
                self.failed += 1;
                println!(
                    "FAILED  {name} ({took} ms)\n        {}",
                    reason(panic.as_ref())
                );
            }
        }
    }

    /// Prints the sum and makes it an exit code.
    pub(crate) fn close(self) -> ExitCode {
        println!("{} passed, {} failed", self.passed, self.failed);
        ExitCode::from(u8::from(self.failed > 0))
    }
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .to_owned()
}

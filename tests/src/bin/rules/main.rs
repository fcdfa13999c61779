//! The rules of the protocol beside the tests that prove them: fills and checks `docs/rules.md`.
//!
//! ```text
//! cargo run -p toolgate-tests --bin rules               # fails if the page is out of date
//! cargo run -p toolgate-tests --bin rules -- --write    # writes the proofs and the sum into it
//! ```
//!
//! A test proves a rule that its name (`p9_31_…`) or a text in or above it quotes; a program among the tests proves
//! what its code quotes. A test that quotes a rule which is not on the page is a mistake, and so fails the check.

#![expect(
    clippy::print_stdout,
    reason = "the report is what this program is for"
)]

mod page;
mod proofs;
mod quotes;

use std::fs;
use std::process::ExitCode;

use toolgate_tests::checkout;

fn main() -> ExitCode {
    let write = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--write") => true,
        Some(other) => {
            println!("unknown argument `{other}`; there is --write");
            return ExitCode::from(2);
        }
    };
    let path = checkout().join("docs/rules.md");
    let old = fs::read_to_string(&path).expect("docs/rules.md can be read");
    let proofs = proofs::find(checkout());
    let page = page::fill(&old, &proofs);
    for rule in &page.unproved {
        println!("no proof yet: {rule}");
    }
    println!("{}", page.sum);
    for (rule, test) in &page.unknown {
        println!("FAILED  {test} quotes {rule}, which docs/rules.md does not have");
    }
    let mut ok = page.unknown.is_empty();
    if write {
        fs::write(&path, page.text).expect("docs/rules.md can be written");
    } else if page.text != old {
        println!("FAILED  docs/rules.md is out of date (hint: run with --write)");
        ok = false;
    }
    ExitCode::from(u8::from(!ok))
}

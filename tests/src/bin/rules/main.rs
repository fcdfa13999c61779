//! The rules of the protocol and the requirements of security and reliability beside the tests that prove them: fills
//! and checks `docs/rules.md` and `docs/security-scorecard.md`.
//!
//! ```text
//! cargo run -p toolgate-tests --bin rules               # fails if a page is out of date
//! cargo run -p toolgate-tests --bin rules -- --write    # writes the proofs and the sums into them
//! ```
//!
//! A test proves a rule that its name (`p9_31_…`) or a text in or above it quotes; a program among the tests proves
//! what its code quotes. A trial or a fuzz target also proves what its
//! comments quote. A test that quotes a rule which is on no page is a mistake, and so fails the check.

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

use proofs::Proofs;

/// The pages, each with the letters of the rules it lists.
const PAGES: [(&str, &str); 2] = [
    ("docs/rules.md", "P"),
    ("docs/security-scorecard.md", "SRF"),
];

fn main() -> ExitCode {
    let write = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--write") => true,
        Some(other) => {
            println!("unknown argument `{other}`; there is --write");
            return ExitCode::from(2);
        }
    };
    let proofs = proofs::find(checkout());
    let mut ok = true;
    for (page, letters) in PAGES {
        ok &= check(page, letters, &proofs, write);
    }
    ExitCode::from(u8::from(!ok))
}

/// Fills one page and says what is wrong with it; false if something is.
fn check(name: &str, letters: &str, proofs: &Proofs, write: bool) -> bool {
    let path = checkout().join(name);
    let old = fs::read_to_string(&path).expect("a page can be read");
    let page = page::fill(&old, letters, proofs);
    for rule in &page.unproved {
        println!("no proof yet: {rule}");
    }
    println!("{name}: {}", page.sum);
    for (rule, test) in &page.unknown {
        println!("FAILED  {test} quotes {rule}, which {name} does not have");
    }
    let current = write || page.text == old;
    if write {
        fs::write(&path, page.text).expect("a page can be written");
    } else if !current {
        println!("FAILED  {name} is out of date (hint: run with --write)");
    }
    current && page.unknown.is_empty()
}

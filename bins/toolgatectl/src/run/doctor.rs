//! `toolgatectl doctor`

use std::fmt::Write;

use toolgate_admin::{DataDir, Finding, GivenKeySources, Level};

use super::count;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::{Tone, plain, table};

pub(super) fn doctor(
    dir: &DataDir,
    keys: GivenKeySources,
    output: &Output,
) -> Result<Exit, Failure> {
    let working = output.working("Looking at everything");
    let findings = toolgate_admin::doctor_with(dir, keys)?;
    drop(working);
    output.many(&findings, text)?;
    let worst = findings.iter().map(|finding| finding.level).max();
    Ok(match worst {
        Some(Level::Problem) => Exit::Failed,
        Some(Level::Ok | Level::Warning) | None => Exit::Done,
    })
}

fn text(findings: &[Finding]) -> String {
    let rows = findings.iter().map(|finding| {
        let level = match finding.level {
            Level::Ok => ("ok".to_owned(), Tone::Good),
            Level::Warning => ("warning".to_owned(), Tone::Doubtful),
            Level::Problem => ("problem".to_owned(), Tone::Bad),
        };
        vec![
            level,
            plain(&finding.message),
            plain(finding.fix.clone().unwrap_or_default()),
        ]
    });
    let mut text = table(&["", "FOUND", "MEND WITH"], rows, "");
    let number = |level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count() as u64
    };
    let _ = writeln!(
        text,
        "\n{}, {}",
        count(number(Level::Problem), "problem"),
        count(number(Level::Warning), "warning"),
    );
    text
}

//! What a request may cost, from `benches/budgets.txt`, and what it does cost.

use std::fmt::Write;
use std::path::PathBuf;

/// What stands at the head of the file.
const HEAD: &str = "\
# What one request may cost in instructions and allocations of the gateway, and by how many percent a figure may lie
# above before CI fails. `cargo bench -p toolgate-benches --bench guard` measures them. Where a change makes something
# cheaper, or dearer for a reason that its commit tells, write them anew:
#
#     just guard --write
#
# They hold for x86-64 Linux and the pinned compiler. Valgrind shows every processor with AVX2 as the same
# one, so that the machine does not matter. A large answer comes in as many pieces as time makes of it, hence its wide
# tolerance.
#
# figure | budget | tolerance in percent
";

/// A figure further below its budget than this many tolerances makes the budget worthless.
const LOOSE: f64 = 3.0;

/// One figure as it was measured.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) tolerance: f64,
}

/// What is in the file.
pub(crate) struct Budgets(Vec<(String, f64, f64)>);

impl Budgets {
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(file()).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let parse = |line: &str| {
            let mut parts = line.split('|').map(str::trim);
            let name = parts.next()?.to_owned();
            Some((
                name,
                parts.next()?.parse().ok()?,
                parts.next()?.parse().ok()?,
            ))
        };
        Self(lines.filter_map(parse).collect())
    }

    /// Prints each figure beside its budget, and says whether all are kept.
    pub(crate) fn judge(&self, figures: &[Figure]) -> bool {
        println!("| figure | measured | budget | |\n|---|---:|---:|---|");
        let mut kept = true;
        for figure in figures {
            let (name, value) = (&figure.name, figure.value);
            let known = self.0.iter().find(|(known, ..)| known == name);
            let Some((_, budget, tolerance)) = known else {
                println!("| {name} | {value:.1} | | NO BUDGET |");
                kept = false;
                continue;
            };
            let over = (value / budget - 1.0) * 100.0;
            let verdict = if over > *tolerance {
                kept = false;
                "OVER BUDGET"
            } else if over < -tolerance * LOOSE {
                "far below: the budget guards nothing, write it anew"
            } else {
                "kept"
            };
            println!("| {name} | {value:.1} | {budget:.1} | {over:+.1} %, {verdict} |");
        }
        if !kept {
            println!(
                "\nA budget is exceeded. Find what became dearer (`just profile`), or say in the commit what it buys and run `just guard --write`."
            );
        }
        kept
    }
}

/// Makes the figures the budgets.
pub(crate) fn write(figures: &[Figure]) {
    let mut text = HEAD.to_owned();
    for Figure {
        name,
        value,
        tolerance,
    } in figures
    {
        writeln!(text, "{name} | {value:.1} | {tolerance}").expect("a string takes it");
    }
    std::fs::write(file(), text).expect("the checkout can be written");
    println!("written: {}", file().display());
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("budgets.txt")
}

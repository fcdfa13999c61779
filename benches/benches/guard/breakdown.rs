//! Where the instructions of a request go: by whose code they are, and by what our own functions take in all.

use std::collections::BTreeMap;

use toolgate_benches::precise;

use crate::callgrind::Profile;
use crate::run::{Cost, Scenario};

/// Whose code a file is that lies in no crate's folder, by a part of its path; the first that fits.
const OWNERS: &[(&str, &str)] = &[
    ("sqlite3", "SQLite"),
    ("mimalloc", "allocator"),
    ("memcpy", "copying and comparing memory"),
    ("memmove", "copying and comparing memory"),
    ("memcmp", "copying and comparing memory"),
    ("memset", "copying and comparing memory"),
    ("/malloc/", "allocator"),
    ("/library/", "Rust's standard library"),
    ("/rustc/", "Rust's standard library"),
    ("hashbrown", "Rust's standard library"),
];

/// Functions of ours that are shown with everything they call.
const STAGES: usize = 30;
/// Whoever has less of all instructions than this share is shown with the others.
const SMALL: f64 = 0.005;

/// Prints both tables for one scenario.
pub(crate) fn print(scenario: &Scenario, cost: &Cost) {
    println!("### {}\n", scenario.name);
    println!("| whose code | serving | records | share |\n|---|---:|---:|---:|");
    let (serving, records) = (owners(&cost.requests), owners(&cost.records));
    let all = precise(cost.requests.total + cost.records.total);
    let mut rows: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (name, sum) in &serving {
        rows.entry(name).or_default().0 = *sum;
    }
    for (name, sum) in &records {
        rows.entry(name).or_default().1 = *sum;
    }
    let share = |(one, two): &(u64, u64)| precise(one + two) / all;
    let (mut rows, small): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|(_, row)| share(row) >= SMALL);
    rows.sort_by_key(|(_, (one, two))| std::cmp::Reverse(one + two));
    let rest = small
        .iter()
        .fold((0, 0), |(one, two), (_, row)| (one + row.0, two + row.1));
    rows.push(("everybody else", rest));
    for (name, row) in rows {
        println!(
            "| {name} | {:.0} | {:.0} | {:.1} % |",
            cost.each(row.0),
            cost.each(row.1),
            share(&row) * 100.0
        );
    }
    println!(
        "| all | {:.0} | {:.0} | 100 % |",
        cost.each(cost.requests.total),
        cost.each(cost.records.total)
    );
    println!("\n| function, with what it calls | instructions |\n|---|---:|");
    for (name, sum) in stages(&cost.requests) {
        println!("| `{name}` | {:.0} |", cost.each(sum));
    }
    println!(
        "\n{:.1} allocations while serving, {:.1} for the record.\n",
        cost.each(cost.requests.allocations),
        cost.each(cost.records.allocations)
    );
}

fn owners(profile: &Profile) -> BTreeMap<String, u64> {
    let mut owners = BTreeMap::new();
    for (file, cost) in &profile.files {
        *owners.entry(owner(file)).or_default() += cost;
    }
    owners
}

fn owner(file: &str) -> String {
    if let Some((_, rest)) = file.rsplit_once("crates/toolgate-") {
        return format!("toolgate-{}", rest.split('/').next().unwrap_or(rest));
    }
    if let Some((_, owner)) = OWNERS.iter().find(|(part, _)| file.contains(part)) {
        return (*owner).to_owned();
    }
    // `…/registry/src/INDEX/NAME-VERSION/…`
    let folder = file
        .split_once("/registry/src/")
        .and_then(|(_, rest)| rest.split('/').nth(1));
    let name = folder.and_then(|folder| folder.rsplit_once('-'));
    name.map_or("the rest", |(name, _)| name).to_owned()
}

/// Our own functions by what they take in all, the dearest first.
fn stages(profile: &Profile) -> Vec<(&str, u64)> {
    let ours = profile
        .inclusive
        .iter()
        .filter(|(name, _)| name.contains("toolgate_") && !name.starts_with("core::ptr"));
    let mut stages: Vec<(&str, u64)> = ours.map(|(name, cost)| (name.as_str(), *cost)).collect();
    stages.sort_by_key(|(name, cost)| (std::cmp::Reverse(*cost), *name));
    stages.truncate(STAGES);
    stages
}

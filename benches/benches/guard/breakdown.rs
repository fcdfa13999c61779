//! Where the instructions of a request go: by whose code they are, and by what our own functions take in all.

use std::collections::BTreeMap;

use toolgate_benches::precise;

use crate::callgrind::Profile;
use crate::run::{Cost, Scenario};

/// Whose code a file is, by a part of its path; the first that fits.
const OWNERS: &[(&str, &str)] = &[
    ("crates/toolgate-", ""),
    ("sqlite3", "SQLite"),
    ("/hyper-", "hyper"),
    ("/h2-", "h2"),
    ("/tokio-", "tokio"),
    ("mimalloc", "allocator"),
    ("/ring-", "ring"),
    ("memcpy", "copying and comparing memory"),
    ("memmove", "copying and comparing memory"),
    ("memcmp", "copying and comparing memory"),
    ("memset", "copying and comparing memory"),
    ("/malloc/", "allocator"),
    ("/registry/src/", "other crates"),
    ("/library/", "Rust's standard library"),
    ("/rustc/", "Rust's standard library"),
    ("hashbrown", "Rust's standard library"),
];

/// Functions of ours that are shown with everything they call.
const STAGES: usize = 30;

/// Prints both tables for one scenario.
pub(crate) fn print(scenario: &Scenario, cost: &Cost) {
    println!("### {}\n", scenario.name);
    println!("| whose code | serving | records | share |\n|---|---:|---:|---:|");
    let (serving, records) = (owners(&cost.requests), owners(&cost.records));
    let all = precise(cost.requests.total + cost.records.total);
    let mut names: Vec<&String> = serving.keys().chain(records.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let of = |owners: &BTreeMap<String, u64>, name: &str| owners.get(name).copied().unwrap_or(0);
    names.sort_by_key(|name| std::cmp::Reverse(of(&serving, name) + of(&records, name)));
    for name in names {
        let (one, two) = (of(&serving, name), of(&records, name));
        let share = precise(one + two) / all * 100.0;
        println!(
            "| {name} | {:.0} | {:.0} | {share:.1} % |",
            cost.each(one),
            cost.each(two)
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
    let found = OWNERS.iter().find(|(part, _)| file.contains(part));
    match found {
        Some((part, "")) => {
            let rest = &file[file.find(part).map_or(0, |at| at + "crates/".len())..];
            rest.split('/').next().unwrap_or(rest).to_owned()
        }
        Some((_, owner)) => (*owner).to_owned(),
        None => "the rest".to_owned(),
    }
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

//! What callgrind writes: instructions by function and file, and who called whom how often.
//!
//! The format is in valgrind's manual, "Callgrind Format Specification". Names are written once and are numbers
//! afterwards; a line after `calls=` is what the callee cost with everything it called.

use std::collections::HashMap;

/// One thread's part of a dump.
#[derive(Default)]
pub(crate) struct Profile {
    /// Instructions in all.
    pub(crate) total: u64,
    /// Instructions by the source file they were written in, inlined code included.
    pub(crate) files: HashMap<String, u64>,
    /// Instructions by function, with everything it called; a function that calls itself counts twice.
    pub(crate) inclusive: HashMap<String, u64>,
    /// Calls that ask an allocator for memory, freeing not among them.
    pub(crate) allocations: u64,
}

#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    /// `(12) name` the first time, `(12)` afterwards.
    fn resolve(&mut self, text: &str) -> String {
        let Some((id, name)) = text.split_once(')') else {
            return text.to_owned();
        };
        let name = name.trim();
        if !name.is_empty() {
            self.0.insert(id.to_owned(), name.to_owned());
        }
        self.0.get(id).cloned().unwrap_or_default()
    }
}

impl Profile {
    /// Reads one file of a dump.
    pub(crate) fn parse(text: &str) -> Self {
        let (mut files, mut functions) = (Names::default(), Names::default());
        let (mut file, mut function, mut callee) = (String::new(), String::new(), String::new());
        let mut calls = None;
        let mut profile = Self::default();
        for line in text.lines() {
            match line.split_once('=') {
                Some(("fl" | "fi" | "fe", name)) => file = files.resolve(name),
                Some(("cfi" | "cfl", name)) => drop(files.resolve(name)),
                Some(("fn", name)) => function = functions.resolve(name),
                Some(("cfn", name)) => callee = functions.resolve(name),
                Some(("calls", count)) => {
                    let count = count.split(' ').next().and_then(|count| count.parse().ok());
                    calls = Some(count.unwrap_or(0));
                }
                _ => {
                    let Some(cost) = cost(line) else { continue };
                    if let Some(count) = calls.take() {
                        *profile.inclusive.entry(callee.clone()).or_default() += cost;
                        if allocates(&callee) && !allocates(&function) {
                            profile.allocations += count;
                        }
                    } else {
                        profile.total += cost;
                        *profile.files.entry(file.clone()).or_default() += cost;
                    }
                }
            }
        }
        profile
    }

    /// Adds another thread's part.
    pub(crate) fn add(&mut self, other: Self) {
        self.total += other.total;
        self.allocations += other.allocations;
        for (name, cost) in other.files {
            *self.files.entry(name).or_default() += cost;
        }
        for (name, cost) in other.inclusive {
            *self.inclusive.entry(name).or_default() += cost;
        }
    }

    /// Whether a function whose name holds this was called.
    pub(crate) fn ran(&self, part: &str) -> bool {
        self.inclusive.keys().any(|name| name.contains(part))
    }
}

/// The cost in a line of positions and costs: `123 45`, `+1 45`, `* 45`.
fn cost(line: &str) -> Option<u64> {
    let (position, cost) = line.split_once(' ')?;
    position
        .starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
        .then(|| cost.parse().ok())?
}

/// Whether a function hands out memory: mimalloc's for Rust, the system's for `SQLite`.
fn allocates(function: &str) -> bool {
    let name = function.trim_start_matches('_');
    let name = name.strip_prefix("mi_").unwrap_or(name);
    [
        "malloc",
        "zalloc",
        "calloc",
        "realloc",
        "heap_malloc",
        "theap_malloc",
    ]
    .iter()
    .any(|kind| name.starts_with(kind))
}

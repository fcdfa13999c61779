//! What runs on this machine, as `/proc` tells it.

use std::fs;

/// Processes that have `mark` in their environment, zombies not among them: those have none.
pub fn marked(mark: &str) -> Vec<u32> {
    let has_mark = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .windows(mark.len())
            .any(|part| part == mark.as_bytes())
    };
    all().filter(has_mark).collect()
}

/// The parent of a process; `None` once it is gone.
pub fn parent_of(pid: u32) -> Option<u32> {
    stat(pid).map(|(_, parent)| parent)
}

/// Children of `pid` that are dead and were not reaped.
pub fn zombies_of(pid: u32) -> Vec<u32> {
    all()
        .filter(|child| stat(*child) == Some(('Z', pid)))
        .collect()
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// State and parent. The name before them is in brackets and may hold anything.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

//! CPU time and memory of a process, as `/proc` tells them, and what machine this is.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// CPU time of a process, user and system, as the kernel counts it: in ticks of 10 ms.
pub fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the subject lives");
    // The name may hold anything, parentheses too; the fields after it are numbers. See proc(5): 14 and 15.
    let fields: Vec<&str> = stat[stat.rfind(')').expect("a name in parentheses") + 2..]
        .split(' ')
        .collect();
    let ticks = |index: usize| fields[index].parse::<u64>().expect("a number");
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// Resident memory now.
pub fn resident_kib(pid: u32) -> u64 {
    status(pid, "VmRSS:")
}

/// The most resident memory since [`forget_peak`].
pub fn peak_kib(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

/// Starts the peak anew, where the kernel lets us.
pub fn forget_peak(pid: u32) {
    // Elsewhere the peak is that of the whole life, which reads too high and never too low.
    drop(fs::write(format!("/proc/{pid}/clear_refs"), "5"));
}

fn status(pid: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the subject lives");
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

/// One line about the machine, since figures belong to one.
pub fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pinned = if crate::pin(crate::LOAD_CORE).is_empty() {
        "not pinned"
    } else {
        "pinned"
    };
    format!(
        "{}, {cores} cores, {pinned}",
        model.trim_start_matches([' ', '\t', ':'])
    )
}

/// Where cargo puts what it builds, and where the figures go.
pub fn target_dir() -> PathBuf {
    let this = std::env::current_exe().expect("a running program has a path");
    let folder = this.ancestors().nth(3).expect("target/release/deps");
    folder.to_owned()
}

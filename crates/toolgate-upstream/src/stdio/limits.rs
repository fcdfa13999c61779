//! What a child may use at most (S-73).

use toolgate_namespace::ChildSettings;
use toolgate_sys::{ChildLimits, current_uid};

/// The limits that the settings mean at this moment.
pub(super) fn of(settings: &ChildSettings) -> ChildLimits {
    ChildLimits {
        open_files: settings.max_files,
        // The system counts all that the user runs, so ours has to start where that stands.
        processes: settings
            .max_processes
            .map(|more| running_now().saturating_add(more)),
        file_bytes: settings.max_file_bytes,
        memory_bytes: settings.max_memory_bytes,
    }
}

/// Processes and threads of this process's user. None for root, whom the limit does not bind: it is then for
/// the user that a wrapper turns the child into.
fn running_now() -> u64 {
    let uid = current_uid();
    if uid == 0 {
        return 0;
    }
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return 0;
    };
    processes
        .flatten()
        .filter_map(|process| std::fs::read_to_string(process.path().join("status")).ok())
        .filter(|status| field(status, "Uid:") == Some(uid.into()))
        .filter_map(|status| field(&status, "Threads:"))
        .sum()
}

/// The first number of a line of `/proc/<pid>/status`.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

use std::process::Command;

/// Runs one test of this binary again in a process of its own, with `variable` set: what it
/// changes holds for the whole process and can't be undone.
pub(crate) fn alone(test: &str, variable: &str) -> std::process::Output {
    let this = std::env::current_exe().unwrap();
    Command::new(this)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(variable, "1")
        .output()
        .unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn s15_a_hardened_process_is_not_dumpable_and_leaves_no_core() {
    if std::env::var_os("SYS_TEST_HARDEN").is_some() {
        let dumpable = || std::fs::metadata("/proc/self/mem").unwrap();
        toolgate_sys::harden_process().unwrap();
        // The kernel gives the memory of a process that isn't dumpable to root.
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&dumpable()), 0);
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        assert_eq!(
            core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(),
            ["0", "0"]
        );
        return;
    }
    let output = alone(
        "process::s15_a_hardened_process_is_not_dumpable_and_leaves_no_core",
        "SYS_TEST_HARDEN",
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_descriptor_limit_rises_to_what_is_allowed() {
    let first = toolgate_sys::raise_fd_limit().unwrap();
    assert!(first >= 1024, "{first}");
    assert_eq!(
        toolgate_sys::raise_fd_limit().unwrap(),
        first,
        "raising it again changes nothing"
    );
}

#[test]
fn the_uid_is_the_one_new_files_get() {
    use std::os::unix::fs::MetadataExt;
    let file = std::env::temp_dir().join(format!("toolgate-sys-uid-{}", std::process::id()));
    std::fs::write(&file, "").unwrap();
    let owner = std::fs::metadata(&file).unwrap().uid();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(toolgate_sys::current_uid(), owner);
}

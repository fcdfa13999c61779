use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use toolgate_sys::{Signal, confine_child, reap, reap_group, signal_group};

/// A shell in a group of its own that has printed its first line.
fn group(script: &str) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    confine_child(&mut command);
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    (child, output, line.trim().to_owned())
}

#[test]
fn s74_term_reaches_the_whole_group() {
    // The pipe closes when the last holder of its other end is gone.
    let (mut child, mut output, _) = group("sleep 600 & echo started; wait");
    signal_group(child.id(), Signal::Term).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
    let mut rest = String::new();
    assert_eq!(
        output.read_line(&mut rest).unwrap(),
        0,
        "nobody holds the pipe any more"
    );
}

#[test]
fn s74_kill_ends_what_ignores_term() {
    let (mut child, _output, _) = group("trap '' TERM; echo started; while :; do sleep 1; done");
    signal_group(child.id(), Signal::Term).unwrap();
    signal_group(child.id(), Signal::Kill).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
}

#[test]
fn s74_a_group_that_is_gone_is_no_error() {
    let (mut child, _output, _) = group("echo started");
    child.wait().unwrap();
    signal_group(child.id(), Signal::Kill).unwrap();
}

#[test]
fn nobody_elses_processes_are_signalled() {
    for pid in [0, 1, u32::MAX] {
        let refused = signal_group(pid, Signal::Term).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
        assert!(reap(pid).is_err());
        assert!(reap_group(pid).is_err());
    }
}

/// In a process of its own, since it adopts and reaps.
#[cfg(target_os = "linux")]
#[test]
fn s74_orphaned_grandchildren_are_adopted_and_reaped() {
    if std::env::var_os("SYS_TEST_REAP").is_some() {
        toolgate_sys::become_subreaper().unwrap();
        adopted_in_the_group();
        adopted_in_a_session_of_its_own();
        return;
    }
    let output = crate::process::alone(
        "group::s74_orphaned_grandchildren_are_adopted_and_reaped",
        "SYS_TEST_REAP",
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(target_os = "linux")]
fn adopted_in_the_group() {
    let (mut child, mut output, _) = group("sleep 600 & echo started");
    child.wait().unwrap();
    signal_group(child.id(), Signal::Kill).unwrap();
    // The end of the pipe says that the grandchild is dead, the reaping may be a moment later.
    output.read_line(&mut String::new()).unwrap();
    let mut reaped = 0;
    while reaped == 0 {
        reaped = reap_group(child.id()).unwrap();
        std::thread::yield_now();
    }
    assert_eq!(reaped, 1);
    assert_eq!(toolgate_sys::child_pids().unwrap(), []);
}

#[cfg(target_os = "linux")]
fn adopted_in_a_session_of_its_own() {
    let (mut child, mut output, pid) = group("setsid sleep 600 & echo $!");
    let pid: u32 = pid.parse().unwrap();
    child.wait().unwrap();
    while toolgate_sys::child_pids().unwrap() != [pid] {
        std::thread::yield_now();
    }
    assert!(reap(pid).unwrap().is_none(), "it still runs");
    // `setsid` may not have run yet, so until it is its own group's leader this changes nothing.
    while reap(pid).unwrap().is_none() {
        signal_group(pid, Signal::Kill).unwrap();
        std::thread::yield_now();
    }
    output.read_line(&mut String::new()).unwrap();
    assert_eq!(toolgate_sys::child_pids().unwrap(), []);
}

//! What a keeper is made of: descendants, a handed down pipe, detached streams, signals held back.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use toolgate_sys::{
    Signal, children_of, confine_child, confine_keeper, detach_standard_streams, hand_down,
    hold_back_signals, reap, receive, signal_process, wait_for_any,
};

use crate::process::alone;

#[track_caller]
fn passes_alone(test: &str, variable: &str) {
    let output = alone(test, variable);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn sleeper() -> std::process::Child {
    let mut command = Command::new("/bin/sleep");
    command.arg("600").stdin(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn s74_one_process_is_signalled_and_one_that_is_gone_is_no_error() {
    let mut child = sleeper();
    signal_process(child.id(), Signal::Kill).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    signal_process(child.id(), Signal::Term).unwrap();
    for pid in [0, 1, u32::MAX] {
        assert!(signal_process(pid, Signal::Term).is_err());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn s74_a_halted_process_does_nothing_until_it_is_killed() {
    let mut child = sleeper();
    signal_process(child.id(), Signal::Stop).unwrap();
    let stat = format!("/proc/{}/stat", child.id());
    while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
        std::thread::yield_now();
    }
    signal_process(child.id(), Signal::Kill).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
}

#[cfg(target_os = "linux")]
#[test]
fn s74_the_children_of_another_process_are_known() {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", "sleep 600 & echo $!; wait"])
        .stdout(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    let mut line = [0; 16];
    let read = shell.stdout.as_mut().unwrap().read(&mut line).unwrap();
    let pid: u32 = std::str::from_utf8(&line[..read])
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert_eq!(children_of(shell.id()).unwrap(), [pid]);
    signal_process(pid, Signal::Kill).unwrap();
    shell.wait().unwrap();
    assert!(children_of(shell.id()).is_err(), "it is gone");
}

/// Alone, since it takes whatever child ends.
#[test]
fn s74_whoever_ends_is_waited_for_and_reaped_once() {
    if std::env::var_os("SYS_TEST_WAIT").is_none() {
        return passes_alone(
            "keeping::s74_whoever_ends_is_waited_for_and_reaped_once",
            "SYS_TEST_WAIT",
        );
    }
    assert_eq!(wait_for_any().unwrap(), None, "no children");
    let mut child = sleeper();
    let pid = child.id();
    assert!(reap(pid).unwrap().is_none(), "it runs");
    signal_process(pid, Signal::Kill).unwrap();
    // Known twice, since it is not reaped by being known.
    assert_eq!(wait_for_any().unwrap(), Some(pid));
    assert_eq!(wait_for_any().unwrap(), Some(pid));
    let status = reap(pid).unwrap().unwrap();
    assert_eq!(status.signal(), Some(libc::SIGKILL));
    assert!(reap(pid).is_err(), "a child is reaped once");
    assert!(child.wait().is_err(), "and not by std either");
    assert_eq!(wait_for_any().unwrap(), None);
}

#[test]
fn s74_a_descriptor_is_handed_down_and_closes_with_us() {
    let (mut theirs, ours) = std::io::pipe().unwrap();
    let mut command = Command::new("/bin/sh");
    confine_keeper(&mut command);
    let number = hand_down(&mut command, ours.into());
    command.args(["-c", &format!("echo written >&{number}")]);
    assert!(command.status().unwrap().success());
    // The command held the other end open; without it this reads to the end.
    drop(command);
    let mut text = String::new();
    theirs.read_to_string(&mut text).unwrap();
    assert_eq!(text, "written\n");
}

/// Without a child, so that Miri can follow who owns what.
#[test]
fn s86_a_received_descriptor_is_one_of_our_own() {
    let (theirs, mut ours) = std::io::pipe().unwrap();
    let copy = receive(theirs.as_raw_fd()).unwrap();
    assert_ne!(copy.as_raw_fd(), theirs.as_raw_fd());
    drop(theirs);
    ours.write_all(b"x").unwrap();
    let mut byte = [0];
    std::fs::File::from(copy).read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"x");
}

#[test]
fn s73_a_descriptor_that_was_handed_down_stays_from_children() {
    let (theirs, mut ours) = std::io::pipe().unwrap();
    let copy = receive(theirs.as_raw_fd()).unwrap();
    assert_ne!(copy.as_raw_fd(), theirs.as_raw_fd());
    assert!(receive(-1).is_err());
    let script = format!("true <&{}", copy.as_raw_fd());
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).stderr(Stdio::null());
    confine_child(&mut command);
    assert!(!command.status().unwrap().success());
    drop(theirs);
    ours.write_all(b"x").unwrap();
    let mut byte = [0];
    std::fs::File::from(copy).read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"x");
}

/// Alone, since it has no standard streams afterwards.
#[test]
fn s74_detached_streams_let_the_other_end_see_the_end() {
    if std::env::var_os("SYS_TEST_DETACH").is_some() {
        detach_standard_streams().unwrap();
        // It must not be our end that the reader sees.
        std::thread::sleep(std::time::Duration::from_mins(1));
        return;
    }
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new(this);
    command
        .args([
            "--exact",
            "keeping::s74_detached_streams_let_the_other_end_see_the_end",
            "--nocapture",
        ])
        .env("SYS_TEST_DETACH", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
    child.kill().unwrap();
    let ended = child.wait().unwrap();
    assert_eq!(
        ended.signal(),
        Some(libc::SIGKILL),
        "its output ended before it did"
    );
}

/// Alone, since it changes its own signals.
#[test]
fn s74_signals_are_held_back_here_and_not_in_confined_children() {
    if std::env::var_os("SYS_TEST_HOLD").is_none() {
        return passes_alone(
            "keeping::s74_signals_are_held_back_here_and_not_in_confined_children",
            "SYS_TEST_HOLD",
        );
    }
    hold_back_signals().unwrap();
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        assert!(status.contains("SigBlk:\t0000000000004007"), "{status}");
    }
    let mut command = Command::new("/bin/sleep");
    command.arg("600");
    confine_child(&mut command);
    let mut child = command.spawn().unwrap();
    signal_process(child.id(), Signal::Term).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
}

#[cfg(target_os = "linux")]
#[test]
fn s74_a_keeper_outlives_the_thread_that_started_it() {
    let spawner = std::thread::spawn(|| {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "read -r line; exit 7"])
            .stdin(Stdio::piped());
        confine_keeper(&mut command);
        command.spawn().unwrap()
    });
    let mut child = spawner.join().unwrap();
    // It sits there until its input ends.
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

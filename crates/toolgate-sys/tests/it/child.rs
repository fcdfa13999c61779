use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};

use toolgate_sys::{ChildLimits, confine_child, limit_child};

/// What a confined shell says about itself.
#[track_caller]
fn confined(script: &str) -> String {
    run(script, confine_child)
}

#[track_caller]
fn run(script: &str, prepare: impl FnOnce(&mut Command)) -> String {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).stdin(Stdio::null());
    prepare(&mut command);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn s73_it_leads_a_session_and_group_of_its_own() {
    // pid, pgrp and session are fields 1, 5 and 6.
    let stat = confined("read -r line < /proc/$$/stat; echo $line");
    let fields: Vec<&str> = stat.split(' ').collect();
    assert_eq!((fields[0], fields[0]), (fields[4], fields[5]), "{stat}");
}

#[cfg(target_os = "linux")]
#[test]
fn s73_it_gains_no_privileges() {
    assert_eq!(
        confined("grep NoNewPrivs /proc/$$/status"),
        "NoNewPrivs:\t1"
    );
}

#[test]
fn s73_its_files_are_its_own() {
    assert!(confined("umask").ends_with("077"));
}

#[test]
fn s73_it_leaves_no_core() {
    assert_eq!(confined("ulimit -c; ulimit -H -c"), "0\n0");
}

#[cfg(target_os = "linux")]
#[test]
fn s73_it_has_no_descriptors_but_0_to_2() {
    // A descriptor without the close-on-exec mark, as a C library may open it.
    let open = std::fs::File::open("/dev/null").unwrap();
    let leaking = leaked(&open);
    let number = leaking.as_raw_fd();
    let script = format!("if [ -e /proc/$$/fd/{number} ]; then echo open; else echo closed; fi");
    assert_eq!(run(&script, |_| {}), "open", "the probe finds a leak");
    assert_eq!(confined(&script), "closed");
}

/// The same file under a number that children inherit.
#[cfg(target_os = "linux")]
fn leaked(open: &std::fs::File) -> OwnedFd {
    use std::os::fd::FromRawFd;
    // `fcntl(F_DUPFD)` leaves the mark off, unlike `try_clone`.
    #[expect(unsafe_code, reason = "std never makes an inheritable descriptor")]
    // SAFETY: it takes integers only.
    let copy = unsafe { libc::fcntl(open.as_raw_fd(), libc::F_DUPFD, 100) };
    assert!(copy >= 100);
    #[expect(unsafe_code, reason = "the number was made on the line above")]
    // SAFETY: `copy` is open and nobody else owns it.
    unsafe {
        OwnedFd::from_raw_fd(copy)
    }
}

#[test]
fn a_command_that_does_not_exist_is_still_reported() {
    let mut command = Command::new("/nonexistent/program");
    confine_child(&mut command);
    assert_eq!(
        command.spawn().unwrap_err().kind(),
        std::io::ErrorKind::NotFound
    );
}

#[test]
fn s73_limits_are_set_and_cannot_be_raised() {
    let limits = ChildLimits {
        open_files: Some(64),
        file_bytes: Some(512 * 1024),
        ..ChildLimits::default()
    };
    let found = run("ulimit -n; ulimit -H -n", |command| {
        limit_child(command, limits);
    });
    assert_eq!(found, "64\n64");
}

#[test]
fn a_limit_above_our_own_becomes_ours() {
    let limits = ChildLimits {
        open_files: Some(u64::MAX),
        ..ChildLimits::default()
    };
    let ours = run("ulimit -H -n", |_| {});
    assert_eq!(
        run("ulimit -n", |command| {
            limit_child(command, limits);
        }),
        ours
    );
}

#[cfg(target_os = "linux")]
#[test]
fn s73_it_dies_with_the_thread_that_spawned_it() {
    let spawner = std::thread::spawn(|| {
        let mut command = Command::new("/bin/sleep");
        command.arg("600");
        confine_child(&mut command);
        command.spawn().unwrap()
    });
    let mut child = spawner.join().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(libc::SIGKILL)
    );
}

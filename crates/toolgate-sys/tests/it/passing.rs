//! What outlives a process or comes from the one before.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use toolgate_sys::{KeptCount, left_count, passed_listeners};

fn scratch(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("toolgate-sys-{}-{name}", std::process::id()));
    drop(std::fs::remove_file(&path));
    path
}

#[test]
fn r11_a_count_is_left_behind() {
    let path = scratch("count");
    let kept = KeptCount::create(&path).unwrap();
    kept.count().fetch_add(41, Ordering::Relaxed);
    kept.count().fetch_add(1, Ordering::Relaxed);
    assert_eq!(left_count(&path).unwrap(), None, "its owner lives");
    assert!(KeptCount::create(&path).is_err(), "it is taken");
    drop(kept);
    assert_eq!(left_count(&path).unwrap(), Some(42));
    std::fs::write(&path, b"x").unwrap();
    assert!(left_count(&path).is_err(), "damaged");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn r11_a_count_survives_a_kill() {
    const PATH: &str = "SYS_TEST_COUNT";
    if let Some(path) = std::env::var_os(PATH) {
        let kept = KeptCount::create(path.as_ref()).unwrap();
        for n in 1..=1_000 {
            kept.count().store(n, Ordering::Relaxed);
        }
        let kill = format!("kill -KILL {}", std::process::id());
        drop(Command::new("sh").args(["-c", &kill]).status());
        unreachable!("killed");
    }
    let path = scratch("killed");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "passing::r11_a_count_survives_a_kill"])
        .env(PATH, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(!status.unwrap().success());
    assert_eq!(left_count(&path).unwrap(), Some(1_000));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn r23_a_passed_socket_is_taken_and_kept_from_children() {
    const TEST: &str = "passing::r23_a_passed_socket_is_taken_and_kept_from_children";
    const MODE: &str = "SYS_TEST_PASSED";
    match std::env::var(MODE).as_deref() {
        Ok("socket") => {
            let sockets = passed_listeners().unwrap();
            assert_eq!(sockets.len(), 1);
            let (_, peer) = sockets[0].accept().unwrap();
            assert!(peer.ip().is_loopback());
            let inherited = Command::new("sh")
                .args(["-c", "exec 2>/dev/null; : <&3"])
                .status();
            assert!(!inherited.unwrap().success(), "the child has it too");
            return;
        }
        Ok("other") => {
            assert!(
                passed_listeners().unwrap().is_empty(),
                "it is for another process"
            );
            return;
        }
        Ok("none") => {
            assert!(passed_listeners().is_err(), "what was passed is no socket");
            return;
        }
        _ => {}
    }
    assert!(passed_listeners().unwrap().is_empty(), "nothing was passed");
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let run = |mode: &str, pid: &str, input: Stdio| {
        let script = format!(
            r#"exec 3<&0 </dev/null; LISTEN_PID={pid} LISTEN_FDS=1 exec "$0" --exact {TEST} --test-threads=1"#
        );
        let status = Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .env(MODE, mode)
            .stdin(input)
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{mode}");
    };
    let passed = || Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
    let _waiting = TcpStream::connect(address).unwrap();
    run("socket", "$$", passed());
    run("other", "1", passed());
    run(
        "none",
        "$$",
        Stdio::from(std::fs::File::open("/dev/null").unwrap()),
    );
}

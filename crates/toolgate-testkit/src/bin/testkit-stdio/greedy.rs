//! Tools that take all they can get, and leave behind what they can.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A process that ignores every signal it can, in a session of its own, twice removed from this one. Its
/// own children come and go.
const ORPHAN: &str = r#"
trap '' TERM HUP INT QUIT
( setsid sh -c 'trap "" TERM HUP INT QUIT; while :; do sleep 0.2; done' & )
sleep 600 &
"#;

/// Runs the tool of that name; `None` if there is none.
pub(crate) fn run(name: &str, arguments: &Value) -> Option<String> {
    let number = |key: &str| arguments[key].as_u64().unwrap_or(0);
    Some(match name {
        "cwd" => {
            let here = std::env::current_dir().unwrap_or_default();
            here.to_string_lossy().into_owned()
        }
        "orphan" => orphan(),
        "processes" => processes(number("most")).to_string(),
        "descriptors" => descriptors(number("most")).to_string(),
        "memory" => memory(number("mib")).to_string(),
        "disk" => disk(number("bytes")).to_string(),
        "stderr_flood" => stderr_flood(number("mib")),
        "stderr_line" => {
            let mut stderr = std::io::stderr().lock();
            let line = arguments["line"].as_str().unwrap_or_default();
            let _ = writeln!(stderr, "{line}");
            "written".to_owned()
        }
        _ => return None,
    })
}

fn orphan() -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", ORPHAN]).stdin(Stdio::null());
    match shell.stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

/// How many processes could be started at once; they are left running.
fn processes(most: u64) -> u64 {
    let start = |_: &u64| {
        let mut sleep = Command::new("sleep");
        sleep.arg("600").stdin(Stdio::null()).stdout(Stdio::null());
        sleep.stderr(Stdio::null()).spawn().is_ok()
    };
    (0..most).take_while(start).count() as u64
}

/// How many files could be opened at once.
fn descriptors(most: u64) -> usize {
    let open = |_| File::open("/dev/null").ok();
    (0..most).map_while(open).collect::<Vec<_>>().len()
}

/// How many MiB could be filled.
fn memory(mib: u64) -> usize {
    let fill = |_| {
        let mut block: Vec<u8> = Vec::new();
        block.try_reserve_exact(1 << 20).ok()?;
        block.resize(1 << 20, 1);
        Some(block)
    };
    (0..mib).map_while(fill).collect::<Vec<_>>().len()
}

/// How many bytes could be written to one file in the working directory.
fn disk(bytes: u64) -> u64 {
    let Ok(mut file) = File::create("filler") else {
        return 0;
    };
    let block = vec![1_u8; 64 * 1024];
    let mut written = 0;
    while written < bytes && file.write_all(&block).is_ok() {
        written += block.len() as u64;
    }
    written
}

fn stderr_flood(mib: u64) -> String {
    let mut stderr = std::io::stderr().lock();
    let mut block = "x".repeat(127);
    block.push('\n');
    let block = block.repeat(8 * 1024);
    for _ in 0..mib {
        if stderr.write_all(block.as_bytes()).is_err() {
            return "the other end is gone".to_owned();
        }
    }
    let _ = writeln!(stderr, "the end of the flood");
    "flooded".to_owned()
}

//! What a child process gets, and what it does not (S-70 to S-73, S-75).
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toolgate_testkit::{Client, Server};
use toolgate_tests::{eventually, parent_of};

use crate::world::{World, add, add_child, error, soon};

async fn ask(client: &mut Client, tool: &str, arguments: Value) -> String {
    soon(tool, client.call(tool, arguments)).await.text()
}

async fn number(client: &mut Client, tool: &str, arguments: Value) -> u64 {
    let said = ask(client, tool, arguments).await;
    said.parse()
        .unwrap_or_else(|_| panic!("{tool} said {said}"))
}

/// The folder of `/proc` of the child `c`.
async fn proc_of_child(client: &mut Client) -> PathBuf {
    Path::new("/proc").join(ask(client, "c__pid", json!({})).await)
}

fn status(proc: &Path, name: &str) -> String {
    let status = fs::read_to_string(proc.join("status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name}"))
        .trim()
        .to_owned()
}

/// Soft and hard.
fn limit(proc: &Path, name: &str) -> (String, String) {
    let limits = fs::read_to_string(proc.join("limits")).expect("it runs");
    let line = limits.lines().find_map(|line| line.strip_prefix(name));
    let mut fields = line
        .unwrap_or_else(|| panic!("no {name}"))
        .split_whitespace();
    let mut next = || fields.next().unwrap_or_default().to_owned();
    (next(), next())
}

fn both(number: u64) -> (String, String) {
    (number.to_string(), number.to_string())
}

/// S-73 `child_confinement`: each wall, seen from outside.
#[tokio::test(flavor = "multi_thread")]
async fn s73_child_confinement() {
    let world = World::prepare(|installation| {
        let flags = [
            "--max-files",
            "99",
            "--max-memory",
            "512M",
            "--max-file-size",
            "1M",
        ];
        add_child(installation, "c", &flags, &[]);
    });
    let mut client = world.legacy().await;
    let proc = proc_of_child(&mut client).await;
    let pid = proc
        .file_name()
        .and_then(|pid| pid.to_str())
        .expect("a pid")
        .to_owned();

    let stat = fs::read_to_string(proc.join("stat")).expect("it runs");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    assert_eq!(
        (fields[2], fields[3]),
        (&*pid, &*pid),
        "its own group and session"
    );
    assert_eq!(status(&proc, "NoNewPrivs:"), "1");
    assert_eq!(status(&proc, "Umask:"), "0077");
    // The keeper holds signals back; its child does not.
    assert_eq!(status(&proc, "SigBlk:"), "0000000000000000");
    let ignored = u64::from_str_radix(&status(&proc, "SigIgn:"), 16).expect("a mask");
    assert_eq!(ignored & 0x4007, 0, "HUP, INT, QUIT, TERM");
    assert_eq!(status(&proc, "THP_enabled:"), "1");

    let mut open: Vec<String> = fs::read_dir(proc.join("fd"))
        .expect("it runs")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2"]);

    assert_eq!(limit(&proc, "Max core file size"), both(0));
    assert_eq!(limit(&proc, "Max open files"), both(99));
    assert_eq!(limit(&proc, "Max data size"), both(512 << 20));
    assert_eq!(limit(&proc, "Max file size"), both(1 << 20));
    let (processes, _) = limit(&proc, "Max processes");
    assert!(
        processes.parse::<u64>().is_ok_and(|most| most >= 2048),
        "{processes}"
    );

    let cwd = PathBuf::from(ask(&mut client, "c__cwd", json!({})).await);
    let children = world.installation.data_dir().join("children");
    let children = children.canonicalize().expect("it was made");
    assert_eq!(cwd.parent(), Some(&*children), "a directory of its own");
    for folder in [&children, &cwd] {
        let mode = fs::metadata(folder)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
    }

    // It dies with its keeper, and the keeper's environment is nobody's to read.
    let keeper = parent_of(pid.parse().expect("a pid")).expect("it has a keeper");
    let owner = fs::metadata(format!("/proc/{keeper}/environ")).expect("it runs");
    assert_eq!(
        std::os::unix::fs::MetadataExt::uid(&owner),
        0,
        "not dumpable"
    );
    let killed = std::process::Command::new("kill")
        .args(["-9", &keeper.to_string()])
        .status();
    assert!(killed.is_ok_and(|status| status.success()));
    eventually("the child died with its keeper", || {
        fs::read_to_string(proc.join("stat"))
            .map_or(true, |stat| stat.contains(") Z "))
            .then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_the_operator_chooses_directory_wrapper_and_limits() {
    let world = World::prepare(|installation| {
        let cwd = installation.scratch().join("work");
        fs::create_dir(&cwd).expect("a fresh directory");
        let cwd = cwd.to_str().expect("a plain path");
        let flags = [
            "--cwd",
            cwd,
            "--wrapper",
            "env WRAPPED=yes",
            "--max-memory",
            "none",
            "--max-files",
            "none",
        ];
        add_child(installation, "c", &flags, &[]);
    });
    let mut client = world.legacy().await;
    let cwd = ask(&mut client, "c__cwd", json!({})).await;
    assert!(cwd.ends_with("/work"), "{cwd}");
    let environment = ask(&mut client, "c__env", json!({})).await;
    assert!(environment.contains(r#""WRAPPED":"yes""#), "{environment}");
    let proc = proc_of_child(&mut client).await;
    assert_eq!(limit(&proc, "Max data size").0, "unlimited");
    assert_ne!(limit(&proc, "Max open files").0, "4096");
}

/// What every child gets, as far as the gateway has it.
const FIXED: [&str; 9] = [
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LOGNAME",
];

/// S-72 `child_env_exact`: agentgateway clears the environment of children only when it is told to.
#[tokio::test(flavor = "multi_thread")]
async fn s72_child_env_exact() {
    let world = World::prepare(|installation| {
        add_child(
            installation,
            "c",
            &[
                "--env",
                "API_KEY",
                "--env",
                "NODE_OPTIONS",
                "--allow-env",
                "NODE_OPTIONS",
            ],
            &[],
        );
        installation.secret("team", "c", "API_KEY", "fake-secret-value-1");
        installation.secret("team", "c", "NODE_OPTIONS", "--max-old-space-size=512");
        // Another server's secret, and one of the workspace that it does not name.
        installation.secret("team", "c", "UNNAMED_KEY", "fake-secret-value-2");
    });
    let mut client = world.legacy().await;
    let proc = proc_of_child(&mut client).await;
    let found = fs::read(proc.join("environ")).expect("it runs");
    let found: BTreeMap<String, String> = String::from_utf8(found)
        .expect("text")
        .split_terminator('\0')
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();

    let mut expected: BTreeMap<String, String> = FIXED
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
        .collect();
    expected.insert("API_KEY".into(), "fake-secret-value-1".into());
    expected.insert("NODE_OPTIONS".into(), "--max-old-space-size=512".into());
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_names_that_steer_loaders_are_refused() {
    let world = World::prepare(|_| {});
    for name in [
        "LD_PRELOAD",
        "NODE_OPTIONS",
        "PYTHONPATH",
        "HTTPS_PROXY",
        "BASH_ENV",
        "GIT_SSH_COMMAND",
    ] {
        let said = world.installation.ctl(&[
            "mcp",
            "add",
            "x",
            "--workspace",
            "team",
            "--env",
            name,
            "--",
            "/bin/sh",
        ]);
        assert!(!said.status.success(), "{name}");
        assert!(
            said.stderr.contains(&format!("--allow-env {name}")),
            "{}",
            said.stderr
        );
    }
}

/// S-73: what a child takes, it takes from itself. Meanwhile another server answers.
#[tokio::test(flavor = "multi_thread")]
async fn s73_greedy_children_are_contained_and_others_are_served() {
    let good = Server::new().tool("hello", "good day").start().await;
    let world = World::prepare(|installation| {
        add(installation, "good", &good, &[]);
        let flags = [
            "--max-memory",
            "128M",
            "--max-files",
            "64",
            "--max-file-size",
            "1M",
            "--max-processes",
            "64",
        ];
        // The system does not limit root's processes, so the child becomes somebody else.
        let other = [
            "--wrapper",
            "setpriv --reuid 65534 --regid 65534 --clear-groups",
            "--cwd",
            "/",
        ];
        let flags = if is_root() {
            [&flags[..], &other].concat()
        } else {
            flags.to_vec()
        };
        add_child(installation, "c", &flags, &[]);
        // The same again in a directory that it may write to.
        add_child(installation, "writer", &["--max-file-size", "1M"], &[]);
    });
    let mut client = world.legacy().await;
    let mut other = world.legacy().await;

    let got = number(&mut client, "c__descriptors", json!({"most": 10_000})).await;
    assert!((1..64).contains(&got), "descriptors: {got}");
    let got = number(&mut client, "c__memory", json!({"mib": 1024})).await;
    assert!((32..128).contains(&got), "MiB: {got}");
    let got = number(&mut client, "c__processes", json!({"most": 400})).await;
    assert!(
        (1..=64 + 16).contains(&got) || !is_root(),
        "processes: {got}"
    );
    assert!(got < 400, "processes: {got}");
    assert_eq!(ask(&mut other, "good__hello", json!({})).await, "good day");

    // The system ends who goes on writing.
    let (code, _) = error(
        &soon(
            "the end",
            client.call("writer__disk", json!({"bytes": 64 << 20})),
        )
        .await,
    );
    assert_eq!(code, -32010);
    let fillers: Vec<u64> = fs::read_dir(world.installation.data_dir().join("children"))
        .expect("it was made")
        .filter_map(|folder| fs::metadata(folder.ok()?.path().join("filler")).ok())
        .map(|filler| filler.len())
        .collect();
    assert_eq!(fillers, [1 << 20]);
    assert_eq!(ask(&mut other, "good__hello", json!({})).await, "good day");
    eventually("the reason is told", || {
        let held = world
            .installation
            .lines(&["mcp", "list", "--workspace", "team"]);
        let logs = world.gateway.process.stderr();
        (held
            .iter()
            .any(|server| server["held"]["reason"] == "signal 25 ended its process")
            || logs.contains("signal 25 ended its process"))
        .then_some(())
    });
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

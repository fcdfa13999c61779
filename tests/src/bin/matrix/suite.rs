//! Runs the official suite and reads what it found.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use toolgate_tests::Fixtures;

use crate::rows::Scope;

/// The longest one run may take; a sound one takes seconds.
const LIMIT: Duration = Duration::from_mins(4);
/// The longest one scenario may take, in milliseconds.
const SCENARIO_LIMIT: &str = "15000";

const SUITE: &str = "@modelcontextprotocol/conformance";

/// What a run found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Score {
    /// Scored scenarios without a failure and without a warning.
    pub(crate) passed: u64,
    /// Checks of scored scenarios that succeeded.
    pub(crate) checks: u64,
    /// How long the suite ran.
    pub(crate) seconds: f64,
    /// One line each.
    pub(crate) problems: Vec<String>,
}

/// The suite's version, from its package.
pub(crate) fn version(fixtures: &Fixtures) -> String {
    let manifest = fixtures.package(SUITE).join("package.json");
    let text = fs::read_to_string(manifest).expect("the suite is installed");
    let manifest: Value = serde_json::from_str(&text).expect("a manifest is JSON");
    manifest["version"]
        .as_str()
        .expect("a package has a version")
        .to_owned()
}

/// Tests the server at `url`.
pub(crate) fn server(fixtures: &Fixtures, url: &str, scope: Scope, folder: &Path) -> Score {
    let mut args = vec!["server", "--url", url];
    match scope {
        Scope::Requirements(revision) => args.extend(["--requirements", revision]),
        Scope::Wire(revision) => args.extend(["--suite", "all", "--spec-version", revision]),
        Scope::Scenarios(..) => unreachable!("the server leg runs whole suites"),
    }
    let began = Instant::now();
    run(fixtures, &args, folder);
    score(fixtures, "server", scope, folder, began.elapsed())
}

/// Tests the client that `command` starts, one scenario after another.
pub(crate) fn client(fixtures: &Fixtures, command: &Path, scope: Scope, folder: &Path) -> Score {
    let Scope::Scenarios(revision, scenarios) = scope else {
        unreachable!("the client leg runs chosen scenarios");
    };
    let command = command.to_str().expect("a plain path");
    let began = Instant::now();
    for scenario in scenarios {
        let what = ["--scenario", scenario, "--spec-version", revision];
        let args = [&["client", "--command", command][..], &what].concat();
        run(fixtures, &args, folder);
    }
    score(fixtures, "client", scope, folder, began.elapsed())
}

fn results(folder: &Path) -> PathBuf {
    folder.join("results")
}

/// Runs the suite to its end. How it exits says too little to be looked at.
fn run(fixtures: &Fixtures, args: &[&str], folder: &Path) {
    let log = folder.join("suite.txt");
    let log = File::options().create(true).append(true).open(log);
    let log = log.expect("target/ can be written");
    let twin = log.try_clone().expect("a file can be written twice");
    let mut child = fixtures
        .run(&fixtures.package(SUITE).join("dist/index.js"))
        .args(args)
        .args(["--timeout", SCENARIO_LIMIT, "--output-dir"])
        .arg(results(folder))
        .stdout(log)
        .stderr(twin)
        .spawn()
        .expect("the suite starts");
    let deadline = Instant::now() + LIMIT;
    while child.try_wait().expect("the child is ours").is_none() {
        if Instant::now() > deadline {
            drop(child.kill());
            drop(child.wait());
            panic!("the suite did not end within {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn score(fixtures: &Fixtures, leg: &str, scope: Scope, folder: &Path, took: Duration) -> Score {
    let mut command: Command = fixtures.run(&fixtures.script("node/conformance/score.mjs"));
    command.arg(results(folder)).arg(leg);
    match scope {
        Scope::Requirements(revision) => {
            command.args(["--requirements", revision]);
        }
        Scope::Wire(_) => {}
        Scope::Scenarios(_, scenarios) => {
            command.args(["--scenarios", &scenarios.join(",")]);
        }
    }
    let output = command.output().expect("node starts");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "score.mjs: {complained}");
    let said: Value = serde_json::from_slice(&output.stdout).expect("score.mjs prints JSON");
    let problems = said["problems"].as_array().into_iter().flatten();
    Score {
        passed: said["passed"].as_u64().unwrap_or_default(),
        checks: said["checks"].as_u64().unwrap_or_default(),
        seconds: took.as_secs_f64(),
        problems: problems
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    }
}

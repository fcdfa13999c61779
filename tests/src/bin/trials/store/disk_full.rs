//! R-07 `enospc` and S-83: the disk is full, or does not sync, at each call in turn; then for a while, under a
//! gateway that goes on serving.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use toolgate_admin::DataDir;
use toolgate_store::{Open, Store};
use toolgate_testkit::{Client, Server};
use toolgate_tests::{Installation, eventually, program};

use super::{count, faults};
use crate::effort::Effort;
use crate::score::{Bar, Score};

/// The exit code of `toolgatectl` for a full disk.
const NO_SPACE: i32 = 6;

pub(crate) fn run(_: &Effort, score: &mut Score) {
    let library = faults();
    each_call(&library, "TG_FULL_AT", "disk full at a write", score);
    each_call(&library, "TG_SYNC_FAILS_AT", "error at a sync", score);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(under_calls(&library, score));
}

/// Makes workspaces with the fault at the first call, the second, and so on, until there are no more.
fn each_call(library: &Path, fault: &str, name: &str, score: &mut Score) {
    let installation = Installation::new();
    installation.workspace("team");
    let dir = fs::canonicalize(installation.data_dir()).expect("a path");
    let hit = installation.scratch().join("hit");
    let (mut struck, mut traces, mut lost, mut unexplained, mut refused) = (0, 0, 0, 0, 0);
    loop {
        drop(fs::remove_file(&hit));
        let slug = format!("w{struck}");
        let before = state(&dir);
        let output = Command::new(program("toolgatectl"))
            .arg("--data-dir")
            .arg(&dir)
            .args(["workspace", "create", &slug])
            .env("LD_PRELOAD", library)
            .env("TG_FAULT_DIR", &dir)
            .env("TG_HIT", &hit)
            .env(fault, (struck + 1).to_string())
            .output()
            .expect("it runs");
        if !hit.exists() {
            break;
        }
        struck += 1;
        let (rows, slugs) = state(&dir);
        let made = slugs.contains(&slug);
        if output.status.success() {
            // The workspace and its first token.
            lost += u64::from(!made || rows != before.0 + 2);
            continue;
        }
        refused += 1;
        traces += u64::from(made || rows != before.0);
        let said = String::from_utf8_lossy(&output.stderr);
        let typed = fault != "TG_FULL_AT" || output.status.code() == Some(NO_SPACE);
        if !typed || !said.contains("hint: ") {
            unexplained += 1;
            println!("   {name} {struck}: {:?} {said}", output.status.code());
        }
    }
    let figure = |what: &str| format!("{name}: {what}");
    score.figure(
        &figure("calls struck"),
        count(struck),
        "calls",
        Bar::AtLeast(2.0),
    );
    score.figure(
        &figure("changes refused"),
        count(refused),
        "changes",
        Bar::AtLeast(1.0),
    );
    score.never(&figure("refused change that left a trace"), traces);
    score.never(&figure("acknowledged change lost"), lost);
    score.never(
        &figure("refused without the exit code or the advice"),
        unexplained,
    );
}

/// How many changes there were, and the workspaces.
fn state(dir: &Path) -> (u64, Vec<String>) {
    let store = Store::open(&DataDir::new(dir), Open::MustExist).expect("it is whole");
    let workspaces = store.workspaces().expect("a list");
    let slugs = workspaces.iter().map(|one| one.workspace.slug.to_string());
    (
        store.audit_head().expect("a head").sequence,
        slugs.collect(),
    )
}

/// Calls go on, changes are refused, drops are counted, and it all comes back by itself.
async fn under_calls(library: &Path, score: &mut Score) {
    let server = Server::new().tool("echo", "fine").start().await;
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team");
    installation.done(&[
        "mcp",
        "add",
        "s",
        "--url",
        server.url(),
        "--workspace",
        "team",
    ]);
    let dir = fs::canonicalize(installation.data_dir()).expect("a path");
    let full = installation.scratch().join("full");
    let preload = [
        "env".to_owned(),
        format!("LD_PRELOAD={}", library.display()),
        format!("TG_FAULT_DIR={}", dir.display()),
        format!("TG_FULL_WHILE={}", full.display()),
    ];
    let wrapper: Vec<&str> = preload.iter().map(String::as_str).collect();
    let gateway = installation.start_under(&wrapper, &[]);
    let mut client = Client::new(&gateway.workspace("team")).bearer(&token.token);
    client.initialize().await;
    assert!(call(&mut client).await, "it works before");

    fs::write(&full, b"").expect("written");
    let mut failed = 0;
    for _ in 0..50 {
        failed += u64::from(!call(&mut client).await);
    }
    let refused = Command::new(program("toolgatectl"))
        .arg("--data-dir")
        .arg(&dir)
        .args(["workspace", "create", "later"])
        .env("LD_PRELOAD", library)
        .env("TG_FAULT_DIR", &dir)
        .env("TG_FULL_WHILE", &full)
        .output()
        .expect("it runs");
    let counted = eventually("lost records are counted in the log", || {
        let log = gateway.process.stderr();
        log.lines()
            .filter(|line| line.contains("call records lost"))
            .filter_map(|line| line.split("count=").nth(1)?.split(' ').next()?.parse().ok())
            .reduce(|one: u64, other| one + other)
            .filter(|lost| *lost >= 50)
    });
    fs::remove_file(&full).expect("removed");

    let again = installation.json(&["workspace", "create", "later"]);
    let began = calls(&installation).len();
    failed += u64::from(!call(&mut client).await);
    eventually("calls are remembered again", || {
        (calls(&installation).len() > began).then_some(())
    });
    score.never("call failed while the disk was full", failed);
    score.figure(
        "records counted as lost",
        count(counted),
        "records",
        Bar::AtLeast(50.0),
    );
    let code = refused.status.code().unwrap_or(-1);
    score.figure(
        "exit code of a change",
        f64::from(code),
        "",
        Bar::AtLeast(f64::from(NO_SPACE)),
    );
    let applied = again["gateway"] == "applied";
    score.never(
        "change not in force after there was room again",
        u64::from(!applied),
    );
}

async fn call(client: &mut Client) -> bool {
    let reply = client.call("s__echo", json!({})).await;
    reply.status == 200 && reply.text().contains("fine")
}

fn calls(installation: &Installation) -> Vec<Value> {
    installation.lines(&["calls", "--workspace", "team", "--limit", "1000"])
}

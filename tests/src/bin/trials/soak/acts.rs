//! What is done to the gateway and its servers meanwhile: faults, rotations, tokens, backups.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use toolgate_testkit::{Client, Script};
use toolgate_tests::{Installation, Said};

use super::load::Tally;
use super::vitals::children;
use super::{RECOVERY, Servers, TEAM};

/// What can be done.
#[derive(Debug, Clone, Copy)]
enum Act {
    Hang,
    HangUp,
    Garbage,
    Refuse,
    Mend,
    KillChild,
    Pause,
    Rotate,
    Churn,
    BackUp,
    SetSecret,
}

/// In this order, again and again.
const ACTS: [(&str, Act); 11] = [
    ("servers that hang", Act::Hang),
    ("tokens made and revoked", Act::Churn),
    ("servers that hang up", Act::HangUp),
    ("rotations of all keys", Act::Rotate),
    ("servers that talk garbage", Act::Garbage),
    ("children killed", Act::KillChild),
    ("servers that answer 503", Act::Refuse),
    ("verified backups", Act::BackUp),
    ("servers that are well again", Act::Mend),
    ("pauses of the gateway", Act::Pause),
    ("secrets set again", Act::SetSecret),
];

/// Does one thing after the other.
pub(crate) struct Acts<'a> {
    installation: &'a Installation,
    servers: &'a Servers,
    tally: &'a Tally,
    url: Option<String>,
    next: usize,
    done: BTreeMap<&'static str, u64>,
    problems: Vec<String>,
    outlived: u64,
}

impl<'a> Acts<'a> {
    /// Begins at a place that the seed chooses.
    pub(crate) fn new(
        installation: &'a Installation,
        servers: &'a Servers,
        tally: &'a Tally,
        seed: u64,
    ) -> Self {
        Self {
            installation,
            servers,
            tally,
            url: None,
            next: usize::try_from(seed).unwrap_or_default() % ACTS.len(),
            done: BTreeMap::new(),
            problems: Vec::new(),
            outlived: 0,
        }
    }

    /// Does the next thing; `gateway` is its process.
    pub(crate) fn one(&mut self, gateway: u32) {
        let (name, act) = ACTS[self.next % ACTS.len()];
        self.next += 1;
        *self.done.entry(name).or_default() += 1;
        match act {
            Act::Hang => self.shake(Script::new().hang()),
            Act::HangUp => self.shake(Script::new().disconnect()),
            Act::Garbage => self.shake(Script::new().garbage()),
            Act::Refuse => self.shake(Script::new().html(503)),
            Act::Mend => self.shake(Script::new().text("well")),
            Act::KillChild => kill_children(gateway),
            Act::Pause => self.pause(gateway),
            Act::Rotate => drop(self.command(&["keys", "rotate", "--all"], "")),
            Act::Churn => self.churn(),
            Act::BackUp => self.back_up(),
            Act::SetSecret => self.set_secret(),
        }
    }

    /// Puts the faulty server in order.
    pub(crate) fn finish(&self) {
        self.shake(Script::new().text("well"));
    }

    /// How often each thing was done.
    pub(crate) fn done(&self) -> impl Iterator<Item = (&'static str, &u64)> {
        self.done.iter().map(|(name, times)| (*name, times))
    }

    /// Commands that failed.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Revoked tokens that were still admitted after the command had returned.
    pub(crate) fn outlived(&self) -> u64 {
        self.outlived
    }

    fn shake(&self, script: Script) {
        self.servers.shaky.set_method("tools/call", script);
    }

    fn pause(&self, gateway: u32) {
        self.tally.excuse(RECOVERY + Duration::from_secs(2));
        let signal = |name: &str| {
            drop(
                Command::new("kill")
                    .args(["-s", name, &gateway.to_string()])
                    .status(),
            );
        };
        signal("STOP");
        std::thread::sleep(Duration::from_secs(2));
        signal("CONT");
    }

    fn set_secret(&mut self) {
        let set = ["secrets", "set", "guarded", "CANARY", "--workspace", TEAM];
        self.command(&set, super::CANARY);
    }

    fn back_up(&mut self) {
        let file = self
            .installation
            .scratch()
            .join(format!("backup-{}", self.next));
        let file = file.to_str().unwrap_or_default().to_owned();
        self.command(&["backup", "create", &file], "");
        self.command(&["backup", "verify", &file], "");
        // The next one has its own place; a soak must not fill the disk.
        drop(std::fs::remove_file(&file));
    }

    fn churn(&mut self) {
        let create = [
            "--json",
            "workspace",
            "token",
            "create",
            TEAM,
            "--name",
            "short-lived",
        ];
        let Some(said) = self.command(&create, "") else {
            return;
        };
        let made: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let text = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
        let (id, token) = (text("id"), text("token"));
        let url = self.url.get_or_insert_with(|| text("url")).clone();
        let revoke = ["workspace", "token", "revoke", TEAM, &id];
        if self.command(&revoke, "").is_some() && is_admitted(&url, &token) {
            self.outlived += 1;
        }
    }

    fn command(&mut self, args: &[&str], input: &str) -> Option<Said> {
        let said = self.installation.ctl_with(args, input);
        if said.status.success() {
            return Some(said);
        }
        let problem = format!("toolgatectl {}: {}", args.join(" "), said.stderr.trim());
        self.problems.push(problem);
        None
    }
}

fn kill_children(gateway: u32) {
    for child in children(gateway) {
        // Gone by itself is as good.
        drop(
            Command::new("kill")
                .args(["-KILL", &child.to_string()])
                .status(),
        );
    }
}

fn is_admitted(url: &str, token: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let mut client = Client::new(url).bearer(token);
    runtime.is_ok_and(|runtime| {
        runtime.block_on(async { client.modern("tools/list", json!({})).await.status != 401 })
    })
}

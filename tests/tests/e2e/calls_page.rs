//! Each question about calls (product.md section 12) is answered in docs/calls.md as the tool answers it.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use toolgate_analytics::{CallRecord, CallStatus, Journal, Source};
use toolgate_namespace::WorkspaceId;
use toolgate_store::{CallsJournal, DataDir};
use toolgate_tests::{Installation, checkout};

const SECOND: u64 = 1_000;
const HOUR: u64 = 60 * 60 * SECOND;
const DAY: u64 = 24 * HOUR;

/// Two weeks of a team, in which `search` of github became slow this week, and bob ran into his limit.
struct Team {
    installation: Installation,
    workspace: WorkspaceId,
    now: u64,
    calls: Vec<CallRecord>,
}

impl Team {
    fn new() -> Self {
        let installation = Installation::new();
        let made = installation.json(&["workspace", "create", "team"]);
        let workspace = made["id"].as_str().expect("an id");
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("a clock").as_millis();
        Self {
            workspace: workspace.try_into().expect("an id"),
            installation,
            now: u64::try_from(now).expect("a time of ours"),
            calls: Vec::new(),
        }
    }

    fn member(&self, address: &str) -> String {
        let invite = ["workspace", "member", "invite", "team", address];
        let code = self.installation.json(&invite)["code"].clone();
        let accept = ["workspace", "member", "accept", code.as_str().expect("one")];
        let joined = self.installation.json(&accept);
        joined["token"]["id"].as_str().expect("an id").to_owned()
    }

    fn program(&self, name: &str) -> String {
        let create = ["token", "create", "team", "--name", name];
        let made = self.installation.json(&create);
        made["id"].as_str().expect("an id").to_owned()
    }

    fn call(&mut self, ago: u64, token: &str, tool: (&str, &str), status: CallStatus, ms: u64) {
        let number = self.calls.len() as u64 + 1;
        self.calls.push(CallRecord {
            number,
            // In the middle of an hour, so that it does not matter when this is run.
            time_ms: self.now / HOUR * HOUR - HOUR / 2 - ago - (number % 60) * SECOND,
            workspace: self.workspace.clone(),
            server: None,
            server_slug: Some(tool.0.try_into().expect("a slug")),
            tool: Some(tool.1.into()),
            token_id: token.into(),
            status,
            error_code: (status == CallStatus::TimedOut).then_some(-32_001),
            duration_ms: ms,
            bytes_in: 300,
            bytes_out: 1_200,
            revision: "2025-11-25",
            source: Source::Gateway,
            intended: false,
            trace: None,
        });
    }

    fn live(&mut self) {
        use CallStatus::{Ok, RateLimited, TimedOut, ToolError};
        let (alice, bob) = (
            self.member("alice@example.com"),
            self.member("bob@example.com"),
        );
        let nightly = self.program("nightly");
        let search = ("github", "search");
        for day in (1..14).rev() {
            let ago = day * DAY;
            let slow = if day < 7 { 1_800 } else { 120 };
            for n in 0..12 {
                self.call(ago, &alice, search, Ok, slow + n * 3);
            }
            for _ in 0..6 {
                self.call(ago, &bob, search, Ok, slow);
            }
            for _ in 0..4 {
                self.call(ago, &alice, ("github", "create_issue"), Ok, 240);
            }
            for n in 0..8 {
                let status = if n == 7 { ToolError } else { Ok };
                self.call(ago, &nightly, ("db", "query"), status, 45);
            }
            if day < 7 {
                self.call(ago, &alice, search, TimedOut, 60_000);
            }
        }
        for _ in 0..7 {
            self.call(2 * DAY, &bob, search, RateLimited, 0);
        }
        let dir = DataDir::new(self.installation.data_dir());
        let mut journal = CallsJournal::open(&dir).expect("a journal");
        let first = &self.calls[..];
        journal.append("7d3f", 1, first).expect("an append");
    }
}

/// What the page shows: a command, and what it answers.
fn transcripts(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("```console\n").skip(1);
    let blocks = blocks.map(|block| block.split("\n```").next().expect("a block ends"));
    let shown = blocks.filter_map(|block| {
        let (command, answer) = block.strip_prefix("$ toolgatectl ")?.split_once('\n')?;
        Some((command.to_owned(), answer.to_owned()))
    });
    shown.collect()
}

/// What stays the same whenever it is run: the words of each line, without figures, units, bars and widths.
fn shape(text: &str) -> Vec<Vec<String>> {
    let is_word = |word: &String| word.chars().filter(|c| c.is_alphabetic()).count() > 2;
    let of_word = |word: &str| {
        let word = match word.find("tok_") {
            Some(_) => "tok_…",
            None => word,
        };
        word.chars().filter(|c| !c.is_ascii_digit()).collect()
    };
    let of_line = |line: &str| {
        line.split_whitespace()
            .map(of_word)
            .filter(is_word)
            .collect()
    };
    text.trim_end().lines().map(of_line).collect()
}

#[test]
fn the_page_shows_what_the_tool_answers() {
    let mut team = Team::new();
    team.live();
    let page = fs::read_to_string(checkout().join("docs/calls.md")).expect("the page");
    let shown = transcripts(&page);
    let mut wrong = String::new();
    for (command, answer) in &shown {
        let args: Vec<&str> = command.split_whitespace().collect();
        let said = team.installation.ctl(&args);
        assert!(said.status.success(), "{command}: {}", said.stderr);
        if shape(answer) != shape(&said.stdout) {
            wrong.extend(["$ toolgatectl ", command, "\n", &said.stdout, "\n"]);
        }
    }
    assert!(
        shown.len() >= 9,
        "each question has its answer: {}",
        shown.len()
    );
    assert!(
        wrong.is_empty(),
        "docs/calls.md shows something else than:\n{wrong}"
    );
}

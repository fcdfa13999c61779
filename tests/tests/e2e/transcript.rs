//! The commands people find in guides, replayed against both binaries and real servers, beside what they print
//! (`transcript.txt`). `TOOLGATE_TRANSCRIPT=write` writes the file anew; read the difference before you commit it.

use std::fmt::Write;
use std::path::Path;

use serde_json::json;
use toolgate_testkit::{Client, Script, Server};
use toolgate_tests::{Installation, eventually, program};

use crate::world::soon;

/// Commands as they are typed; `<` is standard input, names in capitals are filled in.
const BEFORE: &[&str] = &[
    "workspace list",
    "workspace create Team --description 'tools for everybody' --use",
    "workspace create 'Client A'",
    "workspace list",
    "workspace use nowhere",
    "mcp install @acme/github",
    "mcp add github --url GITHUB --bearer GITHUB_TOKEN",
    "secrets set github GITHUB_TOKEN < value-of-the-token",
    "mcp add notes -- TOOLGATE demo-server notes",
    "workspace server add client-a github --url GITHUB",
    "workspace server list client-a",
    "mcp list",
    "workspace test",
    "workspace test client-a",
    "workspace secret set team SHARED shared-value-0123",
    "workspace secret list team",
    "secrets list",
    "tools list",
    "tools classify github/search read-only",
    "tools disable notes/list_notes",
    "workspace token create team --name contractor --role read-only --expires-in 14d",
    "workspace token list team",
    "token create team --name ci --tools 'github__*,!github__delete_*' --rate-limit off",
];

const AFTER: &[&str] = &[
    "calls --since 1h",
    "audit list --action token.create --limit 3",
    "doctor",
    "export team",
    "connect windsurf --path FILE",
    "token explain team TOKEN github__search",
    "token revoke team TOKEN",
    "backup create",
    "rotate-key --workspace team",
    "mcp remove notes",
    "workspace delete client-a",
    "workspace delete client-a --yes",
    "workspace delete nowhere --yes",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_the_commands_of_the_guides_print_is_what_is_written_down() {
    let definition = |name: &str, description: &str| json!({ "name": name, "description": description, "inputSchema": { "type": "object" } });
    let server = Server::new()
        .tool_definition(
            definition("search", "Searches the code"),
            Script::new().text("found it"),
        )
        .tool_definition(
            definition("delete_repo", "Deletes a repository"),
            Script::new().text("gone"),
        )
        .start()
        .await;
    let installation = Installation::new();
    let gateway = installation.start_with(&["--listen", "127.0.0.1:0"]);
    installation.done(&["workspace", "delete", "default", "--yes"]);
    let mut replay = Replay {
        installation: &installation,
        names: vec![
            ("GITHUB", server.url().to_owned()),
            ("TOOLGATE", program("toolgate").display().to_string()),
            (
                "FILE",
                installation
                    .scratch()
                    .join("mcp_config.json")
                    .display()
                    .to_string(),
            ),
        ],
        text: String::new(),
    };
    for command in BEFORE {
        replay.run(command);
    }
    let token = installation.token("team", &["--tools", "github__*"]);
    let mut client = Client::new(&gateway.workspace("team")).bearer(&token.token);
    client.initialize().await;
    soon("an answer", client.call("github__search", json!({}))).await;
    soon("a refusal", client.call("notes__add_note", json!({}))).await;
    eventually("both calls are recorded", || {
        (installation.lines(&["calls"]).len() == 2).then_some(())
    });
    let id = token.json["id"].as_str().expect("an id").to_owned();
    replay.names.push(("TOKEN", id));
    for command in AFTER {
        replay.run(command);
    }

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/transcript.txt");
    if std::env::var_os("TOOLGATE_TRANSCRIPT").is_some_and(|word| word == "write") {
        std::fs::write(&file, &replay.text).expect("the checkout is ours");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    for (number, (is, was)) in (1..).zip(replay.text.lines().zip(written.lines())) {
        assert_eq!(
            is, was,
            "line {number} of transcript.txt; all of it now:\n{}",
            replay.text
        );
    }
    assert_eq!(replay.text.lines().count(), written.lines().count());
}

struct Replay<'a> {
    installation: &'a Installation,
    names: Vec<(&'static str, String)>,
    text: String,
}

impl Replay<'_> {
    fn run(&mut self, command: &str) {
        let (line, input) = command.split_once(" < ").unwrap_or((command, ""));
        let words = words(line);
        let filled: Vec<String> = words
            .into_iter()
            .map(
                |word| match self.names.iter().find(|(name, _)| *name == word) {
                    Some((_, value)) => value.clone(),
                    None => word,
                },
            )
            .collect();
        let arguments: Vec<&str> = filled.iter().map(String::as_str).collect();
        let said = self.installation.ctl_with(&arguments, input);
        let _ = writeln!(self.text, "$ toolgatectl {command}");
        for line in said.stdout.lines().chain(said.stderr.lines()) {
            let line = self.steady(line);
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
        if let Some(code @ 1..) = said.status.code() {
            let _ = writeln!(self.text, "exit code {code}");
        }
        self.text.push('\n');
    }

    /// A line without what is another one in each run.
    fn steady(&self, line: &str) -> String {
        let scratch = self.installation.scratch().display().to_string();
        let program = program("toolgate").display().to_string();
        let line = line
            .replace(&program, "/…/toolgate")
            .replace(&scratch, "/…");
        // Columns are as wide as what is in them.
        let mut parts = line
            .split("  ")
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let indent = if line.starts_with("  ") { "  " } else { "" };
        let first = parts.next().unwrap_or_default().to_owned();
        let joined = parts.fold(indent.to_owned() + &first, |line, part| line + "  " + part);
        // Whether a use is noted by now is a matter of moments.
        numbers(&ids(&joined)).replace("  never", "  #-#-# #:#:#")
    }
}

/// At blanks, but for those in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for character in line.chars() {
        match character {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().expect("one at least").push(character),
        }
    }
    words
}

/// What is drawn: ids, tokens, digests and names of keys.
fn ids(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut steady = String::new();
    for piece in line.split_inclusive(|c| !is_part(c)) {
        let word = piece.trim_end_matches(|c| !is_part(c));
        let rest = &piece[word.len()..];
        let prefix = word.split_once('_').map(|(prefix, _)| prefix);
        let is_id = matches!(
            prefix,
            Some("ws" | "srv" | "tok" | "call" | "mwt" | "mk" | "dk" | "key")
        ) && word.len() > 12;
        let is_digest = word.len() >= 16
            && word.chars().all(|c| c.is_ascii_hexdigit())
            && word.contains(|c: char| c.is_ascii_digit());
        match prefix {
            Some(prefix) if is_id => steady.extend([prefix, "_…"]),
            _ if is_digest => steady.push('…'),
            _ => steady.push_str(word),
        }
        steady.push_str(rest);
    }
    steady
}

/// Times, ports, durations and sizes: every run of digits beside `:`, `-`, `.`, or before a unit.
fn numbers(line: &str) -> String {
    let mut steady = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        let (number, after) = digits.split_at(end);
        steady.push_str(before);
        let is_time = before.ends_with([':', '-']) && number.len() == 2
            || number.len() == 4 && after.starts_with('-')
            || number.len() == 2 && after.starts_with(':')
            || number.len() >= 3 && after.starts_with('Z')
            || number.len() == 8 && after.starts_with('T');
        let is_place = steady.ends_with("127.0.0.1:")
            || steady.ends_with("change ")
            || steady.is_empty() && after.starts_with("  ");
        let units = [" ms", " bytes", " rows", " checkpoints"];
        let is_measure = units.iter().any(|unit| after.starts_with(unit));
        let is_other_each_time = is_time || is_place || is_measure;
        steady.push_str(if is_other_each_time { "#" } else { number });
        rest = after;
    }
    steady + rest
}

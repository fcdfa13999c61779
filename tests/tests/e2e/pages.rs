//! What the pages and the packaging tell people to type: the programs know it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toolgate_tests::program;

/// Every command line of the pages, with `--help` behind it: what stands before has to be understood until then.
#[test]
fn commands_in_the_pages_are_understood() {
    let mut tried = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page is text");
        for (number, line) in commands(&text) {
            let mut words = words(&line);
            // What comes behind `--` belongs to another program.
            words.truncate(
                words
                    .iter()
                    .position(|word| word == "--")
                    .unwrap_or(words.len()),
            );
            let (name, arguments) = words.split_first().expect("it names the program");
            let output = Command::new(program(name))
                .args(arguments)
                .arg("--help")
                .env_clear()
                .output()
                .expect("it starts");
            assert!(
                output.status.success(),
                "{}:{number}: {line}\n{}",
                page.display(),
                String::from_utf8_lossy(&output.stderr)
            );
            tried += 1;
        }
    }
    assert!(tried > 60, "commands are looked for elsewhere: {tried}");
}

/// Of two rows about one command one would be out of date.
#[test]
fn each_command_has_one_row_of_the_members_it_prints() {
    let text = fs::read_to_string(root().join("docs/toolgatectl.md")).expect("the page is there");
    let (_, table) = text
        .split_once("| command | members |")
        .expect("the table is there");
    let mut seen = BTreeSet::new();
    for row in table.lines().skip(2).take_while(|row| row.starts_with('|')) {
        let commands = row.split('|').nth(1).expect("a row has cells");
        let commands: Vec<&str> = commands.split('`').skip(1).step_by(2).collect();
        let noun = commands[0].split(' ').next().expect("it has words");
        for command in &commands {
            let whole = if command.contains(' ') || *command == noun {
                (*command).to_owned()
            } else {
                format!("{noun} {command}")
            };
            assert!(seen.insert(whole), "`{command}` stands twice");
        }
    }
    assert!(seen.len() > 60, "rows are looked for elsewhere: {seen:?}");
}

/// Flags and variables in manifests, units and scripts are some that the programs read.
#[test]
fn what_is_packaged_sets_what_the_programs_read() {
    /// Read by the packaging itself.
    const OURS: &[&str] = &["TOOLGATE_ADMIN_FLAGS", "TOOLGATE_FLAGS", "TOOLGATE_IMAGE"];
    let help: String = ["toolgate", "toolgatectl"]
        .map(|name| {
            let output = Command::new(program(name)).arg("--help").output();
            String::from_utf8(output.expect("it starts").stdout).expect("help is text")
        })
        .concat();
    let known: BTreeSet<&str> = help.split(|c| !is_name(c)).collect();
    let packaging = root().join("packaging");
    let (mut flags, mut variables) = (0, 0);
    for file in ["compose.yaml", "kubernetes/statefulset.yaml"] {
        let text = fs::read_to_string(packaging.join(file)).expect("it is there");
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        for flag in lines.flat_map(|line| line.split(|c| !is_name(c))) {
            if flag.starts_with("--") {
                assert!(known.contains(flag), "{file} gives {flag}");
                flags += 1;
            }
        }
    }
    for file in [
        "Containerfile",
        "compose.yaml",
        "kubernetes/statefulset.yaml",
        "systemd/toolgate.service",
        "systemd/toolgate-admin.service",
        "systemd/toolgatectl",
    ] {
        let text = fs::read_to_string(packaging.join(file)).expect("it is there");
        for variable in text.split(|c| !is_name(c)) {
            if variable.starts_with("TOOLGATE_") && !OURS.contains(&variable) {
                assert!(known.contains(variable), "{file} sets {variable}");
                variables += 1;
            }
        }
    }
    assert!(flags >= 5 && variables >= 10, "{flags} and {variables}");
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-".contains(c)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the checkout")
}

/// The pages for whoever runs it.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).expect("the checkout can be read");
    let docs = docs.flatten().map(|entry| entry.path());
    let mut pages: Vec<_> = docs
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.extend(["README.md", "SECURITY.md"].map(|page| root().join(page)));
    pages.sort();
    pages
}

/// The command lines that call one of the programs: in blocks of code, and between backticks where they are whole.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut is_block = false;
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if is_block {
            let prompts = ["$ ", "# ", "sudo "];
            let mut line = prompts
                .iter()
                .fold(line.trim(), |line, prompt| {
                    line.strip_prefix(prompt).unwrap_or(line)
                })
                .to_owned();
            while line.ends_with('\\') {
                line.pop();
                line.push_str(lines.next().map_or("", |(_, next)| next.trim()));
            }
            found.push((number, line));
        } else {
            // Every second piece stands between backticks; those with a choice or a gap in them are forms, no lines.
            let pieces = line.split('`').skip(1).step_by(2);
            let whole = pieces.filter(|piece| !piece.contains(['[', '|', '…', '\\']));
            found.extend(whole.map(|piece| (number, piece.to_owned())));
        }
    }
    let calls = |line: &str| {
        let is_flag = |rest: &str| rest.starts_with('-');
        line.starts_with("toolgatectl ") || line.strip_prefix("toolgate ").is_some_and(is_flag)
    };
    found.retain(|(_, line)| calls(line));
    found
}

/// As a shell splits a plain line, up to a comment, a pipe or a redirection.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with(['#', '|', '<', '>', ';', '&']) {
        let mut word = String::new();
        while let Some(next) = rest.chars().next().filter(|c| !c.is_whitespace()) {
            rest = &rest[next.len_utf8()..];
            if next == '\'' || next == '"' {
                let end = rest.find(next).expect("a quote ends on its line");
                word.push_str(&rest[..end]);
                rest = &rest[end + 1..];
            } else {
                word.push(next);
            }
        }
        words.push(word);
        rest = rest.trim_start();
    }
    words
}

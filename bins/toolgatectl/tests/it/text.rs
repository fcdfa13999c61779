//! What people see, in the order the README has it.

use std::process::{Command, Stdio};

use crate::installation::Installation;

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

#[test]
fn a_first_session() {
    let home = Installation::new();
    let text = home.ok(&["workspace", "create", "Team"]);
    says(
        &text,
        &[
            "Created workspace \"Team\"",
            "http://127.0.0.1:8420/ws/team",
            "mwt_",
            "\"mcpServers\"",
            "\"Authorization\": \"Bearer mwt_",
            "toolgatectl mcp add",
        ],
    );
    let text = home.ok(&[
        "mcp",
        "add",
        "github",
        "--url",
        "https://1.1.1.1/mcp",
        "--bearer",
        "GITHUB_TOKEN",
    ]);
    says(
        &text,
        &[
            "Added server github",
            "`toolgatectl secrets set github GITHUB_TOKEN --workspace team`",
        ],
    );
    let text = home.ok(&["mcp", "add", "notes", "--url", "http://127.0.0.1:9000/mcp"]);
    says(
        &text,
        &["Allowed for this server alone: 127.0.0.1:9000 (plain http, loopback address 127.0.0.1)"],
    );
    home.feed(
        &["secrets", "set", "github", "GITHUB_TOKEN"],
        "fake-value-0123",
    );
    let text = home.ok(&["mcp", "list"]);
    says(
        &text,
        &["SERVER", "github", "https://1.1.1.1/mcp", "enabled"],
    );

    let text = home.ok(&[
        "workspace",
        "token",
        "create",
        "team",
        "--name",
        "bob",
        "--role",
        "read-only",
    ]);
    says(
        &text,
        &[
            "Role     read-only",
            "It may call 0 of 0 tools",
            "shown only this once",
        ],
    );
    let text = home.ok(&["workspace", "token", "list", "team"]);
    says(&text, &["ID", "NAME", "STATUS", "bob", "active"]);
    assert!(!text.contains("mwt_"), "{text}");

    home.ok(&["workspace", "use", "team"]);
    let text = home.ok(&["workspace", "list"]);
    says(&text, &["SLUG", "NAME", "MCP SERVERS", "TOKENS"]);
    let row = text.lines().nth(1).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells[..5], ["*", "team", "Team", "2", "2"]);
    says(&home.ok(&["calls"]), &["No calls."]);
    says(
        &home.ok(&["workspace", "delete", "team", "--yes"]),
        &["2 tokens revoked, 2 servers removed, 1 secret deleted"],
    );
}

#[test]
fn output_that_is_no_terminal_has_no_colour() {
    let home = Installation::new();
    home.ok(&["workspace", "create", "team"]);
    let text = home.ok(&["workspace", "token", "list"]) + &home.ok(&["doctor"]);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn a_reader_that_had_enough_is_no_failure() {
    let home = Installation::new();
    home.ok(&["workspace", "create", "team"]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_toolgatectl"))
        .args(["audit", "list"])
        .env("TOOLGATE_DATA_DIR", home.dir())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stderr, b"");
}

#[test]
fn completions_are_printed_for_each_shell() {
    let home = Installation::new();
    for shell in ["bash", "zsh", "fish"] {
        says(
            &home.ok(&["completions", shell]),
            &["toolgatectl", "workspace"],
        );
    }
    assert!(!home.dir().exists(), "printing a script opens nothing");
}

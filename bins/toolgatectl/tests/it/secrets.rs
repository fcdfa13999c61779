//! Secrets: every way in, and no way out (S-16, S-19).

use serde_json::Value;

use crate::installation::Installation;

const CANARY: &str = "fake-canary-5up3r-s3cr3t-value";

fn with_server() -> Installation {
    let home = Installation::new();
    home.ok(&["workspace", "create", "team"]);
    home.ok(&[
        "mcp",
        "add",
        "github",
        "--url",
        "https://1.1.1.1/mcp",
        "--bearer",
        "GITHUB_TOKEN",
    ]);
    home
}

#[test]
fn every_way_in_keeps_the_value_out_of_output_and_files() {
    let home = with_server();
    let ways: [(&[&str], &str); 5] = [
        (&["secrets", "set", "github", "GITHUB_TOKEN", CANARY], ""),
        (&["secrets", "set", "github", "GITHUB_TOKEN"], CANARY),
        (
            &[
                "secrets",
                "set",
                "github",
                "OTHER",
                "--workspace",
                "team",
                "--json",
            ],
            CANARY,
        ),
        (
            &["workspace", "secret", "set", "team", "SHARED", CANARY],
            "",
        ),
        (&["workspace", "secret", "set", "team", "SHARED"], CANARY),
    ];
    let mut shown = String::new();
    for (args, input) in ways {
        let ran = home.feed(args, input);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        shown += &ran.out;
        shown += &ran.err;
    }
    for args in [
        &["secrets", "list"][..],
        &["secrets", "list", "github", "--json"],
        &["workspace", "secret", "list", "team"],
        &["mcp", "list", "--json"],
        &["audit", "list", "--json"],
        &["doctor", "--json"],
        &["workspace", "list", "--json"],
    ] {
        shown += &home.ok(args);
    }
    assert!(!shown.contains(CANARY), "{shown}");
    for part in CANARY.as_bytes().windows(8) {
        assert_eq!(home.holds(part), None);
    }
}

#[test]
fn a_line_end_on_standard_input_is_no_part_of_the_value() {
    let home = with_server();
    // 16 KiB fit, with either line end; one byte more does not.
    let longest = "x".repeat(16 * 1024);
    for end in ["", "\n", "\r\n"] {
        let ran = home.feed(
            &["secrets", "set", "github", "GITHUB_TOKEN"],
            &format!("{longest}{end}"),
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    for input in [
        format!("{longest}x"),
        format!("{longest}{longest}"),
        "two\nlines here".into(),
        "\n".into(),
    ] {
        let ran = home.feed(&["secrets", "set", "github", "GITHUB_TOKEN"], &input);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains("hint: "), "{}", ran.err);
    }
}

#[test]
fn lists_show_names_versions_and_dates() {
    let home = with_server();
    for _ in 0..2 {
        home.feed(&["secrets", "set", "github", "GITHUB_TOKEN"], CANARY);
    }
    let listed = home.one(&["secrets", "list"]);
    let names: Vec<&str> = listed
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        names,
        [
            "created_at",
            "last_used_at",
            "name",
            "server",
            "used_by",
            "version"
        ]
    );
    assert_eq!(listed["version"], 2);
    assert_eq!(listed["last_used_at"], Value::Null);
    let text = home.ok(&["secrets", "list"]);
    assert!(text.starts_with("NAME"), "{text}");
    let deleted = home.one(&["secrets", "delete", "github", "GITHUB_TOKEN"]);
    assert_eq!(deleted["deleted"], true);
    assert!(home.json(&["secrets", "list"]).is_empty());
}

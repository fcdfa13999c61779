//! Exit codes, and that each failure says what to do (src/exit.rs).

use std::fs;

use serde_json::Value;

use crate::installation::Installation;

#[track_caller]
fn check(home: &Installation, args: &[&str], code: i32, message: &str, hint: &str) {
    let ran = home.run(args);
    assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    assert!(ran.out.is_empty(), "{ran:?}");
    let mut lines = ran.err.lines();
    let first = lines.next().unwrap_or_default();
    assert!(
        first.starts_with("error: ") && first.contains(message),
        "{ran:?}"
    );
    let second = lines.next().unwrap_or_default();
    assert!(
        second.starts_with("hint: ") && second.contains(hint),
        "{ran:?}"
    );
}

fn with_servers() -> Installation {
    let home = Installation::new();
    home.ok(&["workspace", "create", "team"]);
    home.ok(&["mcp", "add", "github", "--url", "https://1.1.1.1/mcp"]);
    home
}

#[test]
fn not_found_is_3() {
    let home = with_servers();
    check(
        &home,
        &["workspace", "use", "nope"],
        3,
        "no workspace `nope`",
        "team",
    );
    check(
        &home,
        &["mcp", "remove", "nope"],
        3,
        "no server `nope`",
        "github",
    );
    check(
        &home,
        &["mcp", "list", "--workspace", "nope"],
        3,
        "no workspace",
        "team",
    );
    check(
        &home,
        &["token", "revoke", "team", "tok_x"],
        3,
        "no token `tok_x`",
        "token list team",
    );
    check(
        &home,
        &["secrets", "delete", "github", "X"],
        3,
        "no secret `X`",
        "secrets list",
    );
    check(
        &home,
        &["tools", "classify", "github/x", "write"],
        3,
        "no tool `x`",
        "tools list github",
    );
    check(
        &home,
        &["calls", "--workspace", "nope"],
        3,
        "no workspace",
        "team",
    );
}

#[test]
fn what_cannot_be_meant_is_2() {
    let home = with_servers();
    check(
        &home,
        &["mcp", "add", "x", "--url", "nonsense"],
        2,
        "not the URL",
        "https://",
    );
    check(
        &home,
        &["mcp", "add", "x", "--", "no-such-program"],
        2,
        "no program",
        "full path",
    );
    check(
        &home,
        &[
            "mcp",
            "add",
            "x",
            "--url",
            "https://1.1.1.1",
            "--header",
            "Authorization: Bearer abc",
        ],
        2,
        "names no secret",
        "{NAME}",
    );
    check(
        &home,
        &["secrets", "set", "github", "T", "short"],
        2,
        "shorter than 8",
        "masked",
    );
    check(
        &home,
        &["secrets", "set", "github", "T"],
        2,
        "no value",
        "value.txt",
    );
    check(
        &home,
        &["token", "create", "--name", "x", "--tools", "!a__*"],
        2,
        "allow none",
        "`*,",
    );
    check(
        &home,
        &["token", "create", "--name", "x", "--rate-limit", "many"],
        2,
        "not a rate limit",
        "off",
    );
    home.ok(&["workspace", "create", "other"]);
    check(
        &home,
        &["mcp", "list"],
        2,
        "none is active",
        "workspace use other",
    );
    for args in [
        &["mcp", "add", "x"][..],
        &["nope"],
        &["token", "create"],
        &["calls", "--since", "soon"],
    ] {
        assert_eq!(home.run(args).code, 2, "{args:?}");
    }
}

#[test]
fn refused_is_4() {
    let home = with_servers();
    check(
        &home,
        &["workspace", "delete", "team"],
        4,
        "no terminal",
        "--yes",
    );
    check(
        &home,
        &["mcp", "add", "github", "--url", "https://1.1.1.1"],
        4,
        "already has",
        "mcp remove github",
    );
    check(
        &home,
        &[
            "mcp",
            "add",
            "bare",
            "--url",
            "https://1.1.1.1",
            "--prefix",
            "none",
        ],
        4,
        "must be the only enabled one",
        "mcp disable github",
    );
    let ran = home.feed(&["workspace", "delete", "team"], "y\n");
    assert_eq!(ran.code, 4, "a yes that no person gave");
    assert_eq!(home.json(&["workspace", "list"]).len(), 1);
}

#[test]
fn what_needs_a_gateway_is_5() {
    let home = with_servers();
    check(
        &home,
        &["workspace", "test"],
        5,
        "no gateway is running",
        "toolgate --data-dir",
    );
}

#[test]
fn a_broken_installation_is_1() {
    let home = with_servers();
    fs::remove_file(home.dir().join("master.key")).unwrap();
    check(
        &home,
        &["workspace", "list"],
        1,
        "master key",
        "put the key back",
    );
    let ran = home.run(&["doctor"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("missing"), "{ran:?}");
}

#[test]
fn failures_are_json_where_json_was_asked_for() {
    let home = with_servers();
    let ran = home.run(&["workspace", "use", "nope", "--json"]);
    assert_eq!(ran.code, 3);
    assert!(ran.out.is_empty());
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["error"]["code"], "not_found");
    assert_eq!(error["error"]["message"], "no workspace `nope`");
    assert!(error["error"]["hint"].as_str().unwrap().contains("team"));
}

#[test]
fn s24_text_in_a_failure_cannot_steer_the_terminal() {
    let home = with_servers();
    let ran = home.run(&["workspace", "use", "x\u{1b}[2J"]);
    assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
}

/// S-03: naming a server contacts and starts nothing, whatever its definition says; only the gateway does, when
/// somebody uses or tests it. CVE-2026-42271, CVE-2026-40933: code ran when a definition was imported.
#[test]
fn s03_cve_2026_42271_adding_servers_runs_and_contacts_nothing() {
    let home = Installation::new();
    home.ok(&["workspace", "create", "team"]);
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let port = trap.local_addr().unwrap().port();
    let mark = home.dir().parent().unwrap().join("it-ran");
    let mark = mark.to_str().unwrap();
    let shell = format!("touch {mark}");
    for number in 0..10 {
        let commands: [&[&str]; 5] = [
            &["sh", "-c", &shell],
            &["touch", mark],
            &["env", "touch", mark],
            &["/bin/sh", "-c", &format!("exec {shell}")],
            &["sh", "-c", &format!("$({shell}); `{shell}`")],
        ];
        for (kind, command) in commands.iter().enumerate() {
            let name = format!("evil-{number}-{kind}");
            home.run(&[&["mcp", "add", &name, "--"], *command].concat());
        }
        for (kind, url) in ["mcp", "mcp?x={TOKEN}", "../mcp", "%0d%0aHost:x", ""]
            .iter()
            .enumerate()
        {
            let name = format!("url-{number}-{kind}");
            let url = format!("http://127.0.0.1:{port}/{url}");
            home.run(&["mcp", "add", &name, "--url", &url]);
        }
    }
    assert!(
        home.ok(&["mcp", "list"]).lines().count() > 50,
        "most were added"
    );
    home.ok(&["mcp", "list", "--json"]);
    home.run(&["doctor"]);
    assert!(!std::path::Path::new(mark).exists(), "a command ran");
    assert!(trap.accept().is_err(), "somebody called");
}

//! Editors' files: their servers taken over, the workspace written into them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::installation::{Installation, Ran};

/// Values that stand in the fixtures, and may stand nowhere else in clear.
const SECRETS: [&str; 7] = [
    "ghp_not0a0real0token",
    "bearer-not-a-real-one",
    "key-not-a-real-one",
    "query-not-a-real-one",
    "input0path0key0not0a0real1",
    "bridge-not-a-real-one",
    "hunter2hunter2",
];

const DESKTOP: &str = r#"{
  "mcpServers": {
    "GitHub": {
      "command": "sh", "args": ["-c", "exec cat"],
      "env": {"GITHUB_TOKEN": "ghp_not0a0real0token", "LOG_LEVEL": "info", "NODE_OPTIONS": "--inspect"}
    },
    "bridged": {
      "command": "npx",
      "args": ["-y", "mcp-remote@0.1.0", "https://1.1.1.1/bridged", "--header", "Authorization:${AUTH}"],
      "env": {"AUTH": "Bearer bridge-not-a-real-one"}
    },
    "leaky": {"command": "sh", "args": ["--api-key", "hunter2hunter2"]},
    "gone": {"command": "no-such-program-at-all"}
  },
  "globalShortcut": "Ctrl+Space"
}"#;
const CODE: &str = r#"{
  // what the user typed in
  "inputs": [{"id": "key", "type": "promptString", "password": true}],
  "servers": {
    "search": {
      "type": "http",
      "url": "https://1.1.1.1/mcp?api_key=query-not-a-real-one&page=2",
      "headers": {
        "Authorization": "Bearer bearer-not-a-real-one", "X-Api-Key": "key-not-a-real-one",
        "X-Input": "${input:key}", "X-Short": "1",
      },
    },
    "folder": {"command": "sh", "args": ["${workspaceFolder}/run"]},
  },
}
"#;
const WINDSURF: &str = r#"{"mcpServers": {"hook": {"serverUrl": "https://1.1.1.1/x/input0path0key0not0a0real1/mcp"}}}"#;

struct Desk {
    home: Installation,
}

impl Desk {
    fn new() -> Self {
        Self {
            home: Installation::new(),
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.home.user().join(file)
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn backups(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.to_str().unwrap().contains(".toolgate-backup-"))
            .collect()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[track_caller]
fn is_silent(ran: &Ran) {
    for secret in SECRETS {
        assert!(
            !ran.out.contains(secret) && !ran.err.contains(secret),
            "{secret}: {ran:?}"
        );
    }
}

#[track_caller]
fn row<'a>(rows: &'a [Value], called: &str) -> &'a Value {
    rows.iter()
        .find(|row| row["called"] == called)
        .unwrap_or_else(|| panic!("{called}: {rows:?}"))
}

fn all_editors() -> Desk {
    let desk = Desk::new();
    desk.write(".config/Claude/claude_desktop_config.json", DESKTOP);
    desk.write(".config/Code/User/mcp.json", CODE);
    desk.write(".codeium/windsurf/mcp_config.json", WINDSURF);
    desk.write(".cursor/mcp.json", WINDSURF);
    desk.write(
        ".claude.json",
        r#"{"numStartups": 3, "projects": {"/p": {"mcpServers": {"inner": {"type": "sse", "url": "https://1.1.1.1/sse"}}}}}"#,
    );
    desk
}

#[test]
fn servers_of_every_editor_are_found_shown_and_added_with_their_secrets() {
    let desk = all_editors();
    desk.home.one(&["workspace", "create", "team"]);
    let found = desk.home.run(&["mcp", "import", "--dry-run"]);
    is_silent(&found);
    assert!(found.out.contains("+ github"), "{}", found.out);
    assert!(
        desk.home.json(&["mcp", "list"]).is_empty(),
        "looking changes nothing"
    );

    let asked = desk.home.run(&["mcp", "import"]);
    assert_eq!(asked.code, 4, "{asked:?}");
    assert!(
        asked.err.contains("--dry-run, then add --yes"),
        "{}",
        asked.err
    );

    let ran = desk.home.run(&["mcp", "import", "--yes", "--json"]);
    is_silent(&ran);
    let rows: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 8, "{rows:?}");
    let state = |called| row(&rows, called)["state"].as_str().unwrap().to_owned();
    for called in ["GitHub", "bridged", "search", "hook", "inner"] {
        assert_eq!(state(called), "added", "{}", row(&rows, called));
    }
    for (called, why) in [
        ("leaky", "argument 2 looks like a secret"),
        ("gone", "no program `no-such-program-at-all`"),
        ("folder", "only the editor can fill in"),
    ] {
        assert_eq!(state(called), "skipped");
        let reason = row(&rows, called)["reason"].as_str().unwrap();
        assert!(reason.contains(why), "{reason}");
    }
    let github = row(&rows, "GitHub");
    assert_eq!(github["secrets"][0]["name"], "GITHUB_TOKEN");
    assert_eq!(github["secrets"][0]["value"], "moved");
    assert!(
        github["notes"][0]
            .as_str()
            .unwrap()
            .contains("NODE_OPTIONS steers")
    );
    let search = row(&rows, "search");
    assert_eq!(
        search["place"],
        "https://1.1.1.1/mcp?api_key={API_KEY}&page=2"
    );
    let values: Vec<&str> = search["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["value"].as_str().unwrap())
        .collect();
    assert_eq!(values, ["moved", "moved", "moved", "missing"]);
    assert_eq!(
        row(&rows, "hook")["place"],
        "https://1.1.1.1/x/{URL_KEY}/mcp"
    );

    let servers = desk.home.json(&["mcp", "list"]);
    assert_eq!(servers.len(), 5);
    let search = servers
        .iter()
        .find(|server| server["server"] == "search")
        .unwrap();
    assert_eq!(search["missing_secrets"].as_array().unwrap().len(), 1);
    for secret in SECRETS {
        assert_eq!(
            desk.home.holds(secret.as_bytes()),
            None,
            "{secret} is in clear"
        );
    }
    // The audit says who did what, and again no value.
    is_silent(&desk.home.run(&["audit", "list", "--json"]));
    let again = desk.home.json(&["mcp", "import", "--yes"]);
    assert!(
        again.iter().all(|row| row["state"] == "skipped"),
        "{again:?}"
    );
    assert_eq!(
        desk.text(".config/Code/User/mcp.json"),
        CODE,
        "editors' files stay as they are"
    );
}

#[test]
fn s21_a_broken_file_is_refused_without_showing_what_is_in_it() {
    let desk = Desk::new();
    desk.home.one(&["workspace", "create", "team"]);
    for text in [
        "{\"mcpServers\": {\"a\": {\"env\": {\"TOKEN\": \"hunter2hunter2\n",
        "{\"mcpServers\": hunter2hunter2}",
        "[\"hunter2hunter2\"",
    ] {
        let file = desk.write("broken.json", text);
        let file = file.to_str().unwrap();
        let ran = desk.home.run(&["mcp", "import", "--from", file, "--yes"]);
        is_silent(&ran);
        assert_ne!(ran.code, 0, "{ran:?}");
        let ran = desk.home.run(&["connect", "cursor", "--path", file]);
        is_silent(&ran);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert_eq!(desk.text("broken.json"), text);
    }
    let tokens = desk.home.json(&["token", "list"]);
    assert_eq!(
        tokens.len(),
        1,
        "no token is made for a file that cannot be written"
    );
    assert_ne!(
        desk.home
            .run(&["mcp", "import", "--from", "nowhere.json"])
            .code,
        0
    );
}

#[track_caller]
fn connected(editor: &str, file: &str, pointer: &str) -> (Desk, Value) {
    let desk = Desk::new();
    desk.home.one(&["workspace", "create", "team"]);
    let report = desk.home.one(&["connect", editor]);
    assert_eq!(report["file"], desk.path(file).to_str().unwrap());
    assert_eq!(mode(&desk.path(file)), 0o600);
    let written: Value = serde_json::from_str(&desk.text(file)).unwrap();
    let entry = written
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{written}"))
        .clone();
    assert!(!report.to_string().contains("mwt_"), "{report}");
    (desk, entry)
}

#[test]
fn each_editor_gets_its_own_form() {
    let url = "http://127.0.0.1:8420/ws/team";
    let (_desk, entry) = connected("cursor", ".cursor/mcp.json", "/mcpServers/team");
    assert_eq!(entry["url"], url);
    assert!(
        entry["headers"]["Authorization"]
            .as_str()
            .unwrap()
            .starts_with("Bearer mwt_")
    );
    let (_desk, entry) = connected("vscode", ".config/Code/User/mcp.json", "/servers/team");
    assert_eq!(
        (&entry["type"], &entry["url"]),
        (&"http".into(), &url.into())
    );
    let (_desk, entry) = connected("claude-code", ".claude.json", "/mcpServers/team");
    assert_eq!(
        (&entry["type"], &entry["url"]),
        (&"http".into(), &url.into())
    );
    let file = ".codeium/windsurf/mcp_config.json";
    let (_desk, entry) = connected("windsurf", file, "/mcpServers/team");
    assert_eq!(entry["serverUrl"], url);
    assert_eq!(entry["url"], Value::Null);
    let file = ".config/Claude/claude_desktop_config.json";
    let (_desk, entry) = connected("claude-desktop", file, "/mcpServers/team");
    assert_eq!(entry["command"], "npx");
    assert_eq!(entry["args"][2], url);
    assert!(
        !entry["args"].to_string().contains("mwt_"),
        "arguments can be seen by others"
    );
    assert!(
        entry["env"]["TOOLGATE_AUTHORIZATION"]
            .as_str()
            .unwrap()
            .starts_with("Bearer mwt_")
    );
}

#[test]
fn everything_else_in_the_file_stays_and_the_file_as_it_was_is_kept() {
    let desk = Desk::new();
    desk.home.one(&["workspace", "create", "team"]);
    let file = ".config/Code/User/mcp.json";
    let path = desk.write(file, CODE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let report = desk.home.one(&[
        "connect",
        "vscode",
        "--role",
        "read-only",
        "--expires-in",
        "14d",
    ]);
    let backup = PathBuf::from(report["backup"].as_str().unwrap());
    assert_eq!(fs::read_to_string(&backup).unwrap(), CODE);
    assert_eq!((mode(&backup), mode(&path)), (0o600, 0o600));
    let after = desk.text(file);
    let (head, tail) = after.split_once("    \"team\": {").expect("it is there");
    let rest = tail.split_once("\n    }").expect("it ends").1;
    let rest = rest.strip_prefix(',').unwrap_or(rest);
    assert_eq!(format!("{}{rest}", head.trim_end()), CODE);
    let token = desk.home.json(&["token", "list"]).remove(1);
    assert_eq!(
        (&token["role"], &token["name"]),
        (&"read-only".into(), &"vscode".into())
    );

    // Once more: replaced in its place, the token before is named.
    let again = desk.home.one(&["connect", "vscode"]);
    assert_eq!(again["replaced"], true);
    assert_eq!(again["previous_token"], token["id"]);
    assert_eq!(desk.text(file).matches("\"team\"").count(), 1);
    assert_eq!(desk.backups(".config/Code/User").len(), 2);
}

#[test]
fn an_entry_that_leads_elsewhere_is_replaced_only_on_demand() {
    let desk = Desk::new();
    desk.home.one(&["workspace", "create", "team"]);
    let text = r#"{"mcpServers": {"team": {"command": "sh"}}}"#;
    desk.write(".cursor/mcp.json", text);
    let ran = desk.home.run(&["connect", "cursor"]);
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("--yes"), "{}", ran.err);
    assert_eq!(desk.text(".cursor/mcp.json"), text);
    assert_eq!(desk.home.json(&["token", "list"]).len(), 1);
    desk.home.one(&["connect", "cursor", "--yes"]);
    assert!(desk.text(".cursor/mcp.json").contains("/ws/team"));
}

#[test]
fn imported_servers_are_taken_out_on_demand_and_others_stay() {
    let desk = all_editors();
    desk.home.one(&["workspace", "create", "team"]);
    desk.home.json(&["mcp", "import", "--yes"]);
    let report = desk.home.one(&["connect", "claude-desktop"]);
    assert_eq!(report["imported"], serde_json::json!(["GitHub", "bridged"]));
    assert_eq!(report["removed"], serde_json::json!([]));
    let report = desk
        .home
        .one(&["connect", "claude-desktop", "--remove-imported"]);
    assert_eq!(report["removed"], serde_json::json!(["GitHub", "bridged"]));
    let after: Value =
        serde_json::from_str(&desk.text(".config/Claude/claude_desktop_config.json")).unwrap();
    let servers = after["mcpServers"].as_object().unwrap();
    let names: Vec<&String> = servers.keys().collect();
    assert_eq!(names, ["gone", "leaky", "team"]);
    assert_eq!(after["globalShortcut"], "Ctrl+Space");
}

#[test]
fn a_token_that_is_given_is_tried_and_the_block_can_be_printed() {
    let desk = Desk::new();
    let made = desk.home.one(&["workspace", "create", "team"]);
    let token = made["token"].as_str().unwrap();
    let ran = desk
        .home
        .feed(&["connect", "cursor", "--token-stdin"], token);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(desk.text(".cursor/mcp.json").contains(token));
    assert!(!ran.out.contains("mwt_"));
    let ran = desk.home.feed(
        &["connect", "cursor", "--token-stdin"],
        &format!("{}0", &token[..token.len() - 1]),
    );
    assert_ne!(ran.code, 0);
    let out = desk.home.ok(&["connect", "windsurf", "--print"]);
    let block: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        block["mcpServers"]["team"]["serverUrl"],
        "http://127.0.0.1:8420/ws/team"
    );
    assert!(!desk.path(".codeium").exists(), "printing writes nothing");
}

#[test]
fn a_link_is_followed_and_a_new_file_of_a_project_is_made() {
    let desk = Desk::new();
    desk.home.one(&["workspace", "create", "team"]);
    let real = desk.write("dotfiles/mcp.json", "\u{feff}{}\r\n");
    fs::create_dir_all(desk.path(".cursor")).unwrap();
    std::os::unix::fs::symlink(&real, desk.path(".cursor/mcp.json")).unwrap();
    desk.home.one(&["connect", "cursor"]);
    assert!(
        fs::symlink_metadata(desk.path(".cursor/mcp.json"))
            .unwrap()
            .is_symlink()
    );
    let text = desk.text("dotfiles/mcp.json");
    assert!(
        text.starts_with('\u{feff}') && text.contains("/ws/team"),
        "{text}"
    );
    let project = desk.path("work/.vscode/mcp.json");
    desk.home
        .one(&["connect", "vscode", "--path", project.to_str().unwrap()]);
    assert!(
        desk.text("work/.vscode/mcp.json")
            .contains("\"type\": \"http\"")
    );
}

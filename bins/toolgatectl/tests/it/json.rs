//! The names programs rely on (docs/toolgatectl.md): a change here breaks somebody's script.

use serde_json::{Value, json};

use crate::installation::{Installation, names};

#[track_caller]
fn shape(value: &Value, members: &[&str]) {
    let mut expected = members.to_vec();
    expected.sort_unstable();
    assert_eq!(names(value), expected);
}

#[test]
fn workspaces_from_create_to_delete() {
    let home = Installation::new();
    let made = home.one(&["workspace", "create", "Team tools", "--description", "ours"]);
    shape(
        &made,
        &[
            "id",
            "slug",
            "name",
            "description",
            "url",
            "created_at",
            "active",
            "token_id",
            "role",
            "token",
            "mcp_json",
            "gateway",
        ],
    );
    assert_eq!(made["slug"], "team-tools");
    assert_eq!(made["gateway"], "not_running");
    let entry = &made["mcp_json"]["mcpServers"]["team-tools"];
    assert_eq!(entry["type"], "http");
    assert_eq!(entry["url"], made["url"]);
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    assert_eq!(entry["headers"]["Authorization"], json!(bearer));

    home.one(&["workspace", "create", "other", "--use"]);
    let listed = home.json(&["workspace", "list"]);
    assert_eq!(listed.len(), 2);
    shape(
        &listed[0],
        &[
            "id",
            "slug",
            "name",
            "description",
            "url",
            "servers",
            "tokens",
            "read_only",
            "strict_records",
            "active",
            "created_at",
        ],
    );
    let active: Vec<_> = listed
        .iter()
        .map(|row| row["active"].as_bool().unwrap())
        .collect();
    assert_eq!(active, [true, false]);

    let used = home.one(&["workspace", "use", "team-tools"]);
    assert_eq!(used, json!({ "slug": "team-tools", "active": true }));
    let set = home.one(&["workspace", "set", "team-tools", "--read-only", "all"]);
    shape(
        &set,
        &[
            "slug",
            "name",
            "description",
            "read_only",
            "strict_records",
            "gateway",
        ],
    );
    let set = home.one(&["workspace", "set", "team-tools", "--strict-records", "on"]);
    assert_eq!(
        (&set["read_only"], &set["strict_records"]),
        (&json!("all"), &json!(true))
    );

    let deleted = home.one(&["workspace", "delete", "team-tools", "--yes"]);
    shape(
        &deleted,
        &[
            "slug",
            "deleted",
            "tokens_revoked",
            "servers_removed",
            "secrets_deleted",
            "gateway",
        ],
    );
    assert_eq!(deleted["tokens_revoked"], 1);
    assert_eq!(home.json(&["workspace", "list"]).len(), 1);
}

#[test]
fn tokens_from_create_to_revoke() {
    let home = Installation::new();
    home.one(&["workspace", "create", "team"]);
    let made = home.one(&[
        "workspace",
        "token",
        "create",
        "team",
        "--name",
        "contractor",
        "--role",
        "read-only",
        "--expires-in",
        "14d",
        "--tools",
        "github__*,!github__delete_*",
        "--rate-limit",
        "off",
    ]);
    shape(
        &made,
        &[
            "id",
            "workspace",
            "name",
            "role",
            "tools",
            "rate_limit",
            "member",
            "created_at",
            "expires_at",
            "url",
            "token",
            "mcp_json",
            "read_only",
            "gateway",
        ],
    );
    assert_eq!(made["tools"], json!(["github__*", "!github__delete_*"]));
    assert_eq!(made["rate_limit"], Value::Null);
    assert_eq!(made["read_only"], json!({ "callable": 0, "total": 0 }));
    let id = made["id"].as_str().unwrap();

    let listed = home.json(&["workspace", "token", "list", "team"]);
    assert_eq!(listed.len(), 2);
    shape(
        &listed[1],
        &[
            "id",
            "name",
            "role",
            "status",
            "tools",
            "rate_limit",
            "member",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        ],
    );
    // The short form of the command does the same.
    assert_eq!(home.json(&["token", "list"]), listed);

    let token = made["token"].as_str().unwrap();
    let ran = home.feed(&["workspace", "token", "inspect", "team", "--json"], token);
    let inspected: Value = serde_json::from_str(&ran.out).unwrap();
    shape(&inspected, &["workspace", "accepted", "reason", "token"]);
    assert_eq!(inspected["accepted"], true);

    let revoked = home.one(&["workspace", "token", "revoke", "team", id]);
    shape(&revoked, &["id", "workspace", "name", "revoked", "gateway"]);
    let inspected = home.one(&["workspace", "token", "inspect", "team", id]);
    assert_eq!(inspected["accepted"], false);
    assert_eq!(inspected["token"]["status"], "revoked");
    let explained = home.one(&["token", "explain", "team", id, "github__search"]);
    shape(&explained, &["id", "tool", "allowed", "reason", "hint"]);
}

#[test]
fn servers_from_add_to_remove() {
    let home = Installation::new();
    // No workspace yet: the first command that needs one makes `default`.
    let added = home.one(&[
        "mcp",
        "add",
        "github",
        "--url",
        "https://1.1.1.1/mcp",
        "--bearer",
        "GITHUB_TOKEN",
        "--timeout",
        "10s",
        "--era",
        "legacy",
        "--transport",
        "http",
    ]);
    let listing = [
        "server",
        "id",
        "transport",
        "url",
        "command",
        "enabled",
        "prefix",
        "era",
        "isolation",
        "timeout_ms",
        "allowed_origin",
        "secrets",
        "missing_secrets",
        "tools",
        "revision",
        "changes",
        "quarantined",
        "waiting",
        "circuit",
        "held",
    ];
    let mut members = listing.to_vec();
    members.extend([
        "workspace",
        "allowance",
        "floating",
        "probe",
        "findings",
        "gateway",
    ]);
    shape(&added, &members);
    assert_eq!(added["workspace"], "default");
    assert_eq!(added["timeout_ms"], 10_000);
    assert_eq!(added["era"], "legacy");
    assert_eq!(added["missing_secrets"], json!(["GITHUB_TOKEN"]));
    assert_eq!(added["probe"], json!({ "state": "secrets_missing" }));

    let added = home.one(&["mcp", "add", "notes", "--url", "http://127.0.0.1:9000/mcp"]);
    assert_eq!(added["allowance"]["origin"], "127.0.0.1:9000");
    assert_eq!(added["allowance"]["plain_http"], true);
    assert_eq!(added["probe"], json!({ "state": "gateway_not_running" }));

    let added = home.one(&[
        "mcp", "add", "files", "--env", "API_KEY", "--", "sh", "-c", "--json",
    ]);
    assert_eq!(added["transport"], "stdio");
    let command = added["command"].as_array().unwrap();
    assert!(command[0].as_str().unwrap().starts_with('/'));
    assert_eq!(command[1..], [json!("-c"), json!("--json")]);

    let listed = home.json(&["mcp", "list"]);
    assert_eq!(listed.len(), 3);
    shape(&listed[0], &listing);
    let disabled = home.one(&["mcp", "disable", "notes"]);
    shape(&disabled, &["workspace", "server", "enabled", "gateway"]);
    assert_eq!(disabled["enabled"], false);
    assert_eq!(home.one(&["mcp", "enable", "notes"])["enabled"], true);
    assert!(home.json(&["tools", "list"]).is_empty());
    let removed = home.one(&["mcp", "remove", "notes", "--workspace", "default"]);
    shape(&removed, &["workspace", "server", "removed", "gateway"]);
    assert_eq!(home.json(&["mcp", "list"]).len(), 2);
}

#[test]
fn audit_calls_and_doctor() {
    let home = Installation::new();
    home.one(&["workspace", "create", "team"]);
    assert!(
        home.json(&["calls", "--since", "1h", "--limit", "5"])
            .is_empty()
    );
    let audit = home.json(&["audit", "list"]);
    shape(
        &audit[0],
        &[
            "sequence",
            "time",
            "actor",
            "action",
            "workspace",
            "object",
            "detail",
        ],
    );
    assert!(audit.iter().any(|row| row["action"] == "workspace.create"));
    let findings = home.json(&["doctor"]);
    shape(&findings[0], &["check", "level", "message", "fix"]);
    assert!(findings.iter().all(|finding| finding["level"] != "problem"));

    home.one(&[
        "mcp",
        "add",
        "github",
        "--url",
        "https://1.1.1.1/mcp",
        "--bearer",
        "TOKEN",
    ]);
    let ran = home.run(&["doctor", "--json"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out
            .contains("toolgatectl secrets set github TOKEN --workspace team")
    );
}

#[test]
fn s38_the_clock_is_shown_and_accepted() {
    let home = Installation::new();
    home.one(&["workspace", "create", "team"]);
    let shown = home.one(&["clock", "show"]);
    shape(&shown, &["now", "latest_seen", "behind_ms"]);
    let accepted = home.one(&["clock", "accept"]);
    shape(&accepted, &["now", "before", "gateway"]);
    let audit = home.json(&["audit", "list"]);
    assert!(audit.iter().any(|row| row["action"] == "clock.correct"));
}

#[test]
fn s40_a_token_is_given_other_rights() {
    let home = Installation::new();
    home.one(&["workspace", "create", "team"]);
    let made = home.one(&["token", "create", "team", "--name", "alice"]);
    let id = made["id"].as_str().unwrap();
    let set = ["token", "set", "team", id, "--role", "read-only"];
    let set = home.one(&[&set[..], &["--tools", "a__*,!a__b"]].concat());
    assert_eq!(set["role"], "read-only");
    assert_eq!(set["tools"], json!(["a__*", "!a__b"]));
    assert_eq!(set["gateway"], "not_running");
    let listed = home.json(&["token", "list", "team"]);
    let listed = listed.iter().find(|token| token["id"] == id).unwrap();
    assert_eq!(listed["role"], "read-only");
}

//! `toolgatectl audit …`: filters, verification, export (S-84).

use std::fs;

use serde_json::Value;

use crate::installation::{Installation, names};

fn busy() -> Installation {
    let home = Installation::new();
    home.ok(&["workspace", "create", "team"]);
    home.ok(&["workspace", "create", "other"]);
    home.ok(&["token", "create", "team", "--name", "alice"]);
    home
}

fn actions(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect()
}

#[test]
fn rows_can_be_filtered() {
    let home = busy();
    let of = |args: &[&str]| home.json(&[&["audit", "list"], args].concat());
    assert!(
        actions(&of(&["--action", "token"]))
            .iter()
            .all(|a| a.starts_with("token."))
    );
    let one = of(&["--action", "workspace.create", "--workspace", "other"]);
    assert_eq!(actions(&one), ["workspace.create"]);
    assert_eq!(of(&["--actor", "nobody"]).len(), 0);
    assert!(!of(&["--since", "1h", "--actor", "operator"]).is_empty());
}

#[test]
fn s84_verify_names_the_first_bad_row_and_the_damage() {
    let home = busy();
    let whole = home.one(&["audit", "verify"]);
    assert_eq!(
        names(&whole),
        [
            "broken_at",
            "checkpoints",
            "damage",
            "message",
            "ok",
            "rows",
            "unreadable"
        ]
    );
    assert_eq!(whole["ok"], true);
    assert!(
        whole["checkpoints"].as_u64().unwrap() >= 3,
        "one a command: {whole}"
    );

    let export = home.dir().join("audit.jsonl");
    fs::write(&export, home.ok(&["audit", "export"])).unwrap();
    let path = export.to_str().unwrap();
    assert_eq!(home.one(&["audit", "verify", "--export", path])["ok"], true);
    let text = fs::read_to_string(&export).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(2);
    fs::write(&export, lines.join("\n")).unwrap();
    let ran = home.run(&["--json", "audit", "verify", "--export", path]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&found["broken_at"], &found["damage"]),
        (&3.into(), &"missing".into())
    );
    lines.truncate(2);
    fs::write(&export, lines.join("\n")).unwrap();
    let ran = home.run(&["audit", "verify", "--export", path]);
    assert!(
        ran.out
            .contains("breaks at row 3, the end of the chain was cut off"),
        "{ran:?}"
    );

    fs::write(&export, "{}").unwrap();
    assert_eq!(home.run(&["audit", "verify", "--export", path]).code, 2);
}

#[test]
fn s84_checkpoints_go_where_the_operator_says_too() {
    let home = busy();
    let sink = home.dir().join("elsewhere.checkpoints");
    let sink = sink.to_str().unwrap();
    home.ok(&["workspace", "create", "more", "--audit-checkpoints", sink]);
    let own = home.one(&["audit", "verify"])["checkpoints"].as_u64();
    let both = home.one(&["audit", "verify", "--audit-checkpoints", sink])["checkpoints"].as_u64();
    assert_eq!(both.unwrap(), own.unwrap() + 1);
}

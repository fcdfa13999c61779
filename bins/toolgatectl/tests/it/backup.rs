//! `toolgatectl backup …`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::installation::{Installation, names};

const VALUE: &str = "not-a-real-secret-value";

#[test]
fn r10_backup_create_verify_restore() {
    let home = Installation::new();
    home.ok(&["workspace", "create", "team"]);
    home.ok(&["workspace", "secret", "set", "team", "API_TOKEN", VALUE]);
    let file = home.dir().join("copy.db");
    let path = file.to_str().unwrap();
    let made = home.one(&["backup", "create", path]);
    assert_eq!(
        names(&made),
        [
            "bytes",
            "calls",
            "created_at",
            "file",
            "last_change",
            "secrets",
            "workspaces"
        ]
    );
    assert_eq!(made["secrets"]["state"], "no_gateway");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(home.holds(VALUE.as_bytes()), None, "sealed in the copy too");
    let key = fs::read(home.dir().join("master.key")).unwrap();
    let copy = fs::read(&file).unwrap();
    assert!(!copy.windows(key.len()).any(|window| window == key));

    let again = home.run(&["backup", "create", path]);
    assert_eq!(again.code, 4, "{again:?}");
    let text = home.run(&["backup", "verify", path]);
    assert_eq!(text.code, 0, "{text:?}");
    assert!(text.err.contains("was not verified"), "{text:?}");

    home.ok(&["workspace", "create", "later"]);
    let asked = home.run(&["backup", "restore", path]);
    assert_eq!(asked.code, 4, "{asked:?}");
    let restored = home.one(&["backup", "restore", path, "--yes"]);
    // The row of the backup itself, a workspace and its first token.
    assert_eq!(restored["changes_undone"], 3);
    assert!(home.run(&["workspace", "use", "later"]).code == 3);
    assert_eq!(home.one(&["audit", "verify"])["ok"], true);
    let aside = restored["replaced"].as_str().unwrap();
    assert!(fs::metadata(aside).unwrap().is_dir());
}

#[test]
fn r08_a_damaged_store_is_refused_with_the_command_that_mends_it() {
    let home = Installation::new();
    home.ok(&["workspace", "create", "team"]);
    let path = home.one(&["backup", "create"])["file"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(home.dir().join("control.db"), vec![7; 20_000]).unwrap();
    let refused = home.run(&["workspace", "list"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.err.contains("toolgatectl backup restore"),
        "{refused:?}"
    );
    home.ok(&["backup", "restore", &path, "--yes"]);
    assert_eq!(home.json(&["workspace", "list"]).len(), 1);
    // Gone altogether is refused as well, and no empty one made in its place.
    fs::remove_file(home.dir().join("control.db")).unwrap();
    assert_eq!(home.run(&["workspace", "list"]).code, 1);
    assert!(!home.dir().join("control.db").exists());
    home.ok(&["backup", "restore", &path, "--yes"]);
    assert_eq!(home.json(&["workspace", "list"]).len(), 1);
}

//! What the doctor finds, and that each finding says how to mend it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use toolgate_admin::{DataDir, Finding, Level, doctor};

use crate::home::{Home, bearer};

#[track_caller]
fn found(findings: &[Finding], check: &str, level: Level, text: &str) {
    let hit = findings.iter().find(|finding| {
        finding.check == check && finding.level == level && finding.message.contains(text)
    });
    let hit = hit.unwrap_or_else(|| panic!("no {level:?} {check} `{text}` in {findings:#?}"));
    assert_eq!(hit.fix.is_none(), level == Level::Ok, "{hit:?}");
}

#[test]
fn a_healthy_installation_has_no_problem() {
    let (home, _) = Home::with_team();
    let findings = doctor(&home.dir()).unwrap();
    for check in ["data_dir", "key", "store", "audit", "calls"] {
        found(&findings, check, Level::Ok, "");
    }
    found(&findings, "gateway", Level::Warning, "no gateway");
    found(&findings, "workspace", Level::Warning, "no server");
    assert!(
        findings
            .iter()
            .all(|finding| finding.level != Level::Problem)
    );
}

#[test]
fn nothing_is_made_where_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("absent"), folder.path().to_owned()] {
        let findings = doctor(&DataDir::new(path)).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].level, Level::Problem);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn missing_secrets_are_named_with_the_command_that_sets_them() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &bearer("github", "TOKEN"))
        .unwrap();
    let findings = doctor(&home.dir()).unwrap();
    found(
        &findings,
        "secret",
        Level::Problem,
        "needs the secret TOKEN",
    );
    let fixes: Vec<_> = findings
        .iter()
        .filter_map(|finding| finding.fix.as_deref())
        .collect();
    assert!(fixes.contains(&"toolgatectl secrets set github TOKEN --workspace team"));
}

#[test]
fn r08_a_lost_key_and_a_damaged_store_are_problems() {
    let (home, _) = Home::with_team();
    let dir = home.dir();
    drop(home.admin);
    let key = fs::read(dir.key_file()).unwrap();
    fs::remove_file(dir.key_file()).unwrap();
    found(&doctor(&dir).unwrap(), "key", Level::Problem, "missing");

    fs::write(dir.key_file(), key).unwrap();
    fs::set_permissions(dir.key_file(), fs::Permissions::from_mode(0o640)).unwrap();
    found(&doctor(&dir).unwrap(), "key", Level::Problem, "0640");

    fs::set_permissions(dir.key_file(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(dir.control_db(), b"not a database at all, just some text").unwrap();
    found(&doctor(&dir).unwrap(), "store", Level::Problem, "");
}

#[test]
fn an_active_workspace_that_is_gone_is_a_warning() {
    let (home, _) = Home::with_team();
    fs::write(home.dir().path().join("active-workspace"), "gone\n").unwrap();
    let findings = doctor(&home.dir()).unwrap();
    found(
        &findings,
        "workspace",
        Level::Warning,
        "`gone` does not exist",
    );
}

/// S-38: a clock that jumped ahead ends tokens; the doctor says so, and a command forgives it.
#[test]
fn s38_a_clock_that_was_ahead_is_found_and_accepted() {
    let (home, scope) = Home::with_team();
    let new = toolgate_admin::NewToken {
        expires_in: Some(std::time::Duration::from_hours(1)),
        ..toolgate_admin::NewToken::named("alice")
    };
    let made = home.admin.create_token(&scope, &new).unwrap();
    let accepted = || home.admin.inspect_token(&scope, &made.id).unwrap().accepted;
    assert!(accepted());
    // 2036, as a gateway on a host whose clock was ten years ahead would have it.
    home.store().raise_clock(2_100_000_000_000, 0).unwrap();
    assert!(!accepted(), "judged as the gateway judges");
    found(
        &doctor(&home.dir()).unwrap(),
        "clock",
        Level::Problem,
        "2036",
    );
    let said = home.admin.accept_clock().unwrap();
    assert!(said.before.starts_with("2036"), "{said:?}");
    assert!(accepted());
    found(&doctor(&home.dir()).unwrap(), "clock", Level::Ok, "");
}

//! Secrets: set, listed, deleted, never shown (S-16, S-18, product.md section 7).

use toolgate_admin::{AdminError, Fault, Secret, SecretOwner, SecretSet, WorkspaceScope};

use crate::home::{Home, bearer};

const VALUE: &str = "fake-canary-0123456789abcdef";

fn set(
    home: &Home,
    scope: &WorkspaceScope,
    owner: SecretOwner<'_>,
    name: &str,
    value: &str,
) -> Result<SecretSet, AdminError> {
    let value = Secret::new(value.to_owned());
    home.admin.set_secret(scope, owner, name, &value)
}

#[test]
fn s19_no_file_and_no_report_holds_the_value() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &bearer("github", "TOKEN"))
        .unwrap();
    let saved = set(&home, &scope, SecretOwner::Server("github"), "TOKEN", VALUE).unwrap();
    let listed = home.admin.list_secrets(&scope, None).unwrap();
    let audit = home
        .admin
        .list_audit(&toolgate_admin::AuditQuery::newest(100))
        .unwrap();
    let shown = format!(
        "{} {} {} {saved:?}",
        serde_json::to_string(&saved).unwrap(),
        serde_json::to_string(&listed).unwrap(),
        serde_json::to_string(&audit).unwrap(),
    );
    assert!(!shown.contains(VALUE));
    for path in home.files() {
        let bytes = std::fs::read(&path).unwrap();
        // Any eight bytes of it would be too many.
        for part in VALUE.as_bytes().windows(8) {
            let found = bytes.windows(8).any(|window| window == part);
            assert!(!found, "{} holds a part of the value", path.display());
        }
    }
}

#[test]
fn a_server_gets_its_own_or_the_workspaces() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &bearer("github", "TOKEN"))
        .unwrap();
    home.admin
        .add_server(&scope, &bearer("search", "TOKEN"))
        .unwrap();
    let missing = || -> Vec<usize> {
        let servers = home.admin.list_servers(&scope).unwrap();
        servers
            .iter()
            .map(|server| server.missing_secrets.len())
            .collect()
    };
    assert_eq!(missing(), [1, 1]);
    set(&home, &scope, SecretOwner::Server("github"), "TOKEN", VALUE).unwrap();
    assert_eq!(missing(), [0, 1]);
    set(&home, &scope, SecretOwner::Workspace, "TOKEN", VALUE).unwrap();
    assert_eq!(missing(), [0, 0]);

    let listed = home.admin.list_secrets(&scope, Some("search")).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].server, None);
    assert_eq!(listed[0].used_by, ["github", "search"]);
    assert_eq!(home.admin.list_secrets(&scope, None).unwrap().len(), 2);

    home.admin
        .delete_secret(&scope, SecretOwner::Workspace, "TOKEN")
        .unwrap();
    assert_eq!(missing(), [0, 1]);
    home.admin.remove_server(&scope, "github").unwrap();
    assert!(home.admin.list_secrets(&scope, None).unwrap().is_empty());
}

#[test]
fn setting_again_is_a_new_version() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &bearer("github", "TOKEN"))
        .unwrap();
    let owner = SecretOwner::Server("github");
    assert_eq!(
        set(&home, &scope, owner, "TOKEN", VALUE).unwrap().version,
        1
    );
    assert_eq!(
        set(&home, &scope, owner, "TOKEN", VALUE).unwrap().version,
        2
    );
    let unused = set(&home, &scope, owner, "OTHER", VALUE).unwrap();
    assert!(!unused.used);
}

#[test]
fn s18_another_spelling_never_overwrites() {
    let (home, scope) = Home::with_team();
    let owner = SecretOwner::Workspace;
    let first = set(&home, &scope, owner, "github-token", VALUE).unwrap();
    assert_eq!(first.name, "GITHUB_TOKEN");
    let error = set(&home, &scope, owner, "github.token", VALUE).unwrap_err();
    assert_eq!(error.fault(), Fault::Refused);
    assert!(error.hint().unwrap().contains("GITHUB_TOKEN"));
    assert_eq!(
        set(&home, &scope, owner, "GITHUB_TOKEN", VALUE)
            .unwrap()
            .version,
        2
    );
}

#[test]
fn s18_s26_values_and_names_are_checked_and_never_echoed() {
    let (home, scope) = Home::with_team();
    let owner = SecretOwner::Workspace;
    let long = "x".repeat(16 * 1024 + 1);
    for value in [
        "",
        "zq",
        "with\r\nheader: x",
        "with\0nul-bytes",
        long.as_str(),
    ] {
        let error = set(&home, &scope, owner, "TOKEN", value).unwrap_err();
        assert_eq!(error.fault(), Fault::Invalid, "{error}");
        if !value.is_empty() {
            assert!(!format!("{error} {error:?} {:?}", error.hint()).contains(value));
        }
    }
    for name in ["", "1TOKEN", "_TOKEN", &"T".repeat(65)] {
        let error = set(&home, &scope, owner, name, VALUE).unwrap_err();
        assert_eq!(error.fault(), Fault::Invalid, "{name:?}: {error}");
    }
    assert!(home.admin.list_secrets(&scope, None).unwrap().is_empty());
}

#[test]
fn unknown_owners_and_names_are_not_found() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &bearer("github", "TOKEN"))
        .unwrap();
    let errors = [
        set(&home, &scope, SecretOwner::Server("nope"), "TOKEN", VALUE).unwrap_err(),
        home.admin
            .delete_secret(&scope, SecretOwner::Server("github"), "TOKEN")
            .unwrap_err(),
        home.admin
            .delete_secret(&scope, SecretOwner::Workspace, "TOKEN")
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.fault(), Fault::NotFound, "{error}");
        assert!(error.hint().is_some());
    }
}

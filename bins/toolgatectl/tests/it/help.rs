//! Help: every command explains itself and shows examples.

use std::process::Command;

use crate::installation::Installation;

/// Every command that does something.
const COMMANDS: &[&[&str]] = &[
    &["workspace", "create"],
    &["workspace", "list"],
    &["workspace", "use"],
    &["workspace", "set"],
    &["workspace", "delete"],
    &["workspace", "test"],
    &["workspace", "token", "create"],
    &["workspace", "token", "list"],
    &["workspace", "token", "set"],
    &["workspace", "token", "revoke"],
    &["workspace", "token", "inspect"],
    &["workspace", "token", "explain"],
    &["workspace", "secret", "set"],
    &["workspace", "secret", "list"],
    &["workspace", "secret", "delete"],
    &["workspace", "member", "invite"],
    &["workspace", "member", "list"],
    &["workspace", "member", "remove"],
    &["workspace", "member", "accept"],
    &["workspace", "invitation", "list"],
    &["workspace", "invitation", "revoke"],
    &["team", "invite"],
    &["team", "list"],
    &["team", "remove"],
    &["team", "accept"],
    &["plan", "show"],
    &["plan", "list"],
    &["plan", "set"],
    &["plan", "usage"],
    &["settings", "list"],
    &["settings", "get"],
    &["settings", "set"],
    &["settings", "unset"],
    &["settings", "mail-test"],
    &["whoami"],
    &["login"],
    &["token", "create"],
    &["token", "revoke"],
    &["mcp", "add"],
    &["mcp", "import"],
    &["mcp", "install"],
    &["workspace", "server", "add"],
    &["workspace", "server", "list"],
    &["workspace", "server", "remove"],
    &["mcp", "list"],
    &["mcp", "remove"],
    &["mcp", "enable"],
    &["mcp", "disable"],
    &["workspace", "token", "try"],
    &["tools", "list"],
    &["tools", "review"],
    &["tools", "approve"],
    &["tools", "classify"],
    &["tools", "enable"],
    &["tools", "disable"],
    &["secrets", "set"],
    &["secrets", "list"],
    &["secrets", "delete"],
    &["serve"],
    &["key", "create"],
    &["key", "list"],
    &["key", "revoke"],
    &["operator", "list"],
    &["operator", "reset-password"],
    &["operator", "remove"],
    &["calls"],
    &["calls", "overview"],
    &["calls", "stats"],
    &["calls", "slow"],
    &["calls", "limits"],
    &["calls", "member"],
    &["calls", "show"],
    &["calls", "export"],
    &["alert", "create"],
    &["alert", "list"],
    &["alert", "enable"],
    &["alert", "disable"],
    &["alert", "delete"],
    &["alert", "test"],
    &["audit", "list"],
    &["clock", "show"],
    &["clock", "accept"],
    &["audit", "verify"],
    &["audit", "export"],
    &["backup", "create"],
    &["backup", "verify"],
    &["backup", "restore"],
    &["doctor"],
    &["connect"],
    &["export"],
    &["apply"],
    &["import"],
    &["completions"],
    &["man"],
];

#[test]
fn every_command_has_examples_that_start_with_it() {
    let home = Installation::new();
    for command in COMMANDS {
        let mut args = command.to_vec();
        args.push("--help");
        let help = home.ok(&args);
        // `token …` is `workspace token …` and shows the examples of the long form.
        let shown = command.join(" ");
        let examples = help.split("Examples:").nth(1).unwrap_or_default();
        assert!(
            examples.contains(&format!("toolgatectl {shown}"))
                || examples.contains(&format!("toolgatectl workspace {shown}")),
            "{help}"
        );
    }
    assert!(!home.dir().exists(), "asking for help opens nothing");
}

#[test]
fn the_first_page_shows_where_to_begin() {
    let help = Installation::new().ok(&["--help"]);
    for part in [
        "Examples:",
        "Exit codes:",
        "--data-dir",
        "--json",
        "TOOLGATE_DATA_DIR",
    ] {
        assert!(help.contains(part), "{help}");
    }
}

/// S-16: what cannot be linked cannot be called.
#[test]
fn s16_the_admin_links_nothing_that_opens_secrets() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            "toolgatectl",
        ])
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("toolgate-vault"), "{tree}");
    for forbidden in [
        "toolgate-unseal",
        "toolgate-upstream",
        "toolgate-router",
        "toolgate-gateway",
    ] {
        assert!(!tree.contains(forbidden), "toolgatectl links {forbidden}");
    }
}

//! Workspaces as files, on the command line.

use std::fs;

use crate::installation::Installation;

fn full() -> Installation {
    let home = Installation::new();
    home.one(&["workspace", "create", "team"]);
    let url = "https://1.1.1.1/mcp";
    home.one(&[
        "mcp",
        "add",
        "github",
        "--url",
        url,
        "--bearer",
        "GITHUB_TOKEN",
    ]);
    home
}

#[test]
fn a_workspace_travels_as_a_file() {
    let home = full();
    let text = home.ok(&["export"]);
    assert!(
        text.contains("bearer = \"GITHUB_TOKEN\"") && !text.contains("mwt_"),
        "{text}"
    );
    let file = home.user().join("team.toml");
    let name = file.to_str().unwrap();
    home.ok(&["export", "team", "--output", name]);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    let other = Installation::new();
    let asked = other.run(&["apply", "-f", name]);
    assert_eq!(asked.code, 4);
    assert!(
        asked
            .err
            .contains("hint: look at them with --dry-run, then add --yes"),
        "{}",
        asked.err
    );
    let shown = other.ok(&["apply", "-f", name, "--dry-run"]);
    for part in [
        "+ workspace team",
        "+ server github",
        "url = \"https://1.1.1.1/mcp\"",
        "+ token admin",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(!shown.contains('\u{1b}'));
    assert!(other.json(&["workspace", "list"]).is_empty());
    let done = other.ok(&["apply", "-f", name, "--yes"]);
    for part in [
        "mwt_",
        "toolgatectl secrets set github GITHUB_TOKEN --workspace team",
    ] {
        assert!(done.contains(part), "{done}");
    }
    assert_eq!(other.ok(&["export", "team"]), text);
    let again = other.one(&["apply", "-f", name, "--yes", "--prune"]);
    assert_eq!(again["applied"], false);
    let again = other.run(&["apply", "-f", name]);
    assert_eq!(again.code, 0, "where nothing is different nothing is asked");

    let copied = other.feed(&["apply", "-f", "-", "--workspace", "copy", "--yes"], &text);
    assert_eq!(copied.code, 0, "{copied:?}");
    assert_eq!(other.json(&["workspace", "list"]).len(), 2);
    assert_eq!(other.run(&["import", name, "--dry-run"]).code, 0);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let home = Installation::new();
    let file = home.user().join("a.toml");
    fs::write(&file, "version = 1\nslug = \"a\"\nname = [").unwrap();
    let ran = home.run(&["apply", "-f", file.to_str().unwrap(), "--yes"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("line 3") && ran.err.contains("hint: "),
        "{}",
        ran.err
    );
    assert_eq!(home.run(&["apply", "-f", "nowhere.toml"]).code, 3);
}

#[test]
fn a_proxy_file_becomes_a_server_that_is_not_contacted() {
    let home = full();
    let file = home.user().join("proxy.json");
    let text = r#"{"id": "stripe", "name": "Stripe", "tier": "proxy", "proxy_url": "https://1.0.0.1/mcp",
        "auth_type": "bearer", "env_vars": [{"key": "STRIPE_KEY", "how_to_set": "Dashboard, API keys"}]}"#;
    fs::write(&file, text).unwrap();
    let name = file.to_str().unwrap();
    assert_eq!(home.run(&["import", name]).code, 4);
    assert!(
        home.ok(&["import", name, "--dry-run"])
            .contains("+ server stripe (Stripe)")
    );
    let added = home.ok(&["import", name, "--yes"]);
    assert!(
        added.contains("secrets set stripe STRIPE_KEY") && added.contains("Dashboard, API keys"),
        "{added}"
    );
    assert_eq!(home.json(&["mcp", "list"]).len(), 2);
}

#[test]
fn the_commands_of_the_seeds_have_their_other_forms() {
    let home = full();
    home.one(&[
        "workspace",
        "server",
        "add",
        "team",
        "notes",
        "--url",
        "https://1.0.0.1/mcp",
    ]);
    assert_eq!(home.json(&["workspace", "server", "list", "team"]).len(), 2);
    home.one(&[
        "workspace",
        "secret",
        "set",
        "team",
        "SHARED",
        "value-of-a-secret",
    ]);
    home.one(&[
        "secrets",
        "set",
        "github",
        "GITHUB_TOKEN",
        "value-of-a-secret",
    ]);
    home.one(&["workspace", "server", "remove", "team", "notes"]);
    assert_eq!(
        home.one(&["rotate-key", "--workspace", "team"])["workspaces"][0],
        "team"
    );
    let ran = home.run(&["mcp", "install", "@acme/github"]);
    assert_eq!(ran.code, 4);
    assert!(
        ran.err.contains("no catalog") && ran.err.contains("toolgatectl mcp add github --url URL"),
        "{}",
        ran.err
    );
}

#[test]
fn manual_pages_are_printed_and_written() {
    let home = Installation::new();
    let page = home.ok(&["man"]);
    assert!(
        page.contains(".TH") && page.contains("toolgatectl"),
        "{page}"
    );
    let folder = home.user().join("man1");
    home.ok(&["man", "--output", folder.to_str().unwrap()]);
    for name in [
        "toolgatectl.1",
        "toolgatectl-workspace-token-create.1",
        "toolgatectl-connect.1",
    ] {
        assert!(folder.join(name).exists(), "{name}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(
            home.ok(&["completions", shell]).contains("connect"),
            "{shell}"
        );
    }
    assert!(!home.dir().exists(), "neither opens anything");
}

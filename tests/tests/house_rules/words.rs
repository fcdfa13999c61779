//! Words that stand in no file, or in some only.

use crate::tree::{files, read, root};

#[test]
fn no_source_file_holds_a_stub_or_a_silenced_lint() {
    // Put together here so that this file does not find itself.
    let banned = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
        concat!("#[", "allow("),
        concat!("#![", "allow("),
        concat!("dbg", "!("),
        concat!("unbounded_", "channel"),
    ];
    for file in files(&root(), &["rs"]) {
        for (number, line) in (1..).zip(read(&file).lines()) {
            let found = banned.iter().find(|word| line.contains(**word));
            assert!(
                found.is_none(),
                "{}:{number}: {}",
                file.display(),
                line.trim()
            );
        }
    }
}

/// P2.2: what carries messages names the methods that open its own session and no other, so it cannot tell one
/// request from another.
#[test]
fn p2_2_transports_know_no_methods_but_their_handshake() {
    const CARRIERS: &[&str] = &[
        "crates/toolgate-http/src",
        "crates/toolgate-sys/src",
        "crates/toolgate-upstream/src/channel",
        "crates/toolgate-upstream/src/http",
        "crates/toolgate-upstream/src/stdio",
    ];
    const FAMILIES: &[&str] = &[
        "completion/",
        "elicitation/",
        "logging/",
        "notifications/",
        "ping\"",
        "prompts/",
        "resources/",
        "roots/",
        "sampling/",
        "server/",
        "subscriptions/",
        "tools/",
    ];
    const HANDSHAKE: &[&str] = &[
        "logging/setLevel\"",
        "notifications/initialized\"",
        "server/discover\"",
    ];
    let starts = |text: &str, with: &[&str]| with.iter().any(|start| text.starts_with(start));
    let mut handshakes = 0;
    for file in CARRIERS
        .iter()
        .flat_map(|folder| files(&root().join(folder), &["rs"]))
    {
        for (number, line) in (1..).zip(read(&file).lines()) {
            for (quote, _) in line.match_indices('"') {
                let text = &line[quote + 1..];
                let is_handshake = starts(text, HANDSHAKE);
                handshakes += usize::from(is_handshake);
                assert!(
                    is_handshake || !starts(text, FAMILIES),
                    "{}:{number} names a method: {}",
                    file.display(),
                    line.trim()
                );
            }
        }
    }
    assert!(handshakes > 0, "the transports are looked for elsewhere");
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    let root = root();
    let mut traces: Vec<String> = vec![format!("{}/", root.display())];
    traces.extend(std::env::var("HOME").ok().map(|home| format!("{home}/")));
    // The folder a checkout lies in is a trace too, unless it is a shared one such as /tmp.
    let parent = root
        .parent()
        .filter(|parent| parent.components().count() > 1 && *parent != std::env::temp_dir());
    traces.extend(parent.map(|parent| format!("{}/", parent.display())));

    let text = [
        "rs", "toml", "md", "mjs", "py", "json", "sh", "txt", "run", "justfile", "yml", "yaml",
        "check", "conf", "release", "service", "smoke", "socket",
    ];
    for file in files(&root, &text) {
        if matches!(
            file.file_name().and_then(|name| name.to_str()),
            Some("package-lock.json")
        ) {
            continue;
        }
        for (number, line) in (1..).zip(read(&file).lines()) {
            let trace = traces.iter().find(|trace| names_path(line, trace));
            assert!(
                trace.is_none(),
                "{}:{number} names a path of this machine: {line}",
                file.display()
            );
            assert!(
                !names_registry(line),
                "{}:{number} names a registry's host: {line}",
                file.display()
            );
        }
    }
}

/// Whether the path stands on its own, not as the tail of a longer one.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    })
}

/// Package managers know their registries; a file that names one binds the project to a network.
fn names_registry(line: &str) -> bool {
    line.match_indices("://").any(|(at, scheme)| {
        let host = line[at + scheme.len()..]
            .split(['/', '"', '\'', ')', ' ', '>'])
            .next()
            .unwrap_or_default();
        let public = ["io", "org"].contains(&host.rsplit('.').next().unwrap_or_default());
        public
            && ["crates", "npm", "pypi", "python", "debian"]
                .iter()
                .any(|name| host.contains(name))
    })
}

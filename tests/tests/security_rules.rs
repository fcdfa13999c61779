//! Rules of the source that security rests on.
//!
//! S-45: in the store nothing is looked up by a bare id. Every public function takes the workspace it works in as a
//! `WorkspaceScope`, which only a lookup by name makes (its compile-fail test is beside the type), or is on the list
//! below, which people read. S-02: nothing listens but the gateway.

use std::fs;
use std::path::{Path, PathBuf};

/// Functions without a scope, and why they need none.
const REVIEWED: &[(&str, &str)] = &[
    ("scope", "makes the scope, from a slug"),
    (
        "scope_by_id",
        "makes the scope, from an id, for an operator or for who was let into it already",
    ),
    (
        "token_by_digest",
        "makes the scope, from the digest of a token, which only its holder has",
    ),
    ("workspaces", "the operator's list"),
    ("create_workspace", "there is no scope before it"),
    (
        "load",
        "the gateway's snapshot: everything at once, no id asked for",
    ),
    ("generation", "a counter of the installation"),
    ("unlock", "the master key, of the installation"),
    ("beside", "another connection to the whole installation"),
    ("key_check", "the master key, of the installation"),
    ("setting", "of the installation"),
    ("set_setting", "of the installation"),
    ("settings", "of the installation"),
    ("unset_setting", "of the installation"),
    ("usage", "counts of the installation, for its plan"),
    ("team", "the operator's list of who may sign in"),
    ("invite_to_team", "of the installation"),
    ("remove_from_team", "of the installation"),
    (
        "join_team",
        "by the digest of a code, which only whoever was invited holds",
    ),
    (
        "invitation_of",
        "by the digest of a code, which only whoever was invited holds",
    ),
    ("operators", "of the installation, who may act in all of it"),
    (
        "operator",
        "of the installation, by the address they sign in with",
    ),
    ("create_operator", "of the installation"),
    ("set_operator_password", "of the installation"),
    ("remove_operator", "of the installation"),
    (
        "touch_operator",
        "a stamp of an operator who signed in; nothing is returned",
    ),
    ("create_operator_key", "of the installation"),
    ("operator_keys", "of the installation"),
    (
        "operator_key",
        "by the digest of a key, which only its holder has",
    ),
    ("revoke_operator_key", "of the installation"),
    (
        "touch_operator_key",
        "a stamp of a key that was presented; nothing is returned",
    ),
    (
        "begin_once",
        "what its own actor was answered, found by the actor and their key",
    ),
    (
        "finish_once",
        "what its own actor was answered, found by the actor and their key",
    ),
    ("clock", "of the installation"),
    ("raise_clock", "of the installation"),
    ("correct_clock", "of the installation"),
    ("audit", "the operator's log"),
    ("audit_head", "the operator's log"),
    ("verify_audit", "the operator's log"),
    ("verify_audit_with", "the operator's log"),
    ("export_audit", "the operator's log"),
    ("lost_checkpoint", "the operator's log"),
    ("audit_rows", "the operator's log"),
    ("note_sign_in", "the operator's log"),
    ("note_failed_sign_ins", "the operator's log"),
    ("note_backup", "the operator's log"),
    ("note_restore", "the operator's log"),
    (
        "copy_to",
        "a backup of the whole installation, by the operator",
    ),
    ("keep_log_short", "of the file"),
    ("write_back", "of the file"),
    ("seal_contents", "of the file"),
    ("master", "the operator's key"),
    ("retired_keys", "the operator's key"),
    ("retired_keys_under", "the operator's key"),
    ("lost", "how many records are missing, of the installation"),
    ("create_workspace_with", "makes the workspace"),
    (
        "touch_tokens",
        "stamps of tokens from the snapshot; nothing is returned",
    ),
    (
        "touch_secrets",
        "stamps of secrets from the snapshot; nothing is returned",
    ),
    (
        "count_sent",
        "how many calls there were, for the quotas of all workspaces",
    ),
    (
        "past",
        "calls without content, for the alerts of all workspaces",
    ),
    (
        "alert_memories",
        "how alerts stand, for the gateway that tells them",
    ),
    (
        "remember_alerts",
        "how alerts stand, noted by the gateway that tells them",
    ),
    (
        "query",
        "call records; its filter names a workspace or is the operator's",
    ),
    (
        "groups",
        "what calls come to; its filter names a workspace or is the operator's",
    ),
];

#[test]
fn s45_every_function_of_the_store_takes_a_scope_or_is_reviewed() {
    let source = checkout().join("crates/toolgate-store/src");
    let mut found = Vec::new();
    for file in sources(&source) {
        let text = fs::read_to_string(&file).expect("a source file");
        for block in text
            .split("impl Store {")
            .skip(1)
            .chain(text.split("impl CallsReader {").skip(1))
        {
            let block = block.split("\n}\n").next().unwrap_or_default();
            found.extend(public_functions(block));
        }
    }
    assert!(found.len() > 40, "the store was not found: {found:?}");
    let strays: Vec<_> = found
        .iter()
        .filter(|(name, parameters)| {
            let is_method = parameters.contains("self");
            let is_scoped = parameters.contains("WorkspaceScope");
            is_method && !is_scoped && REVIEWED.iter().all(|(reviewed, _)| reviewed != name)
        })
        .collect();
    assert!(
        strays.is_empty(),
        "these take no `WorkspaceScope` (S-45); give them one, or say on the list why they need none: {strays:#?}"
    );
    for (reviewed, _) in REVIEWED {
        let is_there = found
            .iter()
            .any(|(name, parameters)| name == reviewed && !parameters.contains("WorkspaceScope"));
        assert!(is_there, "`{reviewed}` needs no review any more");
    }
}

/// Name and parameters of each `pub fn`.
fn public_functions(block: &str) -> Vec<(String, String)> {
    let functions = block.split("\n    pub fn ").skip(1);
    functions
        .map(|function| {
            let name: String = function
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            // What it returns is no parameter.
            let head = function.split('{').next().unwrap_or_default();
            let parameters = head.split("->").next().unwrap_or_default();
            (name, parameters.to_owned())
        })
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn checkout() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("tests/ lies in the checkout")
        .to_owned()
}

/// S-02 for both binaries: whatever listens is in the gateway, behind its table of routes, or is its control socket,
/// which is its owner's alone. Where the operator asks for metrics, `toolgate-telemetry` opens a listener of
/// `toolgate-http` under the same rule, which answers with figures and nothing else. `toolgatectl` answers nobody.
#[test]
fn s02_only_the_gateway_listens() {
    const LISTENERS: [&str; 2] = [
        "crates/toolgate-gateway/src/control.rs",
        "crates/toolgate-http/src/serve/listener.rs",
    ];
    let root = checkout();
    let mut found = Vec::new();
    for file in sources(&root.join("crates"))
        .into_iter()
        .chain(sources(&root.join("bins")))
    {
        let path = file.strip_prefix(&root).expect("it lies there");
        let path = path.to_string_lossy().into_owned();
        let is_shipped = path.contains("/src/") && !path.contains("toolgate-testkit");
        let text = fs::read_to_string(&file).expect("a source file");
        if is_shipped && text.contains("Listener::bind(") {
            found.push(path);
        }
    }
    found.sort();
    assert_eq!(found, LISTENERS);
}

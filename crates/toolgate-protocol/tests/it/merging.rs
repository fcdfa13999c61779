//! What many servers are together (P9.27, P9.28, P9.31).

use toolgate_protocol::mcp::{
    Contribution, discover_result, initialize_result, merged_capabilities, merged_instructions,
};
use toolgate_protocol::{Json, Revision};

use crate::{json, text};

const PREFACE: &str = "The tools here come from several servers. A tool is named `server__tool`: the part before the first `__` says which server runs it.";

// === capabilities ===

#[track_caller]
fn check(servers: &[&str], transparent: bool, expected: &str) {
    let declared: Vec<Json> = servers.iter().map(|server| json(server)).collect();
    let servers: Vec<Contribution<'_>> = declared
        .iter()
        .map(|capabilities| Contribution {
            slug: "s",
            capabilities,
            instructions: None,
        })
        .collect();
    let merged = merged_capabilities(&servers, transparent);
    assert_eq!(merged.as_str(), expected);
}

#[test]
fn p9_27_capabilities_are_the_union() {
    check(&[], false, r#"{"tools":{"listChanged":true}}"#);
    check(&["{}", "null"], false, "{}");
    check(
        &[r#"{"tools":{}}"#, r#"{"tools":{"listChanged":false}}"#],
        false,
        r#"{"tools":{"listChanged":true}}"#,
    );
    check(
        &[
            r#"{"logging":{"x":1},"resources":{}}"#,
            r#"{"prompts":{},"resources":{"subscribe":true}}"#,
            r#"{"completions":{},"tools":null}"#,
        ],
        false,
        r#"{"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"logging":{},"completions":{}}"#,
    );
    check(
        &[r#"{"resources":{"subscribe":false,"listChanged":true}}"#],
        false,
        r#"{"resources":{"listChanged":true}}"#,
    );
}

/// P9.28, P9.50: what is not carried through is not advertised.
#[test]
fn p9_28_only_apps_among_the_extensions() {
    let ui = "io.modelcontextprotocol/ui";
    let all = format!(
        r#"{{"tools":{{}},"tasks":{{"list":{{}}}},"experimental":{{"x":{{}}}},"com.example/odd":{{}},"extensions":{{"com.example/a":{{}},"{ui}":{{"n":1.0}},"io.modelcontextprotocol/tasks":{{}}}}}}"#
    );
    let tools = r#""tools":{"listChanged":true}"#;
    check(
        &[&all],
        false,
        &format!(r#"{{{tools},"extensions":{{"{ui}":{{"n":1.0}}}}}}"#),
    );
    check(
        &[&all],
        true,
        &format!(
            r#"{{{tools},"experimental":{{"x":{{}}}},"extensions":{{"com.example/a":{{}},"{ui}":{{"n":1.0}}}}}}"#
        ),
    );
    let tasks = r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
    check(&[tasks], true, "{}");
    check(&[tasks, r#"{"extensions":[]}"#], false, "{}");
    check(
        &[&format!(r#"{{"extensions":{{"{ui}":true}}}}"#)],
        false,
        "{}",
    );
}

#[test]
fn p9_28_settings_of_one_extension_are_merged() {
    #[track_caller]
    fn check_settings(servers: &[&str], expected: &str) {
        let ui = "io.modelcontextprotocol/ui";
        let servers: Vec<String> = servers
            .iter()
            .map(|settings| format!(r#"{{"extensions":{{"{ui}":{settings}}}}}"#))
            .collect();
        let mut servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        // Who has not the extension has no say in it.
        servers.insert(1, "{}");
        check(
            &servers,
            false,
            &format!(r#"{{"extensions":{{"{ui}":{expected}}}}}"#),
        );
    }
    check_settings(&[r#"{"a":1}"#], r#"{"a":1}"#);
    check_settings(&[r#"{"a":1}"#, r#"{"a":1}"#], r#"{"a":1}"#);
    check_settings(
        &[r#"{"a":1,"b":"x"}"#, r#"{"a":2,"b":[]}"#],
        r#"{"a":1,"b":"x"}"#,
    );
    check_settings(&[r#"{"a":1}"#, r#"{"b":2}"#], r#"{"a":1,"b":2}"#);
    check_settings(
        &[
            r#"{"mimeTypes":["text/html","x","y",{"p":1,"q":2}]}"#,
            r#"{"mimeTypes":["y","text\/html","z",{"q":2,"p":1}]}"#,
            r#"{"mimeTypes":[{"p":1,"q":2},"text/html"]}"#,
        ],
        r#"{"mimeTypes":["text/html",{"p":1,"q":2}]}"#,
    );
    // Too many to merge: the first in order counts.
    let members: Vec<String> = (0..100).map(|n| format!(r#""m{n}":1"#)).collect();
    check_settings(
        &[r#"{"a":1}"#, &format!("{{{}}}", members.join(","))],
        r#"{"a":1}"#,
    );
}

/// P9.32 and its legacy twin: each era is told its own members.
#[test]
fn p9_32_the_writers_keep_the_eras_apart() {
    let declared = json(r#"{"tools":{},"extensions":{"io.modelcontextprotocol/ui":{}}}"#);
    let server = Contribution {
        slug: "s",
        capabilities: &declared,
        instructions: None,
    };
    let merged = merged_capabilities(&[server], false);
    let legacy = text(initialize_result(
        Revision::V2025_11_25,
        &merged,
        &json("{}"),
        None,
    ));
    assert!(
        legacy.contains(r#""capabilities":{"tools":{"listChanged":true}}"#),
        "{legacy}"
    );
    let modern = text(discover_result(&merged, &json("{}"), None));
    assert!(modern.contains("io.modelcontextprotocol/ui"), "{modern}");
}

// === instructions ===

#[track_caller]
fn merged(servers: &[(&str, Option<&str>)], transparent: bool) -> Option<String> {
    let capabilities = json("{}");
    let servers: Vec<Contribution<'_>> = servers
        .iter()
        .map(|&(slug, instructions)| Contribution {
            slug,
            capabilities: &capabilities,
            instructions,
        })
        .collect();
    merged_instructions(&servers, transparent)
}

#[test]
fn p9_31_instructions_stand_under_their_servers() {
    let given = [
        ("files", Some("Read first.\n")),
        ("mute", None),
        ("blank", Some(" \n")),
        ("web", Some("Go.")),
    ];
    assert_eq!(
        merged(&given, false).unwrap(),
        format!("{PREFACE}\n\n## files\n\nRead first.\n\n## web\n\nGo.")
    );
    assert_eq!(merged(&[("mute", None)], false).as_deref(), Some(PREFACE));
    assert_eq!(merged(&[], false).as_deref(), Some(PREFACE));
}

#[test]
fn p9_31_of_a_transparent_workspace_verbatim() {
    let long = format!(" {} \n", "x".repeat(20_000));
    assert_eq!(merged(&[("files", Some(&long))], true), Some(long));
    assert_eq!(merged(&[("files", None)], true), None);
    assert_eq!(merged(&[], true), None);
}

#[test]
fn p9_31_cuts_are_bounded_and_marked() {
    // Three bytes a character, so that no limit falls between two.
    let long = "…".repeat(10_000);
    let one = merged(&[("a", Some(&long)), ("b", Some("Short."))], false).unwrap();
    let section = one.strip_prefix(&format!("{PREFACE}\n\n## a\n\n")).unwrap();
    let (section, rest) = section.split_once("\n\n## ").unwrap();
    assert_eq!(rest, "b\n\nShort.");
    assert!(
        (4_090..=4_096).contains(&section.len()),
        "{}",
        section.len()
    );
    assert!(section.ends_with("… [cut]"));

    let slugs: Vec<String> = (0..200).map(|n| format!("s{n}")).collect();
    let many: Vec<(&str, Option<&str>)> =
        slugs.iter().map(|slug| (&**slug, Some(&*long))).collect();
    let all = merged(&many, false).unwrap();
    assert!((16_380..=16_384).contains(&all.len()), "{}", all.len());
    assert!(all.ends_with(" [cut]"));

    // Exactly at the limit nothing is cut.
    let fitting = "y".repeat(4_096);
    let whole = merged(&[("a", Some(&fitting))], false).unwrap();
    assert_eq!(whole, format!("{PREFACE}\n\n## a\n\n{fitting}"));
}

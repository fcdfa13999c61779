//! What each tool of each server is called with, and what may differ between two calls that are otherwise alike.

use serde_json::{Value, json};

/// The calls that cover every tool of a server, in an order in which they make sense.
///
/// `folder` is where this side of the comparison may write.
pub(crate) fn calls(slug: &str, folder: &str) -> Vec<(&'static str, Value)> {
    match slug {
        "py" => python(),
        "rust" | "rustio" => rust(),
        "v1" | "v1io" => session(),
        "every" | "everyio" => everything(),
        "files" => filesystem(folder),
        "memory" => memory(),
        other => panic!("nobody wrote down how to call {other}"),
    }
}

fn scenario() -> Vec<(&'static str, Value)> {
    vec![
        (
            "echo",
            json!({ "text": "héllo \"wörld\" \u{2713} \u{1f980} \\ \n" }),
        ),
        ("count", json!({ "steps": 2 })),
        ("wait", json!({ "key": "parity", "ms": 1 })),
        ("fate", json!({ "key": "parity" })),
    ]
}

fn python() -> Vec<(&'static str, Value)> {
    let own = [
        ("whoami", json!({})),
        ("remember", json!({ "text": "a note" })),
        ("recall", json!({})),
        ("leak_token", json!({})),
        ("fail", json!({})),
        // A wrong type: refused by the server, in its own words.
        ("echo", json!({ "text": 7 })),
    ];
    scenario().into_iter().chain(own).collect()
}

fn rust() -> Vec<(&'static str, Value)> {
    let own = [
        ("add", json!({ "a": 9_007_199_254_740_991_i64, "b": 2 })),
        ("mixed", json!({})),
        ("fail", json!({})),
        ("refuse", json!({})),
        ("revision", json!({})),
    ];
    scenario().into_iter().chain(own).collect()
}

fn session() -> Vec<(&'static str, Value)> {
    scenario()
        .into_iter()
        .chain([("secret", json!({}))])
        .collect()
}

fn everything() -> Vec<(&'static str, Value)> {
    vec![
        ("echo", json!({ "message": "héllo" })),
        (
            "get-annotated-message",
            json!({ "messageType": "debug", "includeImage": true }),
        ),
        ("get-env", json!({})),
        ("get-resource-links", json!({ "count": 4 })),
        (
            "get-resource-reference",
            json!({ "resourceType": "Text", "resourceId": 1 }),
        ),
        (
            "get-resource-reference",
            json!({ "resourceType": "Blob", "resourceId": 2 }),
        ),
        ("get-structured-content", json!({ "location": "Chicago" })),
        ("get-sum", json!({ "a": 1.5, "b": 2 })),
        ("get-tiny-image", json!({})),
        (
            "gzip-file-as-resource",
            json!({ "name": "a.gz", "data": "data:text/plain;base64,aGVsbG8=", "outputType": "resource" }),
        ),
        ("toggle-simulated-logging", json!({})),
        ("toggle-subscriber-updates", json!({})),
        ("toggle-simulated-logging", json!({})),
        ("toggle-subscriber-updates", json!({})),
        (
            "trigger-long-running-operation",
            json!({ "duration": 1, "steps": 2 }),
        ),
        ("simulate-research-query", json!({ "topic": "gateways" })),
    ]
}

fn filesystem(folder: &str) -> Vec<(&'static str, Value)> {
    let path = |name: &str| format!("{folder}/{name}");
    vec![
        ("list_allowed_directories", json!({})),
        ("create_directory", json!({ "path": path("inner") })),
        (
            "write_file",
            json!({ "path": path("a.txt"), "content": "one\ntwo\n" }),
        ),
        (
            "write_file",
            json!({ "path": path("dot.png"), "content": "not a picture" }),
        ),
        (
            "edit_file",
            json!({ "path": path("a.txt"), "edits": [{ "oldText": "two", "newText": "zwei" }] }),
        ),
        ("read_file", json!({ "path": path("a.txt") })),
        (
            "read_text_file",
            json!({ "path": path("a.txt"), "head": 1 }),
        ),
        ("read_media_file", json!({ "path": path("dot.png") })),
        (
            "read_multiple_files",
            json!({ "paths": [path("a.txt"), path("missing.txt")] }),
        ),
        (
            "move_file",
            json!({ "source": path("a.txt"), "destination": path("inner/b.txt") }),
        ),
        ("list_directory", json!({ "path": folder })),
        ("list_directory_with_sizes", json!({ "path": folder })),
        ("directory_tree", json!({ "path": folder })),
        (
            "search_files",
            json!({ "path": folder, "pattern": "**/*.txt" }),
        ),
        ("get_file_info", json!({ "path": path("inner/b.txt") })),
        // Outside of what it may touch: refused by the server, in its own words.
        ("read_file", json!({ "path": "/etc/hostname" })),
    ]
}

fn memory() -> Vec<(&'static str, Value)> {
    let relation =
        json!({ "relations": [{ "from": "Ada", "to": "Engine", "relationType": "programs" }] });
    vec![
        (
            "create_entities",
            json!({ "entities": [
                { "name": "Ada", "entityType": "person", "observations": ["writes"] },
                { "name": "Engine", "entityType": "machine", "observations": [] },
            ] }),
        ),
        ("create_relations", relation.clone()),
        (
            "add_observations",
            json!({ "observations": [{ "entityName": "Ada", "contents": ["counts"] }] }),
        ),
        ("read_graph", json!({})),
        ("search_nodes", json!({ "query": "count" })),
        ("open_nodes", json!({ "names": ["Engine"] })),
        (
            "delete_observations",
            json!({ "deletions": [{ "entityName": "Ada", "observations": ["writes"] }] }),
        ),
        ("delete_relations", relation),
        (
            "delete_entities",
            json!({ "entityNames": ["Ada", "Engine"] }),
        ),
    ]
}

/// Takes out of an answer what differs between any two calls: times, session ids, the folder, and the secret that
/// the gateway masks on purpose.
pub(crate) fn comparable(tool: &str, answer: &Value, folder: &str) -> Value {
    let mut answer = answer.clone();
    // Each hop of the modern era signs with its own name.
    if let Some(result) = answer.get_mut("result").and_then(Value::as_object_mut) {
        let meta = result.get_mut("_meta").and_then(Value::as_object_mut);
        let empty = meta.is_some_and(|meta| {
            meta.remove("io.modelcontextprotocol/serverInfo");
            meta.is_empty()
        });
        if empty {
            result.remove("_meta");
        }
    }
    each_text(&mut answer, &|text| {
        let text = text
            .replace(folder, "<folder>")
            .replace(crate::fixtures::ALPHA, "[REDACTED]");
        let text = if tool == "get-resource-reference" {
            cut_after(&text, "created at ")
        } else {
            text
        };
        let text = if tool.starts_with("toggle-") {
            cut_word_after(&text, "for session ")
        } else {
            text
        };
        match tool {
            // A file written twice was written at two times, and a child of the gateway writes for its user alone.
            "get_file_info" => without_lines(
                &text,
                &["created: ", "modified: ", "accessed: ", "permissions: "],
            ),
            // A child of the gateway has an environment of its own; `tests/e2e` says which.
            "get-env" => "<environment>".to_owned(),
            _ => text,
        }
    });
    answer
}

fn each_text(value: &mut Value, change: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| each_text(member, change)),
        _ => {}
    }
}

fn cut_after(text: &str, mark: &str) -> String {
    text.split_once(mark)
        .map_or_else(|| text.to_owned(), |(before, _)| format!("{before}{mark}…"))
}

fn cut_word_after(text: &str, mark: &str) -> String {
    let Some((before, after)) = text.split_once(mark) else {
        return text.to_owned();
    };
    let rest = after.split_once(' ').map_or("", |(_, rest)| rest);
    format!("{before}{mark}… {rest}")
}

fn without_lines(text: &str, starts: &[&str]) -> String {
    let kept = text
        .lines()
        .filter(|line| !starts.iter().any(|start| line.starts_with(start)));
    kept.collect::<Vec<_>>().join("\n")
}

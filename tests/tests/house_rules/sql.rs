//! SQL is constant text.

use crate::tree::{files, read, root};

/// S-05: SQL is a constant of the source, so no request can become part of it (CVE-2026-42208).
///
/// Whatever prepares SQL is given a literal or a constant, and nothing that puts text together holds SQL.
#[test]
fn s05_sql_is_static() {
    const PREPARERS: &[&str] = &[
        ".prepare(",
        ".prepare_cached(",
        ".execute_batch(",
        ".query_row(",
        ".query_one(",
        ".execute(",
    ];
    let mut prepared = 0;
    for crates in ["crates", "bins"] {
        for file in files(&root().join(crates), &["rs"]) {
            let path = file.display().to_string();
            if path.contains("/tests/") || path.ends_with("tests.rs") {
                continue;
            }
            let source = read(&file);
            // What follows is the crate's own tests.
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            for (at, macro_name) in put_together(source) {
                let argument = literal_after(&source[at..]);
                assert!(
                    !is_sql(argument),
                    "{path}: {macro_name} puts SQL together: {argument}"
                );
            }
            if !path.contains("toolgate-store/src") {
                continue;
            }
            for preparer in PREPARERS {
                for (at, _) in source.match_indices(preparer) {
                    let argument = source[at + preparer.len()..].trim_start();
                    let word: String = argument
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    let constant = !word.is_empty() && word == word.to_uppercase();
                    // Lists of constants that are gone through; their entries are literals.
                    let listed = ["migration", "sql"].contains(&word.as_str());
                    // A statement that is prepared already is given its values.
                    let values = argument.starts_with(['(', '['])
                        || ["values", "params"].contains(&word.as_str());
                    assert!(
                        constant || listed || values || argument.starts_with('"'),
                        "{path}: {preparer}{} is not a constant",
                        argument.chars().take(40).collect::<String>()
                    );
                    prepared += usize::from(constant);
                }
            }
        }
    }
    assert!(
        prepared > 50,
        "the store's SQL is looked for elsewhere: {prepared}"
    );
}

/// Where text is put together.
fn put_together(source: &str) -> impl Iterator<Item = (usize, &'static str)> {
    [
        "format!(",
        "concat!(",
        "push_str(",
        "write!(",
        "writeln!(",
        ".concat()",
        ".join(",
    ]
    .into_iter()
    .flat_map(|name| source.match_indices(name).map(move |(at, _)| (at, name)))
    .collect::<Vec<_>>()
    .into_iter()
}

/// The first string literal after this place, if it comes before the statement's end.
fn literal_after(source: &str) -> &str {
    let end = source.find(';').unwrap_or(source.len());
    source[..end].split('"').nth(1).unwrap_or_default()
}

fn is_sql(text: &str) -> bool {
    const VERBS: &[&str] = &[
        "SELECT ",
        "INSERT ",
        "UPDATE ",
        "DELETE FROM",
        "CREATE TABLE",
        "CREATE INDEX",
        "ALTER TABLE",
        "DROP ",
        "PRAGMA ",
        "ATTACH ",
        "VACUUM",
    ];
    VERBS.iter().any(|verb| text.trim_start().starts_with(verb))
}

#[test]
fn s05_the_lint_sees_what_it_is_for() {
    let bad = r#"tx.query_row(&format!("SELECT id FROM tokens WHERE name = '{name}'"), [])"#;
    let found: Vec<_> = put_together(bad).collect();
    assert_eq!(found.len(), 1);
    assert!(is_sql(literal_after(&bad[found[0].0..])));
    let good = r#"format!("the workspace {slug} is gone")"#;
    assert!(!put_together(good).any(|(at, _)| is_sql(literal_after(&good[at..]))));
}

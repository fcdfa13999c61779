//! Where secrets are opened and looked at.

use std::collections::BTreeMap;
use std::process::Command;

use crate::tree::{files, read, root};

/// S-16: what the admin binary cannot link, it cannot call.
#[test]
fn admin_has_no_open() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "toolgatectl",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(tree.stdout).expect("cargo prints text");
    assert!(
        tree.contains("toolgate-admin"),
        "cargo tree says something else than expected: {tree}"
    );
    for forbidden in ["unseal", "upstream", "router", "gateway"] {
        assert!(
            !tree.contains(&format!("toolgate-{forbidden} ")),
            "toolgatectl must not link toolgate-{forbidden}, not even through another crate"
        );
    }
}

/// S-14: every place where a secret value or a raw key is looked at is in one reviewed file. A new one is written
/// down there in the commit that brings it, with what becomes of the bytes.
#[test]
fn s14_every_look_at_a_secret_is_reviewed() {
    let root = root();
    let reviewed = read(&root.join("docs/expose.md"));
    let reviewed: BTreeMap<&str, usize> = reviewed
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split("` | ");
            let (file, rest) = (cells.next()?, cells.next()?);
            let count = rest.split(' ').next()?.parse().ok()?;
            Some((file, count))
        })
        .collect();
    let mut found = BTreeMap::new();
    for folder in ["crates", "bins"] {
        for file in files(&root.join(folder), &["rs"]) {
            let path = file.strip_prefix(&root).expect("below the root");
            let path = path.to_str().expect("a plain path").to_owned();
            if !path.contains("/src/") || path.contains("toolgate-testkit") {
                continue;
            }
            let source = read(&file);
            // Unit tests look at what they made up themselves.
            let code = source
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap_or_default();
            let lines = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let looks = lines.map(|line| {
                line.matches(".expose()").count()
                    + line.matches(".dangerous_").count()
                    + line.matches("::dangerous_").count()
            });
            let count: usize = looks.sum();
            if count > 0 {
                found.insert(path, count);
            }
        }
    }
    for (file, count) in &found {
        assert_eq!(
            reviewed.get(file.as_str()),
            Some(count),
            "{file} looks at secrets {count} times; docs/expose.md says something else"
        );
    }
    for file in reviewed.keys() {
        assert!(
            found.contains_key(*file),
            "{file} looks at no secret any more; docs/expose.md says it does"
        );
    }
}

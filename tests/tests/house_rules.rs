//! The house rules that no compiler knows: who may import whom, where each dangerous dependency lives, what every
//! manifest says. The plan they keep is drawn in ARCHITECTURE.md; changing it there and here is one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Who may import whom, and nothing else. A crate that is missing here fails the test.
const ARROWS: &[(&str, &[&str])] = &[
    ("toolgate", &["gateway", "demo"]),
    ("toolgatectl", &["admin"]),
    (
        "gateway",
        &[
            "router",
            "upstream",
            "http",
            "store",
            "unseal",
            "analytics",
            "policy",
            "namespace",
            "vault",
            "protocol",
            "sys",
        ],
    ),
    (
        "admin",
        &[
            "store",
            "http",
            "analytics",
            "policy",
            "namespace",
            "vault",
            "protocol",
            "sys",
        ],
    ),
    ("router", &["upstream", "policy", "namespace", "protocol"]),
    ("store", &["policy", "vault", "analytics", "namespace"]),
    (
        "upstream",
        &["http", "sys", "vault", "namespace", "protocol"],
    ),
    ("unseal", &["vault"]),
    ("policy", &["namespace"]),
    ("analytics", &["namespace"]),
    ("namespace", &["protocol"]),
    ("testkit", &["protocol"]),
    ("protocol", &[]),
    ("vault", &[]),
    ("http", &[]),
    ("sys", &[]),
    ("demo", &[]),
];

/// Programs around the house: they show or prove it, so they may use any room.
const OUTSIDE: &[&str] = &["examples", "benches", "tests"];

/// Dependencies that are dangerous or heavy, and the only crates that may name them outside of tests.
const FENCED: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    (
        "ring",
        &["vault", "unseal", "policy", "namespace", "gateway"],
    ),
    ("clap", &["toolgate", "toolgatectl"]),
    ("anyhow", &["toolgate", "toolgatectl"]),
    ("hyper", &["http", "upstream", "gateway", "testkit"]),
    ("rustls", &["http"]),
    ("libc", &["sys"]),
];

/// Crates without a socket, a clock or a task.
const PURE: &[&str] = &["protocol", "namespace", "policy", "vault", "unseal"];
/// What would bring one in.
const IMPURE: &[&str] = &["tokio", "hyper", "rusqlite", "libc", "rustls"];

#[test]
fn crates_import_only_along_the_arrows() {
    for package in workspace() {
        if OUTSIDE.contains(&package.short()) {
            continue;
        }
        let allowed = ARROWS.iter().find(|(from, _)| *from == package.short());
        let (_, allowed) =
            allowed.unwrap_or_else(|| panic!("{} has no place in ARROWS", package.name));
        for dependency in &package.dependencies {
            let Some(room) = dependency.name.strip_prefix("toolgate-") else {
                continue;
            };
            let by_test = dependency.dev && room == "testkit";
            assert!(
                by_test || allowed.contains(&room),
                "{} may not import toolgate-{room}; if it must, redraw the arrows in ARCHITECTURE.md and here",
                package.name
            );
        }
    }
}

#[test]
fn dangerous_dependencies_stay_behind_their_fence() {
    for package in workspace() {
        for (fenced, inside) in FENCED {
            let named = package
                .dependencies
                .iter()
                .any(|d| d.name == *fenced && !d.dev);
            let allowed = inside.contains(&package.short()) || OUTSIDE.contains(&package.short());
            assert!(
                !named || allowed,
                "{} may not depend on {fenced}; only {inside:?} may",
                package.name
            );
        }
    }
}

#[test]
fn every_dependency_says_which_version_it_needs() {
    for package in workspace() {
        let loose = package
            .dependencies
            .iter()
            .find(|d| d.requirement == "*" && !d.name.starts_with("toolgate-"));
        assert!(
            loose.is_none(),
            "{} takes whatever version comes: {loose:?}",
            package.name
        );
    }
}

#[test]
fn pure_crates_have_no_socket_no_clock_and_no_task() {
    let root = root();
    for package in workspace()
        .iter()
        .filter(|package| PURE.contains(&package.short()))
    {
        let named = package
            .dependencies
            .iter()
            .find(|d| !d.dev && IMPURE.contains(&d.name.as_str()));
        assert!(
            named.is_none(),
            "{} is pure and may not depend on {named:?}",
            package.name
        );

        // A crate's clippy.toml replaces the root's, so the bans and the shared keys both have to be there.
        let lints = read(&package.folder.join("clippy.toml"));
        for banned in ["Instant::now", "SystemTime::now", "env::var"] {
            assert!(
                lints.contains(banned),
                "{}/clippy.toml has to ban {banned}",
                package.name
            );
        }
        for shared in read(&root.join("clippy.toml")).lines() {
            let key = shared.split('=').next().unwrap_or_default();
            assert!(
                lints.contains(key),
                "{}/clippy.toml has to repeat `{shared}`",
                package.name
            );
        }
    }
}

#[test]
fn every_crate_opens_with_its_sentence() {
    let mut strays = Vec::new();
    for package in workspace() {
        let source = read(&package.source);
        let opening = source.lines().next().unwrap_or_default();
        // A link in rustdoc is plain code in a manifest.
        let opening = opening
            .trim_start_matches("//! ")
            .replace("[`", "`")
            .replace("`]", "`");
        if package.description != opening {
            strays.push(format!(
                "{}:\n  manifest: {}\n  source:   {opening}",
                package.name, package.description
            ));
        }
    }
    assert!(
        strays.is_empty(),
        "description and first line of the source are one sentence\n{}",
        strays.join("\n")
    );
}

#[test]
fn every_member_is_introduced_in_the_root_manifest() {
    let manifest = read(&root().join("Cargo.toml"));
    let (_, rest) = manifest
        .split_once("members = [")
        .expect("a workspace has members");
    let (members, _) = rest.split_once(']').expect("a list ends");
    for line in members
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let comment = line.split_once("# ").map_or("", |(_, comment)| comment);
        assert!(!comment.is_empty(), "a member without a comment: {line}");
    }
}

#[test]
fn every_manifest_takes_the_lints_of_the_workspace() {
    for package in workspace() {
        let manifest = read(&package.folder.join("Cargo.toml"));
        // sys is the one crate with unsafe code; it has to spell its own table out.
        let own = package.short() == "sys" && manifest.contains("[lints.rust]");
        assert!(
            own || manifest.contains("[lints]\nworkspace = true"),
            "{} has lints of its own",
            package.name
        );
    }
}

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

/// Versions with known holes are not built in: RUSTSEC-2024-0336, RUSTSEC-2024-0399 (rustls), RUSTSEC-2026-0098,
/// RUSTSEC-2026-0099, RUSTSEC-2026-0104 (rustls-webpki), RUSTSEC-2025-0009 (ring), RUSTSEC-2024-0003 and
/// RUSTSEC-2024-0332 (h2), RUSTSEC-2023-0034 (hyper's resets); S-11, S-59, S-61, S-87.
#[test]
fn s87_no_dependency_is_older_than_its_fix() {
    const LEAST: [(&str, [u64; 3]); 5] = [
        ("rustls", [0, 23, 18]),
        ("rustls-webpki", [0, 103, 13]),
        ("ring", [0, 17, 12]),
        ("h2", [0, 4, 4]),
        ("hyper", [1, 5, 1]),
    ];
    let lock = read(&root().join("Cargo.lock"));
    for (name, least) in LEAST {
        let head = format!("name = \"{name}\"\nversion = \"");
        let versions: Vec<&str> = lock
            .split(&head)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(!versions.is_empty(), "{name} is locked under another name");
        for version in versions {
            let mut numbers = version
                .split(['.', '-', '+'])
                .map(|part| part.parse().unwrap_or(0));
            let found = [(); 3].map(|()| numbers.next().unwrap_or(0));
            assert!(found >= least, "{name} {version} has a known hole");
        }
    }
}

/// S-71: a process is made in one place, from a list that is the operator's or the gateway's own.
#[test]
fn s71_processes_are_made_in_one_place() {
    const PLACES: &[&str] = &[
        "crates/toolgate-upstream/src/stdio/command.rs",
        // The operator's command that prints the master key (S-07).
        "crates/toolgate-store/src/master/command.rs",
    ];
    // Put together here so that this file does not find itself.
    let makers = [
        concat!("Command", "::new("),
        concat!("process::", "Command"),
        concat!("posix_", "spawn"),
        concat!("libc::", "exec"),
        concat!("libc::", "fork"),
    ];
    for file in product_files() {
        let place = PLACES.iter().any(|place| file.ends_with(place));
        // Naming the type is how its maker is handed on.
        let names_it =
            |line: &str| line.trim_start().starts_with("use ") || line.contains("Command::from(");
        let takes_it = file
            .components()
            .any(|part| part.as_os_str() == "toolgate-sys");
        for (number, line) in (1..).zip(read(&file).lines()) {
            let made = makers.iter().any(|maker| line.contains(maker)) && !names_it(line);
            assert!(
                place || takes_it && !line.contains(makers[0]) || !made,
                "{}:{number} makes a process: {}",
                file.display(),
                line.trim()
            );
        }
        let is_maker = read(&file).contains(makers[0]);
        assert_eq!(place, is_maker, "{}", file.display());
    }
}

/// S-70: a server that is a command comes from the operator's command line, or is one of the demonstration's.
/// CVE-2026-40933: there is no list of commands that would be safe for others to start, so nobody else may.
#[test]
fn s70_no_api_path_to_argv() {
    let root = root();
    let mut found: Vec<String> = product_files()
        .iter()
        .filter(|file| read_code(&read(file)).contains("Transport::Stdio {"))
        .map(|file| {
            file.strip_prefix(&root)
                .unwrap_or(file)
                .display()
                .to_string()
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            // The operator's command, and what it becomes.
            "bins/toolgatectl/src/run/mcp.rs",
            "crates/toolgate-admin/src/server/add.rs",
            "crates/toolgate-admin/src/server/manage.rs",
            "crates/toolgate-admin/src/server/spec.rs",
            // The demonstration's servers, which the operator asks for with a flag.
            "crates/toolgate-gateway/src/bootstrap.rs",
            // By what it is known again.
            "crates/toolgate-namespace/src/trust.rs",
            // Who starts it.
            "crates/toolgate-upstream/src/route.rs",
            "crates/toolgate-upstream/src/stdio/spawn.rs",
        ],
        "whoever else names a command has to be the operator"
    );
    // What crosses the control socket names servers; it cannot describe one.
    let control = read(&root.join("crates/toolgate-store/src/control.rs"));
    for word in [
        "argv",
        "command",
        "cwd",
        "wrapper",
        "Transport",
        "ServerSpec",
    ] {
        let named = control
            .lines()
            .find(|line| !line.trim_start().starts_with("//") && line.contains(word));
        assert!(
            named.is_none(),
            "the control socket carries {word}: {named:?}"
        );
    }
}

/// S-86: unsafe code is in one crate, each block with its reason, and every function of that crate has a test.
/// The count is published in docs/stdio.md; a change of it is a change there.
#[test]
fn s86_unsafe_blocks_are_counted_explained_and_tested() {
    let sys = root().join("crates/toolgate-sys");
    let blocks = [concat!("un", "safe {"), concat!("un", "safe impl")];
    let mut count = 0;
    for file in product_files() {
        let text = read(&file);
        let here = text
            .lines()
            .filter(|line| {
                let has_one = blocks.iter().any(|block| line.contains(block));
                has_one && !line.trim_start().starts_with("//")
            })
            .count();
        assert!(
            here == 0 || file.starts_with(&sys),
            "{} has unsafe code",
            file.display()
        );
        let reasons = text.matches("// SAFETY: ").count();
        assert_eq!(
            here,
            reasons,
            "{}: each block says why it is sound",
            file.display()
        );
        count += here;
    }
    let published = read(&root().join("docs/stdio.md"));
    let sentence = format!("{count} `unsafe` blocks");
    assert!(
        published.contains(&sentence),
        "docs/stdio.md does not say: {sentence}"
    );

    let tests: String = files(&sys.join("tests"), &["rs"])
        .iter()
        .map(|file| read(file))
        .collect();
    for file in files(&sys.join("src"), &["rs"]) {
        for line in read(&file).lines() {
            let Some(rest) = line.strip_prefix("pub fn ") else {
                continue;
            };
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            assert!(tests.contains(name), "no test of toolgate-sys names {name}");
        }
    }
}

/// Source of what is shipped, tests inside the files not counted.
fn product_files() -> Vec<PathBuf> {
    let (crates, bins) = (root().join("crates"), root().join("bins"));
    let found = [files(&crates, &["rs"]), files(&bins, &["rs"])].concat();
    let shipped = |file: &PathBuf| {
        let inside = |folder: &str| file.components().any(|part| part.as_os_str() == folder);
        inside("src") && !inside("toolgate-testkit") && !inside("toolgate-demo")
    };
    found.into_iter().filter(shipped).collect()
}

/// The text before the tests of a file.
fn read_code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
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

/// Values that log events may show with `%` or `?`: ours, and reviewed. Slugs and ids are made of letters we chose,
/// error kinds are words of the standard library, and the two errors are typed enums whose words stand in our sources
/// (S-20).
const LOGGED: &[(&str, &str)] = &[
    ("error", "%error"), // gateway::watch: a GatewayError, whose texts name files and actions
    ("kind", "?error.kind()"), // std::io::ErrorKind
    ("reason", "%reason"), // analytics::recorder: one of three fixed words
    ("reason", "%error.reason"), // analytics::recorder: one of three fixed words
    ("revision", "%revision"), // an enum
    ("server", "%server"), // a slug
    ("server", "%spec.slug"),
    ("server", "%self.spec.slug"),
    ("server", "%self.shared.spec.slug"),
    ("workspace", "%workspace"), // an id
    ("workspace", "%self.workspace"),
    ("workspace", "%row.workspace"),
    ("workspace", "%one.workspace"),
    ("workspace", "%workspace.id"),
    ("pressure", "?pressure"), // gateway::overload: four numbers
    ("secret", "%row.name"),   // a secret's name, checked when it was set (S-18)
    ("secret", "%one.name"),
    ("file", "%file.display()"), // a path of ours or of the operator's
    ("crash", "%crash"),         // upstream::stdio: how a child ended, in our words
    ("key", "%row.key.id"),      // the public id of a data key
];

/// Plain values that log events may have: numbers of ours and words that stand in our sources.
const LOGGED_PLAIN: &[&str] = &[
    "calls",
    "mac",  // gateway::checkpoint: of the audit chain's end, which is public
    "lost", // gateway::losses: a number
    "finding = one.finding.as_str()", // store::manifest: one of four sentences
    "sequence = head.sequence",
    "sheds = level.as_str()",
    "source = source.describe()", // store::master: which kind of source, and a path of the operator's
    "what",                       // gateway: a task's name
    "certificates = unusable",
    "code = error.code",
    "connections = connections.len()",
    "count",
    "count = part.len()",
    "file",
    "files = system.errors.len()",
    "incomplete = error.is_incomplete_message()",
    "line",
    "max = MAX_TASKS",
    "parse = error.is_parse()",
    "method",
    "method = kind.method()",
    "why", // bins/toolgate: the panic message if it is a literal
];

/// S-20: a log event is a literal sentence and reviewed fields, written by one kind of macro; nothing else prints in
/// what serves.
#[test]
fn s20_log_events_have_reviewed_fields_only() {
    let root = root();
    let mut events = 0;
    for file in files(&root.join("crates"), &["rs"])
        .into_iter()
        .chain(files(&root.join("bins/toolgate"), &["rs"]))
    {
        let path = file.display().to_string();
        let is_test_code = path.contains("/tests/") || path.contains("toolgate-testkit/");
        if is_test_code {
            continue;
        }
        let source = read(&file);
        let product = source
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default();
        for hidden in [
            "use tracing::{",
            "#[instrument",
            "#[tracing::instrument",
            "log::info",
            "log::warn",
        ] {
            let is_layer = hidden == "use tracing::{" && path.ends_with("bins/toolgate/src/log.rs");
            assert!(
                is_layer || !product.contains(hidden),
                "{path}: `{hidden}` hides what is logged; write `tracing::warn!(…)` in full"
            );
        }
        for event in log_events(product) {
            events += 1;
            for field in &event {
                assert!(
                    is_reviewed(field),
                    "{path}: the log field `{field}` is not reviewed (S-20)"
                );
            }
        }
    }
    assert!(events > 20, "log events are looked for elsewhere: {events}");
    for (field, reviewed) in [
        ("server = %slug", false),
        ("server = %spec.slug", true),
        ("?request", false),
        ("headers = ?parts.headers", false),
        ("token = token", false),
        ("\"a sentence\"", true),
        ("\"with {value}\"", false),
        ("%server", true),
    ] {
        assert_eq!(is_reviewed(field), reviewed, "{field}");
    }
}

/// The arguments of every log macro in a source text.
fn log_events(source: &str) -> Vec<Vec<String>> {
    let macros = [
        "trace",
        "debug",
        "info",
        "warn",
        "error",
        "event",
        "span",
        "trace_span",
        "info_span",
    ];
    let mut events = Vec::new();
    for name in macros {
        let start = format!("tracing::{name}!(");
        for (at, _) in source.match_indices(&start) {
            events.push(arguments(&source[at + start.len()..]));
        }
    }
    events
}

/// Splits at the commas of the outermost level, up to the closing bracket.
fn arguments(source: &str) -> Vec<String> {
    let (mut arguments, mut argument) = (Vec::new(), String::new());
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    for c in source.chars() {
        match c {
            _ if in_text => {
                in_text = c != '"' || escaped;
                escaped = c == '\\' && !escaped;
            }
            '"' => in_text = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' => break,
            ',' if depth == 0 => {
                arguments.push(std::mem::take(&mut argument));
                continue;
            }
            _ => {}
        }
        argument.push(c);
    }
    arguments.push(argument);
    arguments
        .into_iter()
        .map(|argument| argument.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|argument| !argument.is_empty())
        .collect()
}

fn is_reviewed(field: &str) -> bool {
    if let Some(sentence) = field.strip_prefix('"') {
        return !sentence.contains('{');
    }
    let shown = LOGGED.iter().any(|(name, value)| {
        field == format!("{name} = {value}") || (field == *value && field[1..] == **name)
    });
    shown || LOGGED_PLAIN.contains(&field)
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

/// One member of the workspace, as its manifest describes it.
struct Package {
    name: String,
    description: String,
    folder: PathBuf,
    /// `lib.rs`, or `main.rs` of a crate without one.
    source: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    requirement: String,
    dev: bool,
}

impl Package {
    /// The name without the prefix that all crates share.
    fn short(&self) -> &str {
        self.name.strip_prefix("toolgate-").unwrap_or(&self.name)
    }
}

fn workspace() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages: Vec<Package> = list(&metadata["packages"]).iter().map(package).collect();
    let names: BTreeSet<&str> = packages.iter().map(Package::short).collect();
    for (planned, _) in ARROWS {
        assert!(
            names.contains(planned),
            "the plan has a crate that is not there: {planned}"
        );
    }
    packages
}

fn package(metadata: &Value) -> Package {
    let manifest = PathBuf::from(string(&metadata["manifest_path"]));
    let sources: BTreeMap<String, PathBuf> = list(&metadata["targets"])
        .iter()
        .map(|target| {
            (
                string(&target["kind"][0]),
                PathBuf::from(string(&target["src_path"])),
            )
        })
        .collect();
    let source = sources
        .get("lib")
        .or(sources.get("bin"))
        .expect("a crate is a library or a program");
    Package {
        name: string(&metadata["name"]),
        description: string(&metadata["description"]),
        folder: manifest
            .parent()
            .expect("a manifest lies in a folder")
            .to_owned(),
        source: source.clone(),
        dependencies: list(&metadata["dependencies"])
            .iter()
            .map(|d| Dependency {
                name: string(&d["name"]),
                requirement: string(&d["req"]),
                dev: d["kind"] == "dev",
            })
            .collect(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("tests/ lies in the checkout")
        .to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// Every file of these extensions (or names) that belongs to the project, none that was built or installed.
fn files(folder: &Path, wanted: &[&str]) -> Vec<PathBuf> {
    const NOT_OURS: &[&str] = &[
        "target",
        ".git",
        "node_modules",
        ".venv",
        "out",
        "artifacts",
        "corpus",
        "coverage",
        "__pycache__",
    ];
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)
        .expect("the checkout can be read")
        .flatten()
    {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_ref()) {
                found.extend(files(&path, wanted));
            }
        } else if wanted.contains(&name.rsplit('.').next().unwrap_or_default()) {
            found.push(path);
        }
    }
    found
}

//! What log events may show.

use crate::tree::{files, read, root};

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
    "signal = signal.as_str()", // telemetry::otlp: traces, metrics or logs
    "rejected",
    "words = taken.words", // telemetry::otlp: a collector's, one short line without what it was sent to sign in with
    "why",                 // bins/toolgate: the panic message if it is a literal
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
            let is_layer = hidden == "use tracing::{" && path.ends_with("toolgate-log/src/lib.rs");
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

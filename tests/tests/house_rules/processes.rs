//! Where processes are made and what `unsafe` is for.

use crate::tree::{files, product_files, read, read_code, root};

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
            // What stands in the operator's own editors' files.
            "bins/toolgatectl/src/editors/entry.rs",
            "bins/toolgatectl/src/editors/found.rs",
            "bins/toolgatectl/src/run/import.rs",
            // The operator's command, and what it becomes.
            "bins/toolgatectl/src/run/mcp.rs",
            // A file on the host, which the operator puts into force.
            "crates/toolgate-admin/src/file/server.rs",
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
    // Such a file is the operator's: no API and no tool may take one.
    for room in ["toolgate-api", "toolgate-manage"] {
        for file in files(&root.join("crates").join(room).join("src"), &["rs"]) {
            let text = read(&file);
            let taken = ["plan_file", "apply_file", "WorkspaceFile::parse"];
            let taken = taken.iter().find(|name| text.contains(**name));
            assert!(
                taken.is_none(),
                "{} takes a file that may name commands: {taken:?}",
                file.display()
            );
        }
    }
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

//! Where the master key comes from, as both programs meet it (S-04, S-07, S-08).

use std::fs;
use std::process::{Command, Stdio};

use toolgate_tests::{Installation, program};

/// No key of anybody's: SHA-256 of a word.
const KEY: &str = "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92";
/// What the gateway ends with when the master key is what is wrong.
const KEY_PROBLEM: i32 = 3;

/// Starts the gateway with a master key in its environment; how it ended and what it said.
fn refused(installation: &Installation, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(program("toolgate"));
    command.env_clear().envs(variables.iter().copied());
    let output = command
        .arg("--data-dir")
        .arg(installation.data_dir())
        .args(["--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// S-04 `no_baked_in_secret`: what people leave in place of a key stops the start, in every environment.
/// `ContextForge` 1.0.7 stopped at its defaults in one environment alone.
#[test]
fn s04_placeholders_stop_the_start() {
    let repeated = |text: &str| text.repeat(64 / text.len());
    let mut placeholders: Vec<String> = [
        "00",
        "ff",
        "01",
        "11",
        "aa",
        "AA",
        "42",
        "7f",
        "a5",
        "deadbeef",
        "DEADBEEF",
        "cafebabe",
        "0badc0de",
        "feedface",
        "01234567",
        "0123456789abcdef",
        "fedcba9876543210",
        "00112233445566778899aabbccddeeff",
        "ffeeddccbbaa99887766554433221100",
    ]
    .map(repeated)
    .to_vec();
    placeholders.extend(
        [
            // 32 letters in base64, and the hashes that `echo -n WORD | sha256sum` gives.
            "Y2hhbmdlbWVjaGFuZ2VtZWNoYW5nZW1lY2hhbmdlbWU=",
            "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=",
            "bXktc3VwZXItc2VjcmV0LW1hc3Rlci1rZXktMTIzNDU=",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "//////////////////////////////////////////8=",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
            "057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86",
            "changeme",
            "change-me-please",
            "",
        ]
        .map(str::to_owned),
    );
    assert!(placeholders.len() >= 30);
    let installation = Installation::new();
    for placeholder in placeholders {
        let (code, said) = refused(&installation, &[("TOOLGATE_MASTER_KEY", &placeholder)]);
        assert_eq!(code, Some(KEY_PROBLEM), "{placeholder}: {said}");
        let is_shown = !placeholder.is_empty() && said.contains(&placeholder);
        assert!(!is_shown, "{said}");
        assert!(said.contains("hint:"), "{said}");
        assert!(!installation.data_dir().join("control.db").exists());
    }
}

#[test]
fn s07_two_sources_stop_the_start_of_both_programs() {
    let installation = Installation::new();
    let both = [
        ("TOOLGATE_MASTER_KEY", KEY),
        ("TOOLGATE_MASTER_KEY_FILE", "/does/not/matter"),
    ];
    let (code, said) = refused(&installation, &both);
    assert_eq!(code, Some(KEY_PROBLEM));
    assert!(
        said.contains("--master-key-file, TOOLGATE_MASTER_KEY"),
        "{said}"
    );
    let command = [
        "--master-key-file",
        "/a",
        "--master-key-credential",
        "b",
        "workspace",
        "list",
    ];
    let said = installation.ctl(&command);
    assert!(!said.status.success());
    assert!(
        said.stderr
            .contains("--master-key-file, --master-key-credential"),
        "{}",
        said.stderr
    );
    assert!(!installation.data_dir().join("master.key").exists());
}

/// The variable leaves the environment of the process itself, where the system would show it.
#[test]
fn s07_the_variable_is_gone_once_it_was_read() {
    let installation = Installation::new();
    let variable = format!("TOOLGATE_MASTER_KEY={KEY}");
    let gateway = installation.start_under(&["env", &variable, "TOOLGATE_KEPT=1"], &[]);
    assert!(!installation.data_dir().join("master.key").exists());
    // Only root may look into a process that is not dumpable; nobody else sees any of it.
    if let Ok(environment) = fs::read(format!("/proc/{}/environ", gateway.process.id())) {
        let text = String::from_utf8_lossy(&environment);
        assert!(text.contains("TOOLGATE_KEPT=1"), "this is the environment");
        assert!(!text.contains(KEY), "the key can be read from outside");
    }
}

/// S-08 `wrong_kek_refused`: nothing is written, no listener opens.
#[test]
fn s08_another_key_is_refused_by_both_programs() {
    let installation = Installation::new();
    installation.workspace("team");
    let store = installation.data_dir().join("control.db");
    let before = fs::read(&store).expect("it was made");
    let file = installation.scratch().join("other.key");
    fs::write(&file, KEY).expect("ours");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
    let file = file.to_str().expect("a plain path");

    let (code, said) = refused(&installation, &[("TOOLGATE_MASTER_KEY_FILE", file)]);
    assert_eq!(code, Some(KEY_PROBLEM), "{said}");
    assert!(!said.contains("ready"), "{said}");
    let said = installation.ctl(&["--master-key-file", file, "workspace", "list"]);
    assert!(
        said.stderr.contains("belongs to master key kek_"),
        "{}",
        said.stderr
    );
    assert_eq!(fs::read(&store).expect("it is there"), before);
    assert!(!installation.data_dir().join("calls.db").exists());
}

/// S-16 `admin_has_no_open`: the code that opens secrets is in the one program and not in the other.
#[test]
fn s16_the_admin_program_does_not_hold_the_code_that_opens() {
    let holds = |name: &str, symbol: &str| {
        let bytes = fs::read(program(name)).expect("it was built");
        bytes
            .windows(symbol.len())
            .any(|window| window == symbol.as_bytes())
    };
    assert!(
        holds("toolgate", "toolgate_unseal"),
        "names are in a build for tests"
    );
    assert!(holds("toolgatectl", "toolgate_vault"));
    assert!(!holds("toolgatectl", "toolgate_unseal"));
}

/// S-04: no program carries a key of its own. GHSA-g53w-w6mj-hrpp: a literal stood in for a key that was not set.
#[test]
fn s04_no_key_is_baked_into_a_program() {
    // SQLite names its source by a hash.
    let source: String = rusqlite::Connection::open_in_memory()
        .and_then(|store| store.query_row("SELECT sqlite_source_id()", [], |row| row.get(0)))
        .expect("SQLite tells");
    for name in ["toolgate", "toolgatectl"] {
        let bytes = fs::read(program(name)).expect("it was built");
        let text = String::from_utf8_lossy(&bytes);
        for known in ["PRIVATE KEY-----\nM", "changeme123"] {
            assert!(!text.contains(known), "{name} holds {known}");
        }
        for known in ["AKIA", "ghp_", "sk_live_", "xoxb-"] {
            let mut found = text.match_indices(known);
            let is_key = |at: usize| {
                let rest = text.as_bytes().get(at + known.len()..);
                rest.and_then(|rest| rest.get(..16)).is_some_and(is_drawn)
            };
            assert!(
                !found.any(|(at, _)| is_key(at)),
                "{name} holds a key that begins with {known}"
            );
        }
        let key = bytes
            .split(|byte| !byte.is_ascii_hexdigit())
            .filter(is_key)
            .find(|run| {
                !source
                    .as_bytes()
                    .windows(run.len())
                    .any(|part| part == *run)
            });
        assert!(
            key.is_none(),
            "{name} holds {:?}",
            key.map(String::from_utf8_lossy)
        );
        let token = text.match_indices("mwt_").find(|(at, _)| {
            let after = text[at + 4..].chars().take(49);
            after.filter(char::is_ascii_alphanumeric).count() == 49
        });
        assert!(token.is_none(), "{name} holds a token");
    }
}

/// The rest of a credential. Its beginning alone is no key: `toolgatectl` tells secrets in editors' files by it.
fn is_drawn(rest: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let is_word = rest.iter().any(u8::is_ascii_lowercase) && !rest.iter().any(u8::is_ascii_digit);
    rest.iter().all(is_part) && !is_word
}

#[test]
fn s04_a_key_is_told_from_words() {
    for key in [
        "IOSFODNN7EXAMPLE",
        "ABCDEFGHIJKLMNOP",
        "a1B2c3D4e5F6g7H8",
        "123456789012-abc",
    ] {
        assert!(is_drawn(key.as_bytes()), "{key}");
    }
    for words in ["lineNonecallcols", "xoxp-eyJKEYTOKEN", "Rulebusytest UTC"] {
        assert!(!is_drawn(words.as_bytes()), "{words}");
    }
}

/// 32 bytes in hex that somebody could have drawn: no padding, no table.
fn is_key(run: &&[u8]) -> bool {
    let mut digits = run.to_vec();
    digits.sort_unstable();
    digits.dedup();
    run.len() == 64 && digits.len() > 10
}

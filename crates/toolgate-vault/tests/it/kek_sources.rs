//! S-07 `kek_sources`: each thing that can be wrong with a key source has its own error, and a hint.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use tempfile::TempDir;
use toolgate_vault::{MasterKey, MasterKeyError, MasterKeySource, Secret};

/// No key of anybody's: SHA-256 of a sentence, so that it looks random.
const HEX: &str = "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92";
const BASE64: &str = "jZae727K08KaOmKSgOaGzww/XVqGr/PKEgIMkjrcbJI=";

/// A directory with a key file in it.
struct Case {
    dir: TempDir,
}

impl Case {
    fn new(text: &str) -> Self {
        let case = Self {
            dir: TempDir::new().unwrap(),
        };
        fs::write(case.path(), text).unwrap();
        case.mode(0o600)
    }

    fn mode(self, mode: u32) -> Self {
        fs::set_permissions(self.path(), Permissions::from_mode(mode)).unwrap();
        self
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("master.key")
    }

    fn load(&self) -> Result<MasterKey, MasterKeyError> {
        load(self.path(), self.uid())
    }

    /// What we create belongs to us.
    fn uid(&self) -> u32 {
        fs::metadata(self.dir.path()).unwrap().uid()
    }
}

fn load(path: PathBuf, uid: u32) -> Result<MasterKey, MasterKeyError> {
    MasterKey::load(MasterKeySource::File(path), uid)
}

fn load_text(text: &str) -> Result<MasterKey, MasterKeyError> {
    MasterKey::load(MasterKeySource::Text(Secret::new(text.to_owned())), 0)
}

#[track_caller]
fn check_accepted(text: &str) {
    let id = load_text(HEX).unwrap().id().clone();
    assert_eq!(Case::new(text).load().unwrap().id(), &id, "from a file");
    assert_eq!(load_text(text).unwrap().id(), &id, "from text");
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The error's text without the path, which differs each time.
#[track_caller]
fn check_refused(result: Result<MasterKey, MasterKeyError>, expected: &str) {
    let error = result.unwrap_err();
    let (doing, wrong) = error.to_string().split_once(": ").map_or_else(
        || (error.to_string(), String::new()),
        |(doing, wrong)| (doing.to_owned(), wrong.to_owned()),
    );
    assert!(
        doing.ends_with("master.key") || doing.ends_with("the environment"),
        "{error}"
    );
    assert_eq!(wrong, expected);
    assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
}

#[test]
fn every_spelling_of_a_key_is_accepted() {
    check_accepted(HEX);
    check_accepted(&HEX.to_uppercase());
    check_accepted(&format!("{HEX}\n"));
    check_accepted(&format!("{HEX}\r\n"));
    check_accepted(&format!("  {HEX}\n\n"));
    check_accepted(BASE64);
    check_accepted(BASE64.trim_end_matches('='));
    check_accepted(&BASE64.replace('+', "-").replace('/', "_"));
}

#[test]
fn stricter_modes_are_accepted() {
    for mode in [0o600, 0o400] {
        assert!(Case::new(HEX).mode(mode).load().is_ok(), "{mode:o}");
    }
}

#[test]
fn a_mode_that_lets_others_in_is_refused() {
    for mode in [
        0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o700, 0o4600,
    ] {
        check_refused(
            Case::new(HEX).mode(mode).load(),
            &format!("its mode is {mode:04o}"),
        );
    }
}

#[test]
fn a_missing_file_is_refused() {
    let case = Case::new(HEX);
    fs::remove_file(case.path()).unwrap();
    check_refused(case.load(), "there is no such file");
}

#[test]
fn a_link_is_refused_even_to_a_good_file() {
    let case = Case::new(HEX);
    let real = case.dir.path().join("real");
    fs::rename(case.path(), &real).unwrap();
    symlink(&real, case.path()).unwrap();
    check_refused(case.load(), "it is a link");
    fs::remove_file(real).unwrap();
    check_refused(case.load(), "it is a link");
}

#[test]
fn a_directory_or_a_socket_is_refused() {
    let case = Case::new(HEX);
    fs::remove_file(case.path()).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(case.path()).unwrap();
    check_refused(case.load(), "it is not a regular file");
    drop(socket);
    fs::remove_file(case.path()).unwrap();
    fs::create_dir(case.path()).unwrap();
    check_refused(case.load(), "it is not a regular file");
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    let case = Case::new(HEX);
    let (ours, theirs) = (case.uid(), case.uid() + 1);
    check_refused(
        load(case.path(), theirs),
        &format!("it belongs to user {ours}, not to {theirs}"),
    );
}

#[test]
fn a_path_through_a_file_is_refused() {
    let case = Case::new(HEX);
    let error = load(case.path().join("master.key"), case.uid()).unwrap_err();
    assert!(matches!(error, MasterKeyError::Open { .. }), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn text_that_is_no_key_is_refused() {
    let check = |text: &str, expected: &str| {
        check_refused(Case::new(text).load(), expected);
        check_refused(load_text(text), expected);
    };
    check("", "it is empty");
    check(" \n\t\n", "it is empty");
    check(&HEX[..62], "it has 31 bytes, not 32");
    check(&format!("{HEX}00"), "it has 33 bytes, not 32");
    check(&BASE64[..40], "it has 30 bytes, not 32");
    check(&HEX[..63], "it is neither hex nor base64");
    check(&HEX.replace('8', "!"), "it is neither hex nor base64");
    check(&format!("{HEX}\n{HEX}"), "it is neither hex nor base64");
    check("\u{feff}", "it is neither hex nor base64");
    check(&HEX.repeat(5), "it is longer than any key");
}

/// S-04 `no_baked_in_secret`: what people leave in place of a key stops the start.
#[test]
fn placeholders_are_refused() {
    let sequence: Vec<u8> = (0..32).collect();
    let backwards: Vec<u8> = (0..32).rev().collect();
    let steps: Vec<u8> = (0..32).map(|i: u8| i.wrapping_mul(17)).collect();
    let half = [[0; 20].as_slice(), &sequence[..12]].concat();
    let placeholders = [
        "00".repeat(32),
        "ff".repeat(32),
        "01".repeat(32),
        "AA".repeat(32),
        "deadbeef".repeat(8),
        "cafebabe".repeat(8),
        "0123456789abcdef".repeat(4),
        "00112233445566778899aabbccddeeff".repeat(2),
        "1234567890".repeat(7)[..64].to_owned(),
        hex(&sequence),
        hex(&backwards),
        hex(&steps),
        hex(&half),
        hex(b"changemechangemechangemechangeme"),
        hex(b"change-me-please-change-me-now!!"),
        hex(b"my-super-secret-master-key-12345"),
        hex(b"abcdefghijklmnopqrstuvwxyz123456"),
        hex(b"ThisIsNotARandomKeyButASentence!"),
        hex(b"changeme\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        "A".repeat(43),
        format!("{}=", "A".repeat(43)),
        format!("{}8=", "/".repeat(42)),
        "changeme".repeat(6)[..42].to_owned() + "A",
        "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=".to_owned(),
        // SHA-256 of nothing, of `password`, of `changeme` with and without a line break, and of `secret`.
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8".to_owned(),
        "057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86".to_owned(),
        "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b".to_owned(),
    ];
    for placeholder in placeholders {
        check_refused(
            load_text(&placeholder),
            "it is a placeholder, not random bytes",
        );
    }
}

#[test]
fn s21_no_error_shows_any_of_the_key() {
    for text in [
        &HEX[..62],
        "not-a-key-but-private!",
        "changemechangemechangemechangemechangemecha",
    ] {
        let error = load_text(text).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert!(
            !text
                .as_bytes()
                .windows(8)
                .any(|part| shown.contains(std::str::from_utf8(part).unwrap()))
        );
    }
}

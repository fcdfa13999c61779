//! The master key: one source, found before anything is written, replaced while everything runs (S-07, S-08, S-12).

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::Connection;
use tempfile::TempDir;
use toolgate_store::master::{
    self, GivenKeySources, MasterRotationError, NewMaster, OpenError, Opened, rotate_master,
};
use toolgate_store::{DataDir, Store, StoreError};
use toolgate_vault::{MasterKey, Secret};

use crate::fixtures::{actor, workspace_slug};

/// No key of anybody's: SHA-256 of a word.
const KEY: &str = "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92";

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn dir(&self) -> DataDir {
        DataDir::new(self.folder.path().join("data"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in the place.
    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn uid(&self) -> u32 {
        fs::metadata(self.folder.path()).unwrap().uid()
    }

    fn open(&self, given: GivenKeySources) -> Result<Opened, OpenError> {
        let source = given.choose(&self.dir())?;
        master::open(&self.dir(), source, self.uid(), &actor())
    }

    fn open_default(&self) -> Opened {
        self.open(GivenKeySources::default()).unwrap()
    }

    fn rotate(&self, opened: &Opened, new: &NewMaster) -> Result<(), MasterRotationError> {
        rotate_master(&opened.store, &opened.source, new, self.uid(), &actor()).map(drop)
    }
}

fn add_workspace(store: &Store, slug: &str) {
    let id = toolgate_namespace::WorkspaceId::from_random([u8::try_from(slug.len()).unwrap(); 16]);
    let (_, key) = store
        .master()
        .unwrap()
        .new_workspace_key(id.as_str())
        .unwrap();
    let new = toolgate_store::NewWorkspace {
        id,
        slug: workspace_slug(slug),
        name: slug.to_owned(),
        description: String::new(),
        key,
        created_at: 1,
    };
    store.create_workspace(&actor(), new).unwrap();
}

fn file(path: PathBuf) -> GivenKeySources {
    GivenKeySources {
        file: Some(path),
        ..GivenKeySources::default()
    }
}

fn command(text: String) -> GivenKeySources {
    GivenKeySources {
        command: Some(text),
        ..GivenKeySources::default()
    }
}

fn shell(script: &str) -> GivenKeySources {
    command(serde_json::json!(["/bin/sh", "-c", script]).to_string())
}

fn variable(text: &str) -> GivenKeySources {
    GivenKeySources {
        variable: Some(Secret::new(text.to_owned())),
        ..GivenKeySources::default()
    }
}

fn credential(place: &Place, name: &str) -> GivenKeySources {
    GivenKeySources {
        credential: Some(name.to_owned()),
        credentials_directory: Some(place.folder.path().to_owned()),
        ..GivenKeySources::default()
    }
}

/// S-07 `kek_sources`: whatever is wrong has its own error, nothing is made, and no part of the key is shown.
#[test]
fn s07_kek_sources_each_with_its_own_error() {
    let place = Place::new();
    let both = GivenKeySources {
        variable: Some(Secret::new(KEY.to_owned())),
        ..file(place.file("two", KEY, 0o600))
    };
    symlink(place.file("real", KEY, 0o600), place.path("link")).unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    let no_systemd = GivenKeySources {
        credential: Some("key".to_owned()),
        ..GivenKeySources::default()
    };
    let started = Instant::now();
    let cases: Vec<(GivenKeySources, &str)> = vec![
        (
            both,
            "the master key has 2 sources: --master-key-file, TOOLGATE_MASTER_KEY",
        ),
        (file(place.path("none")), "there is no such file"),
        (file(place.path("link")), "it is a link"),
        (file(place.path("folder")), "it is not a regular file"),
        (file(place.file("open", KEY, 0o644)), "its mode is 0644"),
        (
            file(place.file("short", &KEY[..62], 0o600)),
            "it has 31 bytes, not 32",
        ),
        (
            file(place.file("long", &format!("{KEY}00"), 0o600)),
            "it has 33 bytes, not 32",
        ),
        (file(place.file("empty", "\n", 0o600)), "it is empty"),
        (credential(&place, "none"), "there is no such file"),
        (
            credential(&place, "../real"),
            "its name is not a plain file name",
        ),
        (credential(&place, "open"), "its mode is 0644"),
        (no_systemd, "CREDENTIALS_DIRECTORY is not set"),
        (
            variable(""),
            "reading master key from the environment: it is empty",
        ),
        (
            variable("no key"),
            "reading master key from the environment: it is neither hex nor base64",
        ),
        (
            variable(&"00".repeat(32)),
            "it is a placeholder, not random bytes",
        ),
        (
            command("echo key".to_owned()),
            "it is not a JSON array of program and arguments",
        ),
        (
            command("[\"echo\"]".to_owned()),
            "its program is not a full path",
        ),
        (
            command("[\"/does/not/exist\"]".to_owned()),
            "starting the key command /does/not/exist",
        ),
        (shell("exit 3"), "it ended with exit status: 3"),
        (shell("head -c 5000 /dev/zero"), "it did not print a key"),
        (
            shell("echo no-key!"),
            "reading master key from the key command: it is neither hex nor base64",
        ),
        (
            shell(&format!("printf {KEY}; sleep 60")),
            "it took longer than 5 s",
        ),
    ];
    for (given, expected) in cases {
        let error = place.open(given).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert!(shown.contains(expected), "{expected}: {shown}");
        assert!(error.hint().is_some(), "{shown}");
        assert!(!shown.contains(&KEY[..16]), "{shown}");
        assert!(!place.dir().control_db().exists(), "{expected}");
    }
    assert!(
        started.elapsed().as_secs() < 60,
        "a hanging command is killed"
    );
}

#[test]
fn s07_every_source_gives_the_same_key() {
    let place = Place::new();
    let id = |given| {
        place
            .open(given)
            .unwrap()
            .store
            .master()
            .unwrap()
            .id()
            .clone()
    };
    let first = id(file(place.file("key", KEY, 0o600)));
    assert_eq!(
        id(file(place.file("newline", &format!("{KEY}\n"), 0o400))),
        first
    );
    assert_eq!(id(credential(&place, "newline")), first);
    // As systemd leaves it where it grants the right by an access list.
    place.file("by_list", KEY, 0o440);
    assert_eq!(id(credential(&place, "by_list")), first);
    assert_eq!(id(variable(KEY)), first);
    assert_eq!(id(shell(&format!("echo {KEY}"))), first);
}

/// S-08 `wrong_kek_refused`: byte for byte the same file, also when its log was not taken in yet.
#[test]
fn s08_wrong_kek_refused_and_nothing_written() {
    let place = Place::new();
    let opened = place.open_default();
    add_workspace(&opened.store, "acme");
    // The log of a process that was killed: the copies are what it leaves.
    let files = ["control.db", "control.db-wal"];
    let saved = files.map(|name| fs::read(place.dir().path().join(name)).unwrap());
    assert!(!saved[1].is_empty());
    drop(opened);
    for (name, bytes) in files.iter().zip(&saved) {
        fs::write(place.dir().path().join(name), bytes).unwrap();
    }
    let wrong = file(place.file("wrong", KEY, 0o600));
    let error = place.open(wrong).unwrap_err();
    assert!(
        matches!(error, OpenError::Store(StoreError::WrongKey { .. })),
        "{error}"
    );
    for (name, bytes) in files.iter().zip(&saved) {
        assert_eq!(
            &fs::read(place.dir().path().join(name)).unwrap(),
            bytes,
            "{name}"
        );
    }
    assert_eq!(place.open_default().store.workspaces().unwrap().len(), 1);
}

#[test]
fn s12_the_key_file_is_replaced_in_place_and_all_that_hung_on_it_survives() {
    let place = Place::new();
    let opened = place.open_default();
    let (store, other) = (&opened.store, place.open_default().store);
    add_workspace(store, "acme");
    let before = store.master().unwrap();
    let until = store.audit_head().unwrap().sequence;
    place.rotate(&opened, &NewMaster::InPlace).unwrap();

    let after = store.master().unwrap();
    assert_ne!(after.id(), before.id());
    let names: Vec<String> = fs::read_dir(place.dir().path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("master"))
        .collect();
    assert_eq!(names, ["master.key"], "nothing of the old key is left");
    assert_eq!(
        fs::metadata(place.dir().key_file()).unwrap().mode() & 0o777,
        0o600
    );

    // Rows written under the old key still verify, and no new one passes under it.
    let retired = store.retired_keys().unwrap();
    assert_eq!(retired.len(), 1);
    assert_eq!(
        (retired[0].id(), retired[0].audit_until()),
        (before.id(), until)
    );
    assert_eq!(retired[0].audit_mac(b"row"), before.audit_mac(b"row"));
    assert_eq!(
        retired[0].dangerous_handle_key().expose(),
        before.dangerous_handle_key().expose()
    );
    store.verify_audit(None).unwrap();
    // A process that had the old key follows without being told.
    add_workspace_after(&other, "second");
    assert_eq!(other.master().unwrap().id(), after.id());
    other.verify_audit(None).unwrap();
    // And so does the next start.
    let again = place.open_default();
    assert_eq!(again.store.master().unwrap().id(), after.id());
    let installation = again.store.load().unwrap();
    assert_eq!(installation.refused, []);
    for row in &installation.keys {
        after
            .unwrap_workspace_key(row.workspace.as_str(), &row.key)
            .unwrap();
    }
}

/// The first attempt wraps under the old key and learns of the new one.
fn add_workspace_after(store: &Store, slug: &str) {
    let id = toolgate_namespace::WorkspaceId::from_random([0xee; 16]);
    for _ in 0..2 {
        let (_, key) = store
            .master()
            .unwrap()
            .new_workspace_key(id.as_str())
            .unwrap();
        let new = toolgate_store::NewWorkspace {
            id: id.clone(),
            slug: workspace_slug(slug),
            name: slug.to_owned(),
            description: String::new(),
            key,
            created_at: 1,
        };
        match store.create_workspace(&actor(), new) {
            Err(StoreError::KeyRetired) => {}
            other => return other.map(drop).unwrap(),
        }
    }
    panic!("the key was not followed");
}

#[test]
fn s12_two_rotations_keep_two_retired_keys_and_a_forged_row_of_the_old_one_fails() {
    let place = Place::new();
    let opened = place.open_default();
    let first = opened.store.master().unwrap();
    add_workspace(&opened.store, "a");
    place.rotate(&opened, &NewMaster::InPlace).unwrap();
    add_workspace(&opened.store, "bb");
    place.rotate(&opened, &NewMaster::InPlace).unwrap();
    add_workspace(&opened.store, "ccc");
    assert_eq!(opened.store.retired_keys().unwrap().len(), 2);
    opened.store.verify_audit(None).unwrap();
    // Whoever stole the first key cannot write rows of today.
    let head = opened.store.audit_head().unwrap();
    Connection::open(place.dir().control_db())
        .unwrap()
        .execute(
            "UPDATE audit SET mac = ?1 WHERE sequence = ?2",
            (first.audit_mac(b"forged"), head.sequence),
        )
        .unwrap();
    assert!(matches!(
        opened.store.verify_audit(None),
        Err(StoreError::AuditBroken { .. })
    ));
}

#[test]
fn s12_a_retired_key_cannot_be_moved_or_changed() {
    let place = Place::new();
    let opened = place.open_default();
    place.rotate(&opened, &NewMaster::InPlace).unwrap();
    for change in [
        "audit_until = audit_until + 5",
        "sealed = zeroblob(93)",
        "id = 'kek_00000000000000000000000000000000'",
    ] {
        let connection = Connection::open(place.dir().control_db()).unwrap();
        let transaction = connection.unchecked_transaction().unwrap();
        transaction
            .execute(&format!("UPDATE retired_masters SET {change}"), [])
            .unwrap();
        transaction.commit().unwrap();
        assert!(opened.store.retired_keys().is_err(), "{change}");
        break_back(&opened, &place);
    }
}

/// Rotating again is refused then, and nothing is lost: the broken row stays what it is.
fn break_back(opened: &Opened, place: &Place) {
    assert!(place.rotate(opened, &NewMaster::InPlace).is_err());
    assert!(opened.store.load().is_err());
}

/// A source that no program can change: the new key lies in a file until the operator put it there.
#[test]
fn s12_a_key_from_elsewhere_is_complete_when_its_source_gives_the_new_one() {
    let place = Place::new();
    let opened = place.open(variable(KEY)).unwrap();
    add_workspace(&opened.store, "acme");
    let error = place.rotate(&opened, &NewMaster::InPlace).unwrap_err();
    assert!(error.hint().unwrap().contains("--new-key-file"), "{error}");
    let new = NewMaster::File(place.path("next.key"));
    place.rotate(&opened, &new).unwrap();
    let id = opened.store.master().unwrap().id().clone();
    drop(opened);

    // The next start with the old variable finds the new key, and says what is missing.
    let opened = place.open(variable(KEY)).unwrap();
    assert_eq!(opened.key_elsewhere, Some(place.path("next.key")));
    assert_eq!(opened.store.master().unwrap().id(), &id);
    drop(opened);
    let text = fs::read_to_string(place.path("next.key")).unwrap();
    let opened = place.open(variable(&text)).unwrap();
    assert_eq!(opened.key_elsewhere, None);
    fs::remove_file(place.path("next.key")).unwrap();
    drop(opened);
    assert!(place.open(variable(&text)).is_ok());
    assert!(
        place.open(variable(KEY)).is_err(),
        "the old key is nobody's now"
    );
}

/// Rows of its two times could not be told apart.
#[test]
fn s12_a_key_that_was_retired_does_not_come_back() {
    let place = Place::new();
    let opened = place.open(variable(KEY)).unwrap();
    place
        .rotate(&opened, &NewMaster::File(place.path("next.key")))
        .unwrap();
    let old = NewMaster::File(place.file("old.key", KEY, 0o600));
    let error = place.rotate(&opened, &old).unwrap_err();
    assert!(
        matches!(
            error,
            MasterRotationError::Store(StoreError::Conflict { .. })
        ),
        "{error}"
    );
    let same = NewMaster::File(place.path("next.key"));
    assert!(matches!(
        place.rotate(&opened, &same).unwrap_err(),
        MasterRotationError::SameKey
    ));
    opened.store.verify_audit(None).unwrap();
}

/// Two at once: one of them, or both one after the other, and nothing is lost.
#[test]
fn s12_two_rotations_at_once_leave_one_key_in_force() {
    let place = Place::new();
    let stores = [place.open_default(), place.open_default()];
    add_workspace(&stores[0].store, "acme");
    for _ in 0..5 {
        std::thread::scope(|scope| {
            for opened in &stores {
                // Whoever comes second may be refused.
                scope.spawn(|| drop(place.rotate(opened, &NewMaster::InPlace)));
            }
        });
        let again = place.open_default();
        again.store.verify_audit(None).unwrap();
        assert_eq!(again.store.load().unwrap().refused, []);
        assert_eq!(again.key_elsewhere, None);
    }
}

#[test]
fn s12_a_file_is_not_replaced_by_another_file() {
    let place = Place::new();
    let opened = place.open_default();
    let new = NewMaster::File(place.path("next.key"));
    let error = place.rotate(&opened, &new).unwrap_err();
    assert!(
        matches!(error, MasterRotationError::InPlaceOnly { .. }),
        "{error}"
    );
    assert!(!Path::new(&place.path("next.key")).exists());
}

/// What each step leaves behind, made by hand: whoever opens next finds the key and finishes.
#[test]
fn s12_every_half_done_rotation_is_finished_by_the_next_start() {
    for step in 1..=6 {
        let place = Place::new();
        let opened = place.open_default();
        add_workspace(&opened.store, "acme");
        let key = place.dir().key_file();
        let (next, before) = (
            key.with_extension("key.next"),
            key.with_extension("key.before"),
        );
        let old = fs::read(&key).unwrap();
        place.rotate(&opened, &NewMaster::InPlace).unwrap();
        let new = fs::read(&key).unwrap();
        let id = opened.store.master().unwrap().id().clone();
        drop(opened);
        let pending = format!("UPDATE key_check SET pending_file = '{}'", next.display());
        let put = |path: &Path, bytes: &[u8]| {
            fs::write(path, bytes).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        };
        if (2..=4).contains(&step) {
            Connection::open(place.dir().control_db())
                .unwrap()
                .execute_batch(&pending)
                .unwrap();
        }
        match step {
            // Only the new key file was written: another key than the one in force.
            1 => drop(MasterKey::create_file(&next).unwrap()),
            2 | 3 => {
                put(&key, &old);
                put(&next, &new);
                if step == 3 {
                    put(&before, &old);
                }
            }
            4 | 5 => put(&before, &old),
            _ => {}
        }
        let opened = place.open_default();
        assert_eq!(opened.store.master().unwrap().id(), &id, "step {step}");
        assert_eq!(opened.key_elsewhere, None);
        assert_eq!(
            opened.store.key_check().unwrap().unwrap().pending_file,
            None
        );
        assert_eq!(fs::read(&key).unwrap(), new, "step {step}");
        assert!(!before.exists(), "step {step}");
        assert_eq!(next.exists(), step == 1);
        opened.store.verify_audit(None).unwrap();
        // And the next rotation works.
        place.rotate(&opened, &NewMaster::InPlace).unwrap();
        assert!(!next.exists() && !before.exists());
    }
}

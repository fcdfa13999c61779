//! R-08 `corrupt_corpus`: damaged, cut, missing and foreign files are refused with what to do, or make no
//! difference; nothing wrong is ever served, and no empty store is made where one was.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use toolgate_admin::{Admin, DataDir, NewToken, Secret, SecretOwner, existing_key, operator};
use toolgate_store::{Actor, Open, Store};
use toolgate_tests::{Dice, Installation};

use super::count;
use crate::effort::Effort;
use crate::score::{Bar, Score};

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let whole = folder.path().join("whole");
    fill(&whole);
    let expected = contents(&whole).expect("the whole one opens");
    let mut dice = Dice::new(effort.seed);
    let cases = effort.size(1_000, 10_000);
    let (mut refused, mut same, mut wrong, mut panics, mut silent, mut made) = (0, 0, 0, 0, 0, 0);
    for case in 0..cases {
        let dir = folder.path().join("case");
        drop(fs::remove_dir_all(&dir));
        copy(&whole, &dir);
        let gone = damage(&dir, case, &mut dice);
        match catch_unwind(AssertUnwindSafe(|| contents(&dir))) {
            Err(_) => panics += 1,
            Ok(Err((message, hint))) => {
                refused += 1;
                silent += u64::from(message.is_empty() || !hint);
            }
            Ok(Ok(found)) if found == expected => same += 1,
            Ok(Ok(_)) => wrong += 1,
        }
        made += u64::from(gone && dir.join("control.db").exists());
    }
    score.figure(
        "damaged installations",
        count(cases),
        "cases",
        Bar::AtLeast(1_000.0),
    );
    score.figure("refused", count(refused), "cases", Bar::AtLeast(1.0));
    score.figure(
        "served, all as it was",
        count(same),
        "cases",
        Bar::AtLeast(1.0),
    );
    score.never("served with something wrong in it", wrong);
    score.never("panicked", panics);
    score.never("refused without a message and a way on", silent);
    score.never("an empty store made in its place", made);
    processes(effort, score);
}

/// Something in every table.
fn fill(dir: &Path) {
    let admin = Admin::open(DataDir::new(dir), operator()).expect("an installation");
    for name in ["one", "two", "three"] {
        admin.create_workspace(name, "").expect("made");
        let scope = admin.scope(name).expect("it is there");
        for token in 0..5 {
            let token = NewToken::named(format!("token {token}"));
            admin.create_token(&scope, &token).expect("made");
        }
        let value = Secret::new("not-a-real-secret".to_owned());
        admin
            .set_secret(&scope, SecretOwner::Workspace, "API_TOKEN", &value)
            .expect("sealed");
    }
    admin.settle(None).expect("sealed");
}

/// Everything that would be served, as text; else what was said, and whether it says what to do.
fn contents(dir: &Path) -> Result<String, (String, bool)> {
    let place = DataDir::new(dir);
    let store = |error: toolgate_store::StoreError| (error.to_string(), error.hint().is_some());
    let key = existing_key(&place, toolgate_admin::GivenKeySources::default(), None)
        .map_err(|error| (error.to_string(), error.hint().is_some()))?;
    // As the gateway opens it: the store, its key, then every checkpoint.
    let opened = Store::open(&place, Open::CreateIfMissing).map_err(store)?;
    let opened = opened
        .unlock(Arc::clone(&key), &Actor::gateway())
        .map_err(store)?;
    let kept = toolgate_store::Checkpoints::new(place.checkpoints())
        .read()
        .map_err(store)?;
    if opened
        .lost_checkpoint(&kept.heads)
        .map_err(store)?
        .is_some()
    {
        return Err(("a checkpoint is not in the chain".to_owned(), true));
    }
    let mut loaded = opened.load().map_err(store)?;
    if !loaded.refused.is_empty() {
        return Err(("a secret does not fit its manifest".to_owned(), true));
    }
    // Vouched for by nothing: a counter that is only compared, the latest time seen, which `clock accept` corrects, and
    // when a secret was set, which is shown to people.
    loaded.generation = 0;
    loaded.clock = toolgate_store::ClockMark::default();
    for secret in &mut loaded.secrets {
        secret.created_at = 0;
    }
    for row in &loaded.keys {
        if let Err(error) = key.unwrap_workspace_key(row.workspace.as_str(), &row.key) {
            return Err((error.to_string(), error.hint().is_some()));
        }
    }
    Ok(format!("{loaded:?}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
}

/// Damages it in one way; answers whether the store is gone.
fn damage(dir: &Path, case: u64, dice: &mut Dice) -> bool {
    let file = dir.join("control.db");
    let mut bytes = fs::read(&file).expect("read");
    match case % 20 {
        // Mostly single bits.
        0..14 => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        14 | 15 => {
            let at = dice.below(bytes.len());
            let end = bytes.len().min(at + 1 + dice.below(512));
            bytes[at..end].fill_with(|| u8::try_from(dice.below(256)).unwrap_or(0));
        }
        16 | 17 => bytes.truncate(dice.below(bytes.len())),
        18 => {
            fs::remove_file(&file).expect("removed");
            return true;
        }
        _ => bytes = foreign(dice),
    }
    fs::write(&file, bytes).expect("written");
    false
}

/// What somebody may have put there by mistake.
fn foreign(dice: &mut Dice) -> Vec<u8> {
    match dice.below(3) {
        0 => b"PK\x03\x04 an archive, say".to_vec(),
        1 => Vec::new(),
        _ => {
            let file = tempfile::NamedTempFile::new().expect("a file");
            let other = rusqlite::Connection::open(file.path()).expect("a database");
            other
                .execute_batch("CREATE TABLE recipes (name TEXT)")
                .expect("made");
            fs::read(file.path()).expect("read")
        }
    }
}

/// Both binaries refuse with a message and the command that mends it.
fn processes(effort: &Effort, score: &mut Score) {
    let mut dice = Dice::new(effort.seed ^ 8);
    let installation = Installation::new();
    installation.workspace("team");
    let file = installation.data_dir().join("control.db");
    let whole = fs::read(&file).expect("read");
    let mut silent = 0;
    let cases = effort.size(5, 50);
    for _ in 0..cases {
        let mut bytes = whole.clone();
        bytes.truncate(1 + dice.below(whole.len() - 1));
        fs::write(&file, bytes).expect("written");
        let said = installation.ctl(&["workspace", "list"]);
        let mut gateway = installation.launch(&[]);
        let failed = !gateway.wait().success();
        gateway.output();
        let told = |text: &str| text.contains("hint: ") && text.contains("backup restore");
        let both = !said.status.success() && told(&said.stderr) && failed;
        silent += u64::from(!both || !told(&gateway.stderr()));
    }
    score.never(
        "a program that started, or did not say how to restore",
        silent,
    );
}

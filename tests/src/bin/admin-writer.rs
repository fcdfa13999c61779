//! What the trials of the store kill: a process that changes an installation as an administrator does, and
//! says each change that was acknowledged.
//!
//! ```text
//! admin-writer mixed DIR SEED            changes of every kind, until killed; `ack SEQUENCE MAC` after each
//! admin-writer steady DIR NAME N RATE    N settings at RATE a second, `ack`, `busy` or `failed` after each
//! admin-writer careless DIR FROM         rows under synchronous=NORMAL, the control of the power cut: `ack NUMBER`
//! ```

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use toolgate_admin::{Admin, DataDir, NewToken, Secret, SecretOwner, WorkspaceScope, operator};
use toolgate_store::{Actor, AuditHead, Open, Store, StoreError};
use toolgate_tests::Dice;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["mixed", dir, seed] => mixed(dir, seed.parse().expect("a seed")),
        ["steady", dir, name, count, rate] => steady(
            dir,
            name,
            count.parse().expect("a count"),
            rate.parse().expect("a rate"),
        ),
        ["careless", dir, from] => careless(dir, from.parse().expect("a number")),
        _ => panic!("mixed, steady or careless"),
    }
}

/// One line at once, so that what was read was said.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let said = writeln!(out, "{line}").and_then(|()| out.flush());
    said.expect("somebody listens");
}

/// The most workspaces it leaves; beyond them it deletes.
const WORKSPACES: usize = 6;

fn mixed(dir: &str, seed: u64) -> ! {
    let mut dice = Dice::new(seed);
    let admin = Admin::open(DataDir::new(dir), operator()).expect("it opens");
    // A second handle, to tell the end of the chain after each act.
    let store = Store::open(&DataDir::new(dir), Open::MustExist).expect("it opens");
    loop {
        change(&admin, &mut dice);
        let AuditHead { sequence, .. } = head(&store);
        say(&format!("ack {sequence} {}", head(&store).mac_hex()));
        if dice.below(16) == 0 {
            admin.settle(None).expect("checkpoint and seal");
        }
    }
}

fn head(store: &Store) -> AuditHead {
    store.audit_head().expect("the end of the chain")
}

/// One change of some kind.
fn change(admin: &Admin, dice: &mut Dice) {
    let workspaces = admin.list_workspaces().expect("a list");
    let pick = |dice: &mut Dice| -> Option<WorkspaceScope> {
        let slug = &workspaces.get(dice.below(workspaces.len().max(1)))?.slug;
        Some(admin.scope(slug).expect("it is there"))
    };
    let Some(scope) = pick(dice) else {
        admin.create_workspace("first", "").expect("made");
        return;
    };
    match dice.below(8) {
        0 if workspaces.len() >= WORKSPACES => {
            admin.delete_workspace(&scope).expect("deleted");
        }
        0 | 1 if workspaces.len() < WORKSPACES => {
            let name = format!("w{}", dice.below(1_000_000));
            admin.create_workspace(&name, "").expect("made");
        }
        2 => {
            let tokens = admin.list_tokens(&scope).expect("a list");
            let valid = tokens.iter().find(|token| token.revoked_at.is_none());
            match valid {
                Some(token) => drop(admin.revoke_token(&scope, &token.id).expect("revoked")),
                None => new_token(admin, &scope, dice),
            }
        }
        3 | 4 => {
            let name = format!("SECRET_{}", dice.below(4));
            let value = Secret::new(format!("not-a-real-value-{}", dice.below(1_000_000)));
            admin
                .set_secret(&scope, SecretOwner::Workspace, &name, &value)
                .expect("sealed");
        }
        5 => {
            let secrets = admin.list_secrets(&scope, None).expect("a list");
            match secrets.first() {
                Some(secret) => drop(
                    admin
                        .delete_secret(&scope, SecretOwner::Workspace, &secret.name)
                        .expect("deleted"),
                ),
                None => new_token(admin, &scope, dice),
            }
        }
        _ => new_token(admin, &scope, dice),
    }
}

fn new_token(admin: &Admin, scope: &WorkspaceScope, dice: &mut Dice) {
    let name = format!("t{}", dice.below(1_000_000));
    admin
        .create_token(scope, &NewToken::named(name))
        .expect("made");
}

fn steady(dir: &str, name: &str, count: u64, rate: u32) {
    let dir = DataDir::new(dir);
    let key = toolgate_admin::existing_key(&dir, toolgate_admin::GivenKeySources::default(), None)
        .expect("the key");
    let store = Store::open(&dir, Open::MustExist).expect("it opens");
    let store = store
        .unlock(Arc::clone(&key), &Actor::gateway())
        .expect("its key");
    if name == "gateway" {
        store.keep_log_short().expect("set");
    }
    let began = Instant::now();
    for number in 0..count {
        let due = began + Duration::from_secs(1) / rate * u32::try_from(number).expect("few");
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        match store.set_setting(&Actor::gateway(), &format!("{name}-{number}"), "x") {
            Ok(()) => say(&format!("ack {name}-{number}")),
            Err(StoreError::Busy { .. }) => say("busy"),
            Err(error) => say(&format!("failed {error}")),
        }
    }
}

fn careless(dir: &str, from: u64) -> ! {
    let path = DataDir::new(dir).path().join("careless.db");
    let file = rusqlite::Connection::open(path).expect("it opens");
    file.pragma_update(None, "journal_mode", "wal")
        .expect("set");
    file.pragma_update(None, "synchronous", "normal")
        .expect("set");
    file.execute_batch("CREATE TABLE IF NOT EXISTS acks (number INTEGER PRIMARY KEY)")
        .expect("made");
    for number in from.. {
        file.execute(
            "INSERT OR IGNORE INTO acks VALUES (?1)",
            [number.cast_signed()],
        )
        .expect("written");
        say(&format!("ack {number}"));
    }
    unreachable!("numbers do not end")
}

//! The store under faults (R-03, R-05 to R-08): what the trials of it share.

pub(crate) mod contention;
pub(crate) mod corrupt_corpus;
pub(crate) mod disk_full;
pub(crate) mod kill_loop;
pub(crate) mod power_cut;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use toolgate_admin::{DataDir, GivenKeySources, existing_key, operator};
use toolgate_store::{AuditFilter, AuditHead, Open, Store};
use toolgate_tests::{PATIENCE, tool};

/// The preloaded library with the faults, compiled here.
fn faults() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/trials/store/faults.c");
    let program = std::env::current_exe().expect("a running program has a path");
    let library = program.with_file_name("libfaults.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&library)
        .arg(&source)
        .arg("-ldl")
        .status()
        .expect("a C compiler, which SQLite was compiled with as well");
    assert!(compiled.success(), "{} compiles", source.display());
    library
}

/// A process that changes an installation and says each change that was acknowledged.
struct Writer {
    child: Child,
    lines: mpsc::Receiver<String>,
    heard: Vec<String>,
}

impl Writer {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("admin-writer starts");
        let out = child.stdout.take().expect("piped");
        let (say, lines) = mpsc::sync_channel(100_000);
        thread::spawn(move || {
            let whole = BufReader::new(out).split(b'\n').map_while(Result::ok);
            for line in whole {
                if say
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_err()
                {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            heard: Vec::new(),
        }
    }

    fn mixed(program: &Path, dir: &Path, seed: u64) -> Command {
        let mut command = Command::new(program);
        command.arg("mixed").arg(dir).arg(seed.to_string());
        command
    }

    /// Waits until it has said something.
    fn until_it_speaks(&mut self) {
        let line = self.lines.recv_timeout(PATIENCE).expect("it acknowledges");
        self.heard.push(line);
    }

    /// Kills it, and gives everything it had said.
    fn kill(mut self) -> Vec<String> {
        // It fails only when the process has ended, which these do only by a bug that is then seen.
        drop(self.child.kill());
        self.child.wait().expect("the child is ours");
        self.heard.extend(self.lines.iter());
        self.heard
    }

    /// Waits until it ends by itself, and gives everything it said.
    fn finish(mut self) -> Vec<String> {
        self.heard.extend(self.lines.iter());
        assert!(self.child.wait().expect("ours").success());
        self.heard
    }
}

fn writer() -> PathBuf {
    tool("admin-writer")
}

/// The heads that were acknowledged.
fn acknowledged(lines: &[String]) -> Vec<AuditHead> {
    let head = |line: &String| {
        let mut words = line.strip_prefix("ack ")?.split(' ');
        let sequence: u64 = words.next()?.parse().ok()?;
        let text = format!(r#"{{"sequence":{sequence},"mac":"{}"}}"#, words.next()?);
        serde_json::from_str(&text).ok()
    };
    lines.iter().filter_map(head).collect()
}

/// What was found after a fault.
struct Found {
    /// Acknowledged changes that are not there.
    lost: u64,
    /// Changes without their row, or rows without their change.
    half: u64,
    /// Rows of the audit chain.
    rows: u64,
    /// How long it took to open.
    opened: Duration,
}

/// Opens an installation, which checks its integrity, verifies the chain and compares what is there with
/// what the chain says was done.
fn examine(dir: &Path, acknowledged: &[AuditHead]) -> Result<Found, String> {
    let place = DataDir::new(dir);
    let said = |error: &dyn std::error::Error| error.to_string();
    let began = Instant::now();
    let key =
        existing_key(&place, GivenKeySources::default(), None).map_err(|error| said(&error))?;
    let store = Store::open(&place, Open::MustExist)
        .and_then(|store| store.unlock(Arc::clone(&key), &operator()))
        .map_err(|error| said(&error))?;
    let opened = began.elapsed();
    let head = store.verify_audit(None).map_err(|error| said(&error))?;
    let mut lost = 0;
    for head in acknowledged {
        let missing = store
            .lost_checkpoint(&[*head])
            .map_err(|error| said(&error))?;
        lost += u64::from(missing.is_some());
    }
    Ok(Found {
        lost,
        half: half_changes(&store).map_err(|error| said(&error))?,
        rows: head.sequence,
        opened,
    })
}

/// Plays the audit trail and counts where the store is not what comes out.
fn half_changes(store: &Store) -> Result<u64, toolgate_store::StoreError> {
    let everything = AuditFilter {
        limit: usize::MAX,
        ..AuditFilter::default()
    };
    let mut rows = store.audit_rows(&everything)?;
    rows.sort_by_key(|row| row.sequence);
    let mut workspaces = BTreeSet::new();
    // By id: its workspace, and whether it is valid.
    let mut tokens: BTreeMap<String, (String, bool)> = BTreeMap::new();
    // By workspace and name: its version.
    let mut secrets: BTreeMap<(String, String), u64> = BTreeMap::new();
    for row in &rows {
        let workspace = row
            .workspace
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        match row.action.as_str() {
            "workspace.create" => drop(workspaces.insert(row.object.clone())),
            "workspace.delete" => {
                workspaces.remove(&row.object);
                tokens.retain(|_, token| token.0 != row.object);
                secrets.retain(|secret, _| secret.0 != row.object);
            }
            "token.create" => drop(tokens.insert(row.object.clone(), (workspace, true))),
            "token.revoke" => {
                if let Some(token) = tokens.get_mut(&row.object) {
                    token.1 = false;
                }
            }
            "secret.set" => *secrets.entry((workspace, row.detail.clone())).or_default() += 1,
            "secret.delete" => drop(secrets.remove(&(workspace, row.detail.clone()))),
            _ => {}
        }
    }
    let loaded = store.load()?;
    let mut half = u64::from(loaded.generation < rows.len() as u64);
    let found: BTreeSet<_> = loaded
        .workspaces
        .iter()
        .map(|one| one.id.to_string())
        .collect();
    half += workspaces.symmetric_difference(&found).count() as u64;
    // A workspace is made with its key, and they go together.
    half += loaded.keys.len().abs_diff(found.len()) as u64;
    let found = loaded.tokens.iter().map(|token| {
        let valid = token.revoked_at.is_none();
        (
            token.id.as_str().to_owned(),
            (token.workspace.to_string(), valid),
        )
    });
    half += u64::from(found.collect::<BTreeMap<_, _>>() != tokens);
    let found = loaded.secrets.iter().map(|secret| {
        let name = secret.name.as_str().to_owned();
        ((secret.workspace.to_string(), name), secret.version)
    });
    half += u64::from(found.collect::<BTreeMap<_, _>>() != secrets);
    Ok(half)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a trial are small")]
fn count(number: u64) -> f64 {
    number as f64
}

//! Whether a server is still the one that was approved (S-52).

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use ring::digest::{Context, SHA256};
use toolgate_namespace::{Changes, ServerIdentity, ServerSpec, WorkspaceSlug};
use toolgate_store::{Actor, ServerPin, Store};

use super::turns::in_turn;

/// Watches over the identity of one server.
#[derive(Debug)]
pub(crate) struct Guard {
    store: Store,
    workspace: WorkspaceSlug,
    server: std::sync::Arc<ServerSpec>,
    pin: ArcSwapOption<ServerPin>,
    hashed: Mutex<Option<Hashed>>,
}

/// A program's file as it was when it was hashed.
#[derive(Debug, Clone, PartialEq)]
struct Hashed {
    file: Stamp,
    hash: String,
}

/// What changes when a file is written: device, file number, size, times of content and of attributes.
type Stamp = (u64, u64, u64, i64, i64, i64, i64);

impl Guard {
    pub(crate) fn new(
        store: Store,
        workspace: WorkspaceSlug,
        server: std::sync::Arc<ServerSpec>,
    ) -> Self {
        Self {
            store,
            workspace,
            server,
            pin: ArcSwapOption::empty(),
            hashed: Mutex::default(),
        }
    }

    /// Takes over what the store says.
    pub(crate) fn set(&self, pin: Option<ServerPin>) {
        self.pin.store(pin.map(std::sync::Arc::new));
    }

    /// Whether what was seen contradicts what is pinned.
    pub(crate) fn contradicts(&self, seen: &ServerIdentity) -> bool {
        let pin = self.pin.load();
        let pinned = pin.as_ref().map(|pin| &pin.identity);
        !self.is_trusted() && pinned.is_some_and(|pinned| !pinned.differences(seen).is_empty())
    }

    /// Holds what was seen against the pin, and stores what is new; false when the server is another one now, or
    /// when that cannot be told (S-01).
    pub(crate) async fn saw(&self, seen: ServerIdentity) -> bool {
        if self.is_trusted() {
            return true;
        }
        let is_known = self.pin.load().as_ref().is_some_and(|pin| {
            pin.identity.differences(&seen).is_empty()
                && pin.identity.completed_by(&seen) == pin.identity
        });
        if is_known {
            return true;
        }
        let (store, workspace) = (self.store.clone(), self.workspace.clone());
        let (server, told) = (self.server.id.clone(), seen.clone());
        let observed = in_turn(move || {
            let scope = store.scope(&workspace)?;
            store.observe_server(&scope, &Actor::gateway(), &server, &told)
        })
        .await;
        let server = &self.server.slug;
        let Ok(Ok(pin)) = observed else {
            tracing::error!(%server, "the pin of a server cannot be read or written");
            return false;
        };
        let is_same = pin.identity.differences(&seen).is_empty();
        if !is_same {
            tracing::warn!(%server, "a server is not the one that was approved; its tools are held");
        }
        self.set(Some(pin));
        is_same
    }

    /// Whether the program may be started: it is pinned when it is started first.
    pub(crate) async fn admits(&self, argv: &[String]) -> bool {
        if self.is_trusted() {
            return true;
        }
        let Some(program) = argv.first().and_then(|program| find(program)) else {
            // It cannot be started anyway, and that has an error of its own.
            return true;
        };
        let known = self.hashed().clone();
        let hashed = tokio::task::spawn_blocking(move || hash(&program, known)).await;
        let Ok(Some(hashed)) = hashed else {
            return false;
        };
        *self.hashed() = Some(hashed.clone());
        self.saw(ServerIdentity {
            argv: Some(argv.to_vec()),
            executable: Some(hashed.hash),
            ..ServerIdentity::default()
        })
        .await
    }

    /// Whoever accepts all changes of a server builds it anew all the time.
    fn is_trusted(&self) -> bool {
        self.server.trust.changes == Changes::Accept
    }

    fn hashed(&self) -> std::sync::MutexGuard<'_, Option<Hashed>> {
        self.hashed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file behind the first word of a command line.
fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(program.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The hash of a file; `known` when it is still that one.
fn hash(program: &Path, known: Option<Hashed>) -> Option<Hashed> {
    let mut file = File::open(program).ok()?;
    let stamp = stamp(&file)?;
    if let Some(known) = known.filter(|known| known.file == stamp) {
        return Some(known);
    }
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => break,
            read => context.update(&buffer[..read]),
        }
    }
    let mut hash = String::with_capacity(64);
    for byte in context.finish().as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Some(Hashed { file: stamp, hash })
}

fn stamp(file: &File) -> Option<Stamp> {
    let about = file.metadata().ok()?;
    Some((
        about.dev(),
        about.ino(),
        about.size(),
        about.mtime(),
        about.mtime_nsec(),
        about.ctime(),
        about.ctime_nsec(),
    ))
}

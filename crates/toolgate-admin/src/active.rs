//! The active workspace: the default target of commands (product.md section 3).
//!
//! It is kept in a file of the data directory, one line with the slug, rather than in a configuration file
//! of the user: a slug means something in one installation only, so a choice that lived elsewhere would
//! point into the wrong one as soon as somebody has two (`--data-dir`).

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use toolgate_namespace::WorkspaceId;
use toolgate_store::WorkspaceScope;

use crate::{Admin, AdminError, draw};

const FILE: &str = "active-workspace";
/// The workspace made where none exists and one is needed.
const DEFAULT: &str = "default";

/// The workspace a command acts in.
#[derive(Debug, Clone)]
pub struct Target {
    /// The workspace.
    pub scope: WorkspaceScope,
    /// It did not exist: the installation had no workspace, so `default` was made and activated.
    pub made: bool,
}

impl Admin {
    /// The workspace to act in: the one named; else the active one; else the only one. An installation
    /// without any gets one named `default`; with several and none active it is an error that lists them.
    pub fn target(&self, named: Option<&str>) -> Result<Target, AdminError> {
        let found = |scope| Target { scope, made: false };
        if let Some(slug) = named {
            return self.scope(slug).map(found);
        }
        if let Some(slug) = self.active()? {
            return self.scope(&slug).map(found);
        }
        let slugs = self.slugs()?;
        match slugs.as_slice() {
            [] => self.make_default(),
            [only] => self.scope(only).map(found),
            _ => Err(AdminError::NoActiveWorkspace { known: slugs }),
        }
    }

    /// Makes a workspace the default target of commands.
    pub fn activate(&self, scope: &WorkspaceScope) -> Result<(), AdminError> {
        let path = self.active_file();
        let staged = path.with_extension("new");
        // Renamed into place, so that a reader never sees half a slug.
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&staged)
            .and_then(|mut file| writeln!(file, "{}", scope.slug()))
            .and_then(|()| fs::rename(&staged, &path))
            .map_err(|source| AdminError::ActiveFile { path, source })
    }

    /// The slug of the active workspace; `None` when none was chosen, or it is gone.
    pub(crate) fn active(&self) -> Result<Option<String>, AdminError> {
        let Some(slug) = self.chosen()? else {
            return Ok(None);
        };
        Ok(self.slugs()?.contains(&slug).then_some(slug))
    }

    /// Forgets the choice if it is this workspace.
    pub(crate) fn deactivate(&self, slug: &str) -> Result<(), AdminError> {
        if self.chosen()?.as_deref() != Some(slug) {
            return Ok(());
        }
        let path = self.active_file();
        match fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                Err(AdminError::ActiveFile { path, source })
            }
            _ => Ok(()),
        }
    }

    /// What the file says, whether or not such a workspace exists.
    pub(crate) fn chosen(&self) -> Result<Option<String>, AdminError> {
        let path = self.active_file();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|slug| !slug.is_empty())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(AdminError::ActiveFile { path, source }),
        }
    }

    fn make_default(&self) -> Result<Target, AdminError> {
        let id = WorkspaceId::from_random(draw::bytes()?);
        let workspace = self.add_workspace(&id, DEFAULT, "", None)?;
        let scope = self.scope(workspace.slug.as_str())?;
        self.activate(&scope)?;
        self.knock();
        Ok(Target { scope, made: true })
    }

    fn active_file(&self) -> PathBuf {
        self.dir.path().join(FILE)
    }
}

//! Notices what other connections committed, in this process or another (S-41).
//!
//! `PRAGMA data_version` is a counter in shared memory that SQLite raises with every foreign commit;
//! reading it costs microseconds and no lock. Only when it moved is the store's own counter read,
//! which changes raise and bookkeeping (last-used stamps) does not.

use std::path::PathBuf;

use rusqlite::Connection;

use crate::database::{open_to_read, opening};
use crate::migrations::CONTROL;
use crate::{DataDir, StoreError, store};

/// A connection of its own that only watches; poll it every few milliseconds.
#[derive(Debug)]
pub struct ChangeWatcher {
    connection: Connection,
    path: PathBuf,
    commits: i64,
    generation: u64,
}

impl ChangeWatcher {
    /// Starts watching a store that exists.
    ///
    /// Changes committed from now on are reported. Open it before [`crate::Store::load`], or a
    /// change between the two goes unnoticed.
    pub fn open(dir: &DataDir) -> Result<Self, StoreError> {
        let path = dir.control_db();
        let connection = open_to_read(&path, &CONTROL)?;
        let mut watcher = Self {
            connection,
            path,
            commits: 0,
            generation: 0,
        };
        // In this order: a commit in between is then reported once more rather than never.
        watcher.commits = watcher.read_commits()?;
        watcher.generation = watcher.read_generation()?;
        Ok(watcher)
    }

    /// Whether anything changed since the last poll.
    pub fn poll(&mut self) -> Result<bool, StoreError> {
        let commits = self.read_commits()?;
        if commits == self.commits {
            return Ok(false);
        }
        let generation = self.read_generation()?;
        self.commits = commits;
        let changed = generation != self.generation;
        self.generation = generation;
        Ok(changed)
    }

    /// Number of the last change seen, the one [`crate::Installation::generation`] counts too.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    fn read_commits(&self) -> Result<i64, StoreError> {
        const SQL: &str = "PRAGMA data_version";
        self.connection
            .prepare_cached(SQL)
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(|error| opening(&self.path, error))
    }

    fn read_generation(&self) -> Result<u64, StoreError> {
        store::generation(&self.connection).map_err(|error| opening(&self.path, error))
    }
}

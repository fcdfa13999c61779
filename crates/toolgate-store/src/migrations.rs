//! The schemas and how a file gets to the newest one.
//!
//! Each schema is an append-only list of SQL scripts, and `user_version` counts how many of them a
//! file has had. They run in one exclusive transaction. A released entry is never edited: a change is
//! a new entry. `application_id` tells our files from other people's, and the table `compatibility` tells
//! older programs whether what was added is in their way.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::StoreError;
use crate::database::{Open, opening};

/// The schema of one kind of file.
#[derive(Debug)]
pub(crate) struct Schema {
    application_id: i32,
    /// Programs that know this schema or a later one also work on a file with all of `migrations`:
    /// the number of the last migration that was not merely additive, 1 if none was.
    oldest: u32,
    /// Whether a file is copied before it is migrated.
    pub(crate) precious: bool,
    migrations: &'static [&'static str],
}

/// `control.db`.
pub(crate) const CONTROL: Schema = Schema {
    application_id: i32::from_be_bytes(*b"TGct"),
    // Before manifests and pins a program would save secrets that are then refused, and serve what is held.
    oldest: 3,
    precious: true,
    migrations: &[
        include_str!("migrations/control_1.sql"),
        include_str!("migrations/control_2.sql"),
        include_str!("migrations/control_3.sql"),
        include_str!("migrations/control_4.sql"),
        include_str!("migrations/control_5.sql"),
        include_str!("migrations/control_6.sql"),
        include_str!("migrations/control_7.sql"),
        include_str!("migrations/control_8.sql"),
        include_str!("migrations/control_9.sql"),
    ],
};

/// `calls.db`.
pub(crate) const CALLS: Schema = Schema {
    application_id: i32::from_be_bytes(*b"TGca"),
    // Before blocks a program would see no new calls, and give their numbers a second time.
    oldest: 3,
    precious: false,
    migrations: &[
        include_str!("migrations/calls_1.sql"),
        include_str!("migrations/calls_2.sql"),
        include_str!("migrations/calls_3.sql"),
        include_str!("migrations/calls_4.sql"),
    ],
};

impl Schema {
    pub(crate) fn version(&self) -> u32 {
        u32::try_from(self.migrations.len()).expect("migrations are written by hand")
    }

    /// The schema of a file that has been written and lacks something; `None` where nothing is to be done.
    pub(crate) fn lacking(&self, connection: &Connection) -> rusqlite::Result<Option<u32>> {
        let version = user_version(connection)?;
        Ok((1..self.version()).contains(&version).then_some(version))
    }
}

/// Who wrote a file last, and which programs may use it.
struct Compatibility {
    oldest: u32,
    program: String,
}

const PROGRAM: &str = concat!("toolgate ", env!("CARGO_PKG_VERSION"));

/// Refuses files that are not ours, empty where a store was expected, or too new; writes nothing.
pub(crate) fn check(
    connection: &Connection,
    path: &Path,
    open: Open,
    schema: &Schema,
) -> Result<(), StoreError> {
    let read = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let application_id = read("application_id").map_err(|error| opening(path, error))?;
    let version = read("user_version").map_err(|error| opening(path, error))?;
    if version == 0 && application_id == 0 && is_empty(connection, path)? {
        return match open {
            Open::CreateIfMissing => Ok(()),
            Open::MustExist => Err(StoreError::Damaged {
                path: path.to_owned(),
                finding: "it is empty".to_owned(),
            }),
        };
    }
    if application_id != schema.application_id {
        return Err(StoreError::Foreign {
            path: path.to_owned(),
        });
    }
    let found = u32::try_from(version).unwrap_or(u32::MAX);
    if found <= schema.version() {
        return Ok(());
    }
    match compatibility(connection).map_err(|error| opening(path, error))? {
        // What was added there is unknown here and in nobody's way.
        Some(needs) if needs.oldest <= schema.version() => Ok(()),
        needs => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: schema.version(),
            by: needs.map_or_else(|| "a newer version".to_owned(), |needs| needs.program),
        }),
    }
}

/// Runs the migrations a file has not had, all of them or none.
pub(crate) fn migrate(connection: &mut Connection, schema: &Schema) -> rusqlite::Result<()> {
    if user_version(connection)? >= schema.version() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    // Read again under the lock: another process may have been faster.
    let done = user_version(&transaction)?;
    if done >= schema.version() {
        return Ok(());
    }
    for migration in schema.migrations.iter().skip(done as usize) {
        transaction.execute_batch(migration)?;
    }
    say_compatibility(&transaction, schema)?;
    transaction.pragma_update(None, "application_id", schema.application_id)?;
    transaction.pragma_update(None, "user_version", schema.version())?;
    transaction.commit()
}

fn say_compatibility(connection: &Connection, schema: &Schema) -> rusqlite::Result<()> {
    const TABLE: &str = "CREATE TABLE IF NOT EXISTS compatibility (
        only    INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
        oldest  INTEGER NOT NULL,
        program TEXT    NOT NULL
    ) STRICT";
    const SQL: &str = "INSERT INTO compatibility (only, oldest, program) VALUES (1, ?1, ?2)
        ON CONFLICT (only) DO UPDATE SET oldest = excluded.oldest, program = excluded.program";
    connection.execute(TABLE, [])?;
    connection.execute(SQL, (schema.oldest, PROGRAM))?;
    Ok(())
}

/// What a file says of itself; `None` in one that says nothing.
fn compatibility(connection: &Connection) -> rusqlite::Result<Option<Compatibility>> {
    const KNOWN: &str = "SELECT count(*) = 1 FROM sqlite_master WHERE name = 'compatibility'";
    const SQL: &str = "SELECT oldest, program FROM compatibility";
    if !connection.query_row(KNOWN, [], |row| row.get(0))? {
        return Ok(None);
    }
    connection
        .query_row(SQL, [], |row| {
            Ok(Compatibility {
                oldest: row.get(0)?,
                program: row.get(1)?,
            })
        })
        .optional()
}

fn user_version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn is_empty(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT count(*) = 0 FROM sqlite_master";
    connection
        .query_row(SQL, [], |row| row.get(0))
        .map_err(|error| opening(path, error))
}

#[cfg(test)]
#[path = "migrations_tests.rs"]
mod tests;

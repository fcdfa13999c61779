//! The schemas and how a file gets to the newest one.
//!
//! Each schema is an append-only list of SQL scripts, and `user_version` counts how many of them a
//! file has had. They run in one exclusive transaction. A released entry is never edited: a change is
//! a new entry. `application_id` tells our files from other people's.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;
use crate::database::{Open, opening};

/// The schema of one kind of file.
#[derive(Debug)]
pub(crate) struct Schema {
    application_id: i32,
    migrations: &'static [&'static str],
}

/// `control.db`.
pub(crate) const CONTROL: Schema = Schema {
    application_id: i32::from_be_bytes(*b"TGct"),
    migrations: &[
        include_str!("migrations/control_1.sql"),
        include_str!("migrations/control_2.sql"),
        include_str!("migrations/control_5.sql"),
        include_str!("migrations/control_6.sql"),
    ],
};

/// `calls.db`.
pub(crate) const CALLS: Schema = Schema {
    application_id: i32::from_be_bytes(*b"TGca"),
    migrations: &[
        include_str!("migrations/calls_1.sql"),
        include_str!("migrations/calls_2.sql"),
    ],
};

impl Schema {
    fn version(&self) -> u32 {
        u32::try_from(self.migrations.len()).expect("migrations are written by hand")
    }
}

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
    if found > schema.version() {
        return Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: schema.version(),
        });
    }
    Ok(())
}

/// Runs the migrations a file has not had, all of them or none.
pub(crate) fn migrate(connection: &mut Connection, schema: &Schema) -> rusqlite::Result<()> {
    if user_version(connection)? == schema.version() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    // Read again under the lock: another process may have been faster.
    let done = user_version(&transaction)?;
    for migration in schema.migrations.iter().skip(done as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", schema.application_id)?;
    transaction.pragma_update(None, "user_version", schema.version())?;
    transaction.commit()
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
mod tests {
    use super::*;

    const ONE: Schema = Schema {
        application_id: 7,
        migrations: &["CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)"],
    };
    const TWO: Schema = Schema {
        application_id: 7,
        migrations: &[
            "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)",
            "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 5",
        ],
    };
    const BROKEN: Schema = Schema {
        application_id: 7,
        migrations: &[
            "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)",
            "CREATE TABLE b (x INTEGER)",
            "CREATE TABLE b (x INTEGER)",
        ],
    };

    #[track_caller]
    fn count(connection: &Connection, sql: &str) -> i64 {
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn r09_an_older_file_gets_only_what_it_lacks() {
        let mut file = Connection::open_in_memory().unwrap();
        migrate(&mut file, &ONE).unwrap();
        migrate(&mut file, &ONE).unwrap();
        assert_eq!(count(&file, "SELECT count(*) FROM a"), 1);
        migrate(&mut file, &TWO).unwrap();
        assert_eq!(count(&file, "SELECT sum(x + y) FROM a"), 6);
        assert_eq!(user_version(&file).unwrap(), 2);
    }

    #[test]
    fn r09_a_failing_migration_leaves_the_file_as_it_was() {
        let mut file = Connection::open_in_memory().unwrap();
        migrate(&mut file, &ONE).unwrap();
        assert!(migrate(&mut file, &BROKEN).is_err());
        assert_eq!(user_version(&file).unwrap(), 1);
        let tables = "SELECT count(*) FROM sqlite_master WHERE name = 'b'";
        assert_eq!(count(&file, tables), 0);
    }

    #[test]
    fn r09_a_newer_file_is_refused_by_name() {
        let mut file = Connection::open_in_memory().unwrap();
        migrate(&mut file, &TWO).unwrap();
        let error = check(&file, Path::new("x"), Open::MustExist, &ONE).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Newer {
                    found: 2,
                    known: 1,
                    ..
                }
            ),
            "{error}"
        );
    }
}

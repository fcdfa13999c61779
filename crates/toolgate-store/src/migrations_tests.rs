//! forward from every version, all or nothing, and what older programs make of newer files.

use std::fs;

use super::*;

const ONE: Schema = Schema {
    application_id: 7,
    oldest: 1,
    precious: false,
    migrations: &["CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)"],
};
const ADDITIVE: Schema = Schema {
    migrations: &[
        "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)",
        "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 5",
    ],
    ..ONE
};
const BREAKING: Schema = Schema {
    oldest: 2,
    migrations: &[
        "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)",
        "ALTER TABLE a RENAME COLUMN x TO z",
    ],
    ..ONE
};
const BROKEN: Schema = Schema {
    migrations: &[
        "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)",
        "CREATE TABLE b (x INTEGER)",
        "CREATE TABLE b (x INTEGER)",
    ],
    ..ONE
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
    assert_eq!(ADDITIVE.lacking(&file).unwrap(), Some(1));
    migrate(&mut file, &ADDITIVE).unwrap();
    assert_eq!(ADDITIVE.lacking(&file).unwrap(), None);
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
fn r09_an_older_program_runs_on_an_additive_schema() {
    let mut file = Connection::open_in_memory().unwrap();
    migrate(&mut file, &ADDITIVE).unwrap();
    check(&file, Path::new("x"), Open::MustExist, &ONE).unwrap();
    // It leaves the schema alone, and what it writes is whole for the newer program.
    migrate(&mut file, &ONE).unwrap();
    assert_eq!(user_version(&file).unwrap(), 2);
    file.execute("INSERT INTO a (x) VALUES (2)", []).unwrap();
    assert_eq!(count(&file, "SELECT sum(y) FROM a"), 10);
}

#[test]
fn r09_an_older_program_refuses_a_breaking_schema_by_name() {
    let mut file = Connection::open_in_memory().unwrap();
    migrate(&mut file, &BREAKING).unwrap();
    let error = check(&file, Path::new("x"), Open::MustExist, &ONE).unwrap_err();
    let expected = format!(
        "opening the store x: it has schema 2, made by {PROGRAM}, and this program knows schemas up to 1"
    );
    assert_eq!(error.to_string(), expected);
    check(&file, Path::new("x"), Open::MustExist, &BREAKING).unwrap();
}

#[test]
fn r09_a_newer_file_that_says_nothing_is_refused() {
    let mut file = Connection::open_in_memory().unwrap();
    migrate(&mut file, &ADDITIVE).unwrap();
    file.execute("DROP TABLE compatibility", []).unwrap();
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

/// `schema` up to a version, as a program of that time had it.
fn at(schema: &Schema, version: usize) -> Schema {
    Schema {
        migrations: &schema.migrations[..version],
        ..*schema
    }
}

/// Every table with its rows, as text.
fn contents(file: &Connection) -> Vec<String> {
    let names: Vec<String> = file
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut contents = Vec::new();
    for name in names {
        let mut rows = file.prepare(&["SELECT * FROM ", &name].concat()).unwrap();
        contents.push(format!(
            "{name}: {:?}",
            rows.column_names().collect::<Vec<_>>()
        ));
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values = (0..columns).map(|at| row.get_ref(at).unwrap());
            contents.push(format!("{:?}", values.collect::<Vec<_>>()));
        }
    }
    contents
}

/// Rows that the first schema could hold.
const ROWS: &str = "
    INSERT INTO workspaces (id, slug, name, description, read_only_all, created_at)
        VALUES ('ws_1', 'one', 'One', '', 0, 5);
    INSERT INTO settings VALUES ('public_url', 'http://127.0.0.1:8420');
    INSERT INTO audit (sequence, at, actor, action, workspace_id, object, detail, before, after,
        previous, mac) VALUES (1, 5, 'gateway', 'key.adopt', NULL, 'kek_1', '', NULL, NULL,
        zeroblob(32), zeroblob(32));";

/// R-09 `migrate_matrix`: from every version to the newest, killed before and after each statement.
#[test]
fn r09_migrate_matrix() {
    let newest = CONTROL.migrations.len();
    for from in 1..newest {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        let mut old = Connection::open(&path).unwrap();
        old.pragma_update(None, "journal_mode", "wal").unwrap();
        migrate(&mut old, &at(&CONTROL, from)).unwrap();
        old.execute_batch(ROWS).unwrap();
        let expected = {
            let whole = folder.path().join("whole.db");
            copy(&path, &whole);
            let mut whole = Connection::open(whole).unwrap();
            migrate(&mut whole, &CONTROL).unwrap();
            contents(&whole)
        };

        let script: Vec<String> = CONTROL.migrations[from..]
            .iter()
            .flat_map(|sql| statements(sql))
            .collect();
        assert!(!script.is_empty());
        for killed_after in 0..=script.len() {
            // What a kill leaves behind is what is in the files while the transaction is open; a cache
            // of one page makes it write before the commit.
            let torn = folder.path().join(format!("torn-{killed_after}.db"));
            old.pragma_update(None, "cache_size", 1).unwrap();
            let transaction = old
                .transaction_with_behavior(TransactionBehavior::Exclusive)
                .unwrap();
            for statement in &script[..killed_after] {
                transaction.execute_batch(statement).unwrap();
            }
            copy(&path, &torn);
            transaction.rollback().unwrap();
            let mut torn = Connection::open(torn).unwrap();
            assert_eq!(
                user_version(&torn).unwrap() as usize,
                from,
                "all or nothing"
            );
            migrate(&mut torn, &CONTROL).unwrap();
            assert_eq!(
                contents(&torn),
                expected,
                "from {from}, killed after {killed_after}"
            );
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for ending in ["", "-wal"] {
        let with = |path: &Path| format!("{}{ending}", path.display());
        if Path::new(&with(from)).exists() {
            fs::copy(with(from), with(to)).unwrap();
        }
    }
}

/// The statements of a script, by what SQLite says ends one.
fn statements(script: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut statement = String::new();
    for line in script.lines().filter(|line| !line.starts_with("--")) {
        statement.push_str(line);
        statement.push('\n');
        if line.trim_end().ends_with(';') {
            statements.push(std::mem::take(&mut statement));
        }
    }
    assert!(statement.trim().is_empty(), "{statement}");
    statements
}

//! Operators: people who administer the installation in a browser, with a password (S-77).

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::store::Noted;
use crate::{Store, StoreError};

/// One operator.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorRow {
    /// Public id (`op_…`).
    pub id: String,
    /// The canonical e-mail address, which is also the name to sign in with.
    pub email: String,
    /// An Argon2id string; `None` until an invitation was accepted.
    pub password: Option<String>,
    /// When the row was made, unix milliseconds.
    pub created_at: u64,
    /// When the password was first set.
    pub joined_at: Option<u64>,
    /// When they last signed in.
    pub last_used_at: Option<u64>,
}

impl std::fmt::Debug for OperatorRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OperatorRow")
            .field("id", &self.id)
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Every operator, oldest first.
    pub fn operators(&self) -> Result<Vec<OperatorRow>, StoreError> {
        const SQL: &str = "SELECT id, email, password, created_at, joined_at, last_used_at
            FROM operators ORDER BY created_at, id";
        self.read("listing operators", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_map([], read)?
                .collect()
        })
    }

    /// The operator with this address, if there is one.
    pub fn operator(&self, email: &str) -> Result<Option<OperatorRow>, StoreError> {
        self.read("reading an operator", |connection| find(connection, email))
    }

    /// Saves a new operator; id and address must be new. With `first` there must be nobody yet who can sign in, so
    /// that two people who claim an installation at once do not both get it (S-76).
    pub fn create_operator(
        &self,
        actor: &Actor,
        operator: &OperatorRow,
        first: bool,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO operators
            (id, email, password, created_at, joined_at, last_used_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let doing = "creating an operator";
        self.change(doing, actor, |tx| {
            let claimed = first && somebody_can_sign_in(tx).doing(doing)?;
            if claimed || find(tx, &operator.email).doing(doing)?.is_some() {
                return Err(StoreError::Taken {
                    what: "operator",
                    name: operator.email.clone(),
                });
            }
            let values = params![
                operator.id,
                operator.email,
                operator.password,
                operator.created_at,
                operator.joined_at,
                operator.last_used_at,
            ];
            tx.execute(SQL, values).doing(doing)?;
            Ok(((), Some(entry("operator.create", operator))))
        })
    }

    /// Gives an operator another password; whoever was signed in with the old one is not any more.
    pub fn set_operator_password(
        &self,
        actor: &Actor,
        email: &str,
        password: &str,
        now_ms: u64,
    ) -> Result<OperatorRow, StoreError> {
        const SQL: &str = "UPDATE operators
            SET password = ?2, joined_at = COALESCE(joined_at, ?3) WHERE id = ?1";
        let doing = "changing a password";
        self.change(doing, actor, |tx| {
            let found = known(tx, email)?;
            tx.execute(SQL, params![found.id, password, now_ms])
                .doing(doing)?;
            let entry = entry("operator.password", &found);
            Ok((found, Some(entry)))
        })
    }

    /// Removes an operator and the keys they made.
    pub fn remove_operator(&self, actor: &Actor, email: &str) -> Result<OperatorRow, StoreError> {
        const SQL: &str = "DELETE FROM operators WHERE id = ?1";
        let doing = "removing an operator";
        self.change(doing, actor, |tx| {
            let found = known(tx, email)?;
            tx.execute(SQL, [&found.id]).doing(doing)?;
            let entry = entry("operator.remove", &found);
            Ok((found, Some(entry)))
        })
    }

    /// Writes down that somebody signed in (S-85): `object` is the id of who or what, `name` what a person calls it.
    pub fn note_sign_in(&self, actor: &Actor, object: &str, name: &str) -> Result<(), StoreError> {
        self.change("noting a sign-in", actor, |_| {
            Ok(((), Some(Entry::new("session.start", None, object, name))))
        })
    }

    /// Writes down that an address failed to sign in too often (S-85); once a burst, not once a try.
    pub fn note_failed_sign_ins(&self, actor: &Actor, from: &str) -> Result<(), StoreError> {
        self.change("noting failed sign-ins", actor, |_| {
            Ok(((), Some(Entry::new("session.refuse", None, from, ""))))
        })
    }

    /// Notes when an operator last signed in; nobody is told, nothing is audited.
    pub fn touch_operator(&self, id: &str, now_ms: u64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE operators SET last_used_at = ?2
            WHERE id = ?1 AND COALESCE(last_used_at, 0) < ?2";
        let doing = "noting the use of an operator";
        self.note(doing, |tx| {
            tx.execute(SQL, params![id, now_ms]).doing(doing)?;
            Ok(Noted::Bookkeeping)
        })
    }
}

fn somebody_can_sign_in(connection: &Connection) -> rusqlite::Result<bool> {
    const SQL: &str = "SELECT 1 FROM operators WHERE password IS NOT NULL";
    Ok(connection
        .query_row(SQL, [], |_| Ok(()))
        .optional()?
        .is_some())
}

fn find(connection: &Connection, email: &str) -> rusqlite::Result<Option<OperatorRow>> {
    const SQL: &str = "SELECT id, email, password, created_at, joined_at, last_used_at
        FROM operators WHERE email = ?1";
    connection.query_row(SQL, [email], read).optional()
}

fn known(connection: &Connection, email: &str) -> Result<OperatorRow, StoreError> {
    find(connection, email)
        .doing("reading an operator")?
        .ok_or_else(|| StoreError::Unknown {
            what: "operator",
            name: email.to_owned(),
        })
}

fn entry(action: &'static str, operator: &OperatorRow) -> Entry {
    Entry::new(action, None, &operator.id, &operator.email)
}

fn read(row: &Row<'_>) -> rusqlite::Result<OperatorRow> {
    Ok(OperatorRow {
        id: row.get(0)?,
        email: row.get(1)?,
        password: row.get(2)?,
        created_at: row.get(3)?,
        joined_at: row.get(4)?,
        last_used_at: row.get(5)?,
    })
}

//! Settings of the installation, as text.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use toolgate_namespace::WorkspaceId;

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::{Store, StoreError};

/// How many days calls are remembered, 1 to 3650. Default 30.
pub const RETENTION_DAYS: &str = "retention_days";

/// What the installation may use: a JSON object, of which `calls_per_month` is read here. The same for one workspace
/// is `plan.` and its id.
pub const PLAN: &str = "plan";

const DEFAULT_RETENTION_DAYS: u32 = 30;

/// Every setting that was ever set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// One setting, if it was set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many days calls are remembered ([`RETENTION_DAYS`]).
    pub fn retention_days(&self) -> u32 {
        parse_retention(self.get(RETENTION_DAYS))
    }

    /// How many calls a month the whole installation may make ([`PLAN`]); `None` without a limit.
    pub fn calls_per_month(&self) -> Option<u64> {
        parse_calls_per_month(self.get(PLAN)?)
    }

    /// How many calls a month one workspace may make; `None` without a limit of its own.
    pub fn calls_per_month_of(&self, workspace: &WorkspaceId) -> Option<u64> {
        parse_calls_per_month(self.get(&format!("{PLAN}.{workspace}"))?)
    }
}

impl Store {
    /// One setting, if it was set.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read("reading a setting", |connection| {
            select_one(connection, name)
        })
    }

    /// Sets one setting; settings that are known here are checked.
    pub fn set_setting(&self, actor: &Actor, name: &str, value: &str) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO settings (name, value) VALUES (?1, ?2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        let doing = "changing a setting";
        check(name, value)?;
        self.change(doing, actor, |tx| {
            let before = select_one(tx, name).doing(doing)?;
            if before.as_deref() == Some(value) {
                return Ok(((), None));
            }
            tx.execute(SQL, (name, value)).doing(doing)?;
            let before = before.map(String::into_bytes);
            let entry =
                Entry::new("setting.change", None, name, "").states(before, Some(value.into()));
            Ok(((), Some(entry)))
        })
    }
}

/// Every setting.
pub(crate) fn select(connection: &Connection) -> rusqlite::Result<Settings> {
    const SQL: &str = "SELECT name, value FROM settings";
    let mut statement = connection.prepare_cached(SQL)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect::<rusqlite::Result<_>>().map(Settings)
}

fn select_one(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    const SQL: &str = "SELECT value FROM settings WHERE name = ?1";
    connection
        .query_row(SQL, [name], |row| row.get(0))
        .optional()
}

fn check(name: &str, value: &str) -> Result<(), StoreError> {
    if name == RETENTION_DAYS && !value.parse().is_ok_and(|days| (1..=3650).contains(&days)) {
        return Err(StoreError::InvalidSetting {
            name: name.to_owned(),
            rule: "a number of days from 1 to 3650",
        });
    }
    Ok(())
}

fn parse_calls_per_month(plan: &str) -> Option<u64> {
    let plan: serde_json::Value = serde_json::from_str(plan).ok()?;
    plan.get("calls_per_month")?.as_u64()
}

fn parse_retention(value: Option<&str>) -> u32 {
    value
        .and_then(|days| days.parse().ok())
        .unwrap_or(DEFAULT_RETENTION_DAYS)
}

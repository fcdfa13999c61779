//! Settings of the installation, as text.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use toolgate_namespace::WorkspaceId;

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::plan::{PLAN, Plan};
use crate::{Store, StoreError};

/// How many days calls are remembered, 1 to 3650. Default 30.
pub const RETENTION_DAYS: &str = "retention_days";

/// How many days of what calls came to are kept, by the hour, 1 to 3650. Default 400. The hours of calls that are
/// remembered and those of the running month are kept in any case.
pub const HISTORY_DAYS: &str = "history_days";

/// Where clients reach the gateway, which writes it down when it starts.
pub const PUBLIC_URL: &str = "public_url";

/// The settings that this crate or the gateway reads; whoever lists settings for people knows more of its own.
pub const NAMES: [&str; 4] = [PLAN, RETENTION_DAYS, HISTORY_DAYS, PUBLIC_URL];

const DEFAULT_RETENTION_DAYS: u32 = 30;
const DEFAULT_HISTORY_DAYS: u32 = 400;

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

    /// How many days calls are remembered ([`RETENTION_DAYS`]), as far as the plan in force lets them be.
    pub fn retention_days(&self) -> u32 {
        let wanted = parse_days(self.get(RETENTION_DAYS), DEFAULT_RETENTION_DAYS);
        self.plan()
            .retention_days
            .map_or(wanted, |most| wanted.min(most))
    }

    /// How many days of what calls came to are kept ([`HISTORY_DAYS`]).
    pub fn history_days(&self) -> u32 {
        parse_days(self.get(HISTORY_DAYS), DEFAULT_HISTORY_DAYS)
    }

    /// How many calls a month the whole installation may make, by the plan in force; `None` without a limit.
    pub fn calls_per_month(&self) -> Option<u64> {
        self.plan().calls_per_month
    }

    /// How many calls a month one workspace may make, by the setting `plan.` and its id; `None` without a limit of
    /// its own.
    pub fn calls_per_month_of(&self, workspace: &WorkspaceId) -> Option<u64> {
        let plan = self.get(&format!("{PLAN}.{workspace}"))?;
        Plan::parse(plan)?.calls_per_month
    }
}

impl Store {
    /// One setting, if it was set.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read("reading a setting", |connection| {
            select_one(connection, name)
        })
    }

    /// Every setting that was ever set.
    pub fn settings(&self) -> Result<Settings, StoreError> {
        self.read("reading the settings", select)
    }

    /// Takes a setting back to its default; answers whether it was set.
    pub fn unset_setting(&self, actor: &Actor, name: &str) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM settings WHERE name = ?1";
        let doing = "changing a setting";
        self.change(doing, actor, |tx| {
            let Some(before) = select_one(tx, name).doing(doing)? else {
                return Ok((false, None));
            };
            tx.execute(SQL, [name]).doing(doing)?;
            let entry =
                Entry::new("setting.unset", None, name, "").states(Some(before.into_bytes()), None);
            Ok((true, Some(entry)))
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
    let days = [RETENTION_DAYS, HISTORY_DAYS].contains(&name);
    if days && !value.parse().is_ok_and(|days| (1..=3650).contains(&days)) {
        return Err(StoreError::InvalidSetting {
            name: name.to_owned(),
            rule: "a number of days from 1 to 3650",
        });
    }
    if name == PLAN && Plan::parse(value).is_none() {
        return Err(StoreError::InvalidSetting {
            name: name.to_owned(),
            rule: "the JSON of a plan, as `toolgatectl plan show --json` prints it",
        });
    }
    Ok(())
}

fn parse_days(value: Option<&str>, default: u32) -> u32 {
    value.and_then(|days| days.parse().ok()).unwrap_or(default)
}

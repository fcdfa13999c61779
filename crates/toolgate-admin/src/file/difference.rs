//! What is different between two states, for people and programs.

use serde::Serialize;
use toml::{Table, Value};

/// One thing that is added, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// `added`, `changed` or `removed`.
    pub change: &'static str,
    /// `workspace`, `server`, `tool`, `token` or `order`.
    pub what: &'static str,
    /// Which one.
    pub name: String,
    /// What about it; of something that is removed, nothing.
    pub fields: Vec<FieldChange>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// As the file calls it.
    pub field: String,
    /// What it was; null when it was the default.
    pub old: Option<String>,
    /// What it becomes; null when that is the default.
    pub new: Option<String>,
}

impl FileChange {
    pub(super) fn added(what: &'static str, name: &str, new: &impl Serialize) -> Self {
        Self {
            change: "added",
            what,
            name: name.to_owned(),
            fields: differences(&Table::new(), &table(new)),
        }
    }

    /// `None` when nothing is different.
    pub(super) fn changed<T: Serialize>(
        what: &'static str,
        name: &str,
        old: &T,
        new: &T,
    ) -> Option<Self> {
        let fields = differences(&table(old), &table(new));
        (!fields.is_empty()).then(|| Self {
            change: "changed",
            what,
            name: name.to_owned(),
            fields,
        })
    }

    pub(super) fn removed(what: &'static str, name: &str) -> Self {
        Self {
            change: "removed",
            what,
            name: name.to_owned(),
            fields: Vec::new(),
        }
    }
}

fn table(entry: &impl Serialize) -> Table {
    // What is compared was read from a table, or could be.
    Table::try_from(entry).unwrap_or_default()
}

/// What is settled below `tools` is a change of its own, and so is the name.
fn differences(old: &Table, new: &Table) -> Vec<FieldChange> {
    let mut fields: Vec<&String> = new.keys().chain(old.keys()).collect();
    fields.sort_unstable();
    fields.dedup();
    let is_shown = |field: &&String| {
        let is_own = |table: &Table| table.get(*field).is_some_and(Value::is_table);
        *field != "name" && !is_own(old) && !is_own(new)
    };
    fields
        .into_iter()
        .filter(is_shown)
        .filter_map(|field| {
            let (old, new) = (old.get(field), new.get(field));
            (old != new).then(|| FieldChange {
                field: field.clone(),
                old: old.map(ToString::to_string),
                new: new.map(ToString::to_string),
            })
        })
        .collect()
}

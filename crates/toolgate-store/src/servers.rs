//! The servers of a workspace.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use toolgate_namespace::{
    EraSetting, Injection, Isolation, Prefix, ServerId, ServerSlug, ServerSpec, Timeouts,
    Transport, Trust, WorkspaceId,
};

use crate::audit::{Actor, Entry};
use crate::error::Doing;
use crate::limits::{self, Limit};
use crate::manifest::{self, Edit};
use crate::sql::{parsed, unreadable};
use crate::{Shred, Store, StoreError, WorkspaceScope};

impl Store {
    /// Adds a server; its id and slug must be free in the workspace.
    pub fn add_server(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        spec: &ServerSpec,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO servers
            (id, workspace_id, slug, enabled, display_order, version, options)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let doing = "adding a server";
        scope.owns("server", &spec.workspace)?;
        self.change(doing, actor, |tx| {
            scope.still_exists(tx)?;
            refuse_taken(tx, scope, spec)?;
            limits::make_room(tx, &Limit::Servers(scope))?;
            let values = params![
                spec.id.as_str(),
                scope.id(),
                spec.slug.as_str(),
                spec.enabled,
                spec.display_order,
                spec.version,
                Options::of(spec).to_json(),
            ];
            tx.execute(SQL, values).doing(doing)?;
            Ok(((), Some(entry("server.add", None, Some(spec)))))
        })
    }

    /// Saves everything but id, workspace and slug; the version becomes the stored one plus 1 (S-47).
    pub fn update_server(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        spec: &ServerSpec,
    ) -> Result<(), StoreError> {
        scope.owns("server", &spec.workspace)?;
        self.change("changing a server", actor, |tx| {
            let before = find(tx, scope, &spec.id)?;
            let after = ServerSpec {
                slug: before.slug.clone(),
                version: before.version + 1,
                ..spec.clone()
            };
            update(tx, &after).doing("changing a server")?;
            Ok((
                (),
                Some(entry("server.change", Some(&before), Some(&after))),
            ))
        })
    }

    /// Removes a server with its tools and the secrets that were for it alone.
    pub fn remove_server(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
    ) -> Result<Shred, StoreError> {
        const SQL: &str = "DELETE FROM servers WHERE id = ?1";
        let doing = "removing a server";
        self.change(doing, actor, |tx| {
            let before = find(tx, scope, server)?;
            tx.execute(SQL, [server.as_str()]).doing(doing)?;
            // Its own secrets went with it.
            let edit = Edit::RemoveServer(server);
            manifest::edit(tx, &*self.key_in_force(tx)?, scope.id(), [edit])?;
            Ok(((), Some(entry("server.remove", Some(&before), None))))
        })?;
        Ok(self.shred())
    }

    /// Switches a server on or off.
    pub fn set_server_enabled(
        &self,
        scope: &WorkspaceScope,
        actor: &Actor,
        server: &ServerId,
        enabled: bool,
    ) -> Result<(), StoreError> {
        let doing = "switching a server on or off";
        self.change(doing, actor, |tx| {
            let before = find(tx, scope, server)?;
            if before.enabled == enabled {
                return Ok(((), None));
            }
            let after = ServerSpec {
                enabled,
                version: before.version + 1,
                ..before.clone()
            };
            update(tx, &after).doing(doing)?;
            let action = if enabled {
                "server.enable"
            } else {
                "server.disable"
            };
            Ok(((), Some(entry(action, Some(&before), Some(&after)))))
        })
    }

    /// The servers of a workspace, in display order.
    pub fn servers(&self, scope: &WorkspaceScope) -> Result<Vec<ServerSpec>, StoreError> {
        self.read("listing servers", |connection| {
            select(connection, Some(scope.workspace()))
        })
    }

    /// The server with this slug.
    pub fn server(
        &self,
        scope: &WorkspaceScope,
        slug: &ServerSlug,
    ) -> Result<ServerSpec, StoreError> {
        const SQL: &str = "SELECT id, workspace_id, slug, enabled, display_order, version, options
            FROM servers WHERE workspace_id = ?1 AND slug = ?2";
        let found = self.read("reading a server", |connection| {
            connection
                .prepare_cached(SQL)?
                .query_row((scope.id(), slug.as_str()), read)
                .optional()
        })?;
        found.ok_or_else(|| unknown(slug.as_str()))
    }
}

/// Servers of one workspace or of all, in display order.
pub(crate) fn select(
    connection: &Connection,
    workspace: Option<&WorkspaceId>,
) -> rusqlite::Result<Vec<ServerSpec>> {
    const SQL: &str = "SELECT id, workspace_id, slug, enabled, display_order, version, options
        FROM servers WHERE ?1 IS NULL OR workspace_id = ?1
        ORDER BY workspace_id, display_order, id";
    connection
        .prepare_cached(SQL)?
        .query_map([workspace.map(WorkspaceId::as_str)], read)?
        .collect()
}

/// The server with this id, if it is one of the workspace's.
pub(crate) fn find(
    connection: &Connection,
    scope: &WorkspaceScope,
    id: &ServerId,
) -> Result<ServerSpec, StoreError> {
    const SQL: &str = "SELECT id, workspace_id, slug, enabled, display_order, version, options
        FROM servers WHERE workspace_id = ?1 AND id = ?2";
    connection
        .query_row(SQL, (scope.id(), id.as_str()), read)
        .optional()
        .doing("reading a server")?
        .ok_or_else(|| unknown(id.as_str()))
}

/// Counts a server's version up because something it uses changed (S-47).
pub(crate) fn bump_version(tx: &Transaction<'_>, id: &ServerId) -> rusqlite::Result<()> {
    const SQL: &str = "UPDATE servers SET version = version + 1 WHERE id = ?1";
    tx.execute(SQL, [id.as_str()])?;
    Ok(())
}

fn unknown(name: &str) -> StoreError {
    StoreError::Unknown {
        what: "server",
        name: name.to_owned(),
    }
}

fn refuse_taken(
    connection: &Connection,
    scope: &WorkspaceScope,
    spec: &ServerSpec,
) -> Result<(), StoreError> {
    const SQL: &str = "SELECT 1 FROM servers WHERE id = ?1 OR (workspace_id = ?2 AND slug = ?3)";
    let names = (spec.id.as_str(), scope.id(), spec.slug.as_str());
    let taken = connection
        .query_row(SQL, names, |_| Ok(()))
        .optional()
        .doing("adding a server")?;
    match taken {
        None => Ok(()),
        Some(()) => Err(StoreError::Taken {
            what: "server",
            name: spec.slug.as_str().to_owned(),
        }),
    }
}

fn update(tx: &Transaction<'_>, spec: &ServerSpec) -> rusqlite::Result<()> {
    const SQL: &str = "UPDATE servers
        SET enabled = ?2, display_order = ?3, version = ?4, options = ?5 WHERE id = ?1";
    tx.execute(
        SQL,
        params![
            spec.id.as_str(),
            spec.enabled,
            spec.display_order,
            spec.version,
            Options::of(spec).to_json(),
        ],
    )?;
    Ok(())
}

fn entry(action: &'static str, before: Option<&ServerSpec>, after: Option<&ServerSpec>) -> Entry {
    let state = |spec: &ServerSpec| {
        serde_json::to_vec(spec).expect("text, numbers and flags have a JSON form")
    };
    let spec = after.or(before).expect("a change has a before or an after");
    Entry::new(
        action,
        Some(&spec.workspace),
        spec.id.as_str(),
        spec.slug.as_str(),
    )
    .states(before.map(state), after.map(state))
}

fn read(row: &Row<'_>) -> rusqlite::Result<ServerSpec> {
    let options = row.get_ref(6)?.as_str()?;
    let options: Options = serde_json::from_str(options).map_err(|error| unreadable(6, error))?;
    Ok(ServerSpec {
        id: parsed(row, 0, |id| id.try_into())?,
        workspace: parsed(row, 1, |id| id.try_into())?,
        slug: parsed(row, 2, |slug| slug.try_into())?,
        transport: options.transport,
        era: options.era,
        prefix: options.prefix,
        isolation: options.isolation,
        injections: options.injections,
        timeouts: options.timeouts.into(),
        enabled: row.get(3)?,
        display_order: row.get(4)?,
        allowed_origin: options.allowed_origin,
        trust: options.trust,
        version: row.get(5)?,
    })
}

/// What the `options` column holds: everything that no query asks for.
///
/// A member that is missing has its default, and members that are not known are ignored, so that two
/// versions of the program can share a store while one replaces the other.
#[derive(Serialize, Deserialize)]
struct Options {
    transport: Transport,
    #[serde(default)]
    era: EraSetting,
    #[serde(default)]
    prefix: Prefix,
    #[serde(default)]
    isolation: Isolation,
    #[serde(default)]
    injections: Vec<Injection>,
    #[serde(default)]
    timeouts: TimeoutsMs,
    #[serde(default)]
    allowed_origin: Option<String>,
    #[serde(default)]
    trust: Trust,
}

impl Options {
    fn of(spec: &ServerSpec) -> Self {
        Self {
            transport: spec.transport.clone(),
            era: spec.era,
            prefix: spec.prefix,
            isolation: spec.isolation,
            injections: spec.injections.clone(),
            timeouts: spec.timeouts.into(),
            allowed_origin: spec.allowed_origin.clone(),
            trust: spec.trust,
        }
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text, numbers and flags have a JSON form")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_field_names,
    reason = "the stored names carry their unit"
)]
struct TimeoutsMs {
    connect_ms: u64,
    list_ms: u64,
    call_idle_ms: u64,
    call_max_ms: u64,
}

impl Default for TimeoutsMs {
    fn default() -> Self {
        Timeouts::default().into()
    }
}

impl From<Timeouts> for TimeoutsMs {
    fn from(timeouts: Timeouts) -> Self {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            connect_ms: ms(timeouts.connect),
            list_ms: ms(timeouts.list),
            call_idle_ms: ms(timeouts.call_idle),
            call_max_ms: ms(timeouts.call_max),
        }
    }
}

impl From<TimeoutsMs> for Timeouts {
    fn from(timeouts: TimeoutsMs) -> Self {
        Self {
            connect: Duration::from_millis(timeouts.connect_ms),
            list: Duration::from_millis(timeouts.list_ms),
            call_idle: Duration::from_millis(timeouts.call_idle_ms),
            call_max: Duration::from_millis(timeouts.call_max_ms),
        }
    }
}

//! What becomes of what a server lists: the rules of S-50, and pins as the router takes them.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use ring::digest::{SHA256, digest};
use toolgate_namespace::{Baseline, Changes, ServerIdentity, ServerSpec, WorkspaceSlug};
use toolgate_policy::{Role, Standing};
use toolgate_protocol::trust::{Change, Scanner, judge};
use toolgate_protocol::{Json, JsonLimits, Revision, ToolDefinition};
use toolgate_router::{Link, PinnedTool, Pins, ToolList};
use toolgate_store::{
    Actor, Listed, Observed, OfferedTool, Ruling, ServerPin, Store, ToolRow, ToolState,
};

use super::turns::in_turn;

/// Holds a list against the store's pins and saves what is new, off the runtime.
pub(super) fn pin(
    store: &Store,
    workspace: &WorkspaceSlug,
    link: &Link,
    tools: &ToolList,
) -> BoxFuture<'static, Result<Pins, Arc<str>>> {
    let (store, workspace) = (store.clone(), workspace.clone());
    let (spec, known) = (link.spec().clone(), known(link, tools));
    let revision = revision_of(link);
    let offered = offered(tools);
    async move {
        let observing = in_turn(move || {
            let scope = store.scope(&workspace)?;
            let rule = |listed: Listed<'_>| rule(&spec, &listed);
            let observed =
                store.observe_tools(&scope, &Actor::gateway(), &spec.id, &offered, rule)?;
            Ok(pins(&observed, &spec, revision, &known))
        });
        match observing.await {
            Ok(Ok(pins)) => Ok(pins),
            Ok(Err(error)) => {
                let error: toolgate_store::StoreError = error;
                tracing::error!("the pins of a server's tools cannot be read or written");
                Err(format!("its tools could not be pinned: {error}").into())
            }
            Err(_) => Err("its tools could not be pinned".into()),
        }
    }
    .boxed()
}

/// Definitions that are read already: what the server just listed, and what is pinned.
pub(super) fn known(link: &Link, listed: &[Arc<ToolDefinition>]) -> ToolList {
    let pinned = link.known().map(|pins| pins.definitions());
    let pinned = pinned.unwrap_or_default();
    listed.iter().cloned().chain(pinned).collect()
}

pub(super) fn revision_of(link: &Link) -> Option<Revision> {
    link.snapshot().map(|snapshot| snapshot.revision)
}

/// A list as the store takes it. A name that is repeated counts once, as in lists (P9.5).
fn offered(tools: &[Arc<ToolDefinition>]) -> Vec<OfferedTool> {
    let mut names = std::collections::HashSet::new();
    tools
        .iter()
        .filter(|tool| names.insert(tool.name.clone()))
        .map(|tool| OfferedTool {
            name: tool.name.to_string(),
            definition: tool.raw.bytes().to_vec(),
            hash: hash(tool),
        })
        .collect()
}

fn hash(tool: &ToolDefinition) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &tool.canonical()).as_ref());
    hash
}

/// What becomes of a definition that is not the pinned one (docs/tools.md has the table).
fn rule(spec: &ServerSpec, listed: &Listed<'_>) -> Ruling {
    if spec.trust.changes == Changes::Accept {
        return Ruling::Accept;
    }
    let hold = |reason: &str| Ruling::Hold(reason.to_owned());
    let Some(definition) = parse(&listed.offered.definition) else {
        return hold("its definition cannot be read");
    };
    let unless_hidden = || match Scanner::default().quarantines(&definition) {
        Some(class) => Ruling::Hold(format!("its definition has {}", class.meaning())),
        None => Ruling::Accept,
    };
    let Some(row) = listed.known else {
        return match (listed.is_first, spec.trust.baseline) {
            (true, Baseline::First) => unless_hidden(),
            (true, Baseline::Review) => hold("nobody has approved it yet"),
            (false, _) => hold("it is new"),
        };
    };
    let was_approved = row.state == ToolState::Approved || row.offer.is_some();
    if !was_approved {
        return hold(
            row.reason
                .as_deref()
                .unwrap_or("nobody has approved it yet"),
        );
    }
    let Some(pinned) = parse(&row.definition) else {
        return hold("its pinned definition cannot be read");
    };
    match judge(&pinned, &definition) {
        Change::None | Change::Cosmetic => unless_hidden(),
        Change::Words(what) => Ruling::Keep(what.to_owned()),
        Change::Breaking(what) => hold(what),
    }
}

/// Pins as the router takes them, from what the store has.
pub(super) fn pins(
    observed: &Observed,
    spec: &ServerSpec,
    revision: Option<Revision>,
    known: &[Arc<ToolDefinition>],
) -> Pins {
    let quarantined = is_quarantined(observed.server.as_ref(), spec);
    let present = observed.tools.iter().filter(|row| row.present);
    let tools = present.filter_map(|row| {
        let definition = definition(row, revision, known);
        if definition.is_none() {
            // Without a definition there is nothing to serve, so nothing is (S-01).
            tracing::error!(server = %spec.slug, "the pinned definition of a tool cannot be read");
        }
        Some(PinnedTool {
            definition: definition?,
            standing: standing(row, quarantined),
            classification: row.classification,
            least: Role::ReadOnly,
        })
    });
    Pins {
        generation: observed.generation,
        tools: tools.collect(),
    }
}

/// Whether the server is another one than was approved.
fn is_quarantined(pin: Option<&ServerPin>, spec: &ServerSpec) -> bool {
    let configured = ServerIdentity::of(&spec.transport);
    spec.trust.changes == Changes::Hold
        && pin.is_some_and(|pin| pin.quarantined(&configured).is_some())
}

fn standing(row: &ToolRow, quarantined: bool) -> Standing {
    if !row.enabled {
        Standing::Disabled
    } else if quarantined || row.state == ToolState::Held {
        Standing::Held
    } else {
        Standing::Approved
    }
}

/// The pinned definition: as it was read from the server if that is at hand, since the store keeps its text alone.
fn definition(
    row: &ToolRow,
    revision: Option<Revision>,
    known: &[Arc<ToolDefinition>],
) -> Option<Arc<ToolDefinition>> {
    let is_it = |tool: &&Arc<ToolDefinition>| {
        *tool.name == *row.name && tool.raw.bytes() == &row.definition[..]
    };
    if let Some(known) = known.iter().find(is_it) {
        return Some(known.clone());
    }
    let from = revision.unwrap_or(Revision::LATEST_LEGACY);
    let definition = ToolDefinition::parse(parse(&row.definition)?, from).ok()?;
    Some(Arc::new(definition))
}

fn parse(text: &[u8]) -> Option<Json> {
    Json::parse(Bytes::copy_from_slice(text), &JsonLimits::UPSTREAM).ok()
}

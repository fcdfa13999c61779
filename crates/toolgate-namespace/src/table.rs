//! The bijection between exposed names and tools, for one workspace.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::{ExposedName, ServerId, ServerSlug, ToolName};

/// Where an exposed name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolTarget {
    /// The server that owns the tool.
    pub server: ServerId,
    /// The tool's own name there.
    pub tool: ToolName,
    /// The name clients see in lists.
    pub exposed: ExposedName,
    /// Place of the tool in the list given for its server.
    pub index: usize,
    /// The full name, where `exposed` had to differ from it.
    full: Option<Arc<str>>,
}

impl ToolTarget {
    /// The full `{server}__{tool}`; equal to the exposed name unless that was shortened or cleaned.
    pub fn full_name(&self) -> &str {
        self.full.as_deref().unwrap_or(self.exposed.as_str())
    }
}

/// A tool that is neither listed nor callable; its operator should hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// The server that owns the tool.
    pub server: ServerId,
    /// The tool's own name there.
    pub tool: ToolName,
    /// Why it is hidden.
    pub reason: HiddenReason,
}

/// Why a tool is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HiddenReason {
    /// Its server listed the same name before; the first one is listed (P9.5).
    Repeated,
    /// It and another tool would have one exposed name; neither is listed (P9.5, S-33).
    Collision,
    /// It has no prefix of its own and its name begins with the prefix of another server (S-33).
    ///
    /// A tool rule such as `github__*` would otherwise let it pass for a tool of `github`.
    BorrowedPrefix,
}

/// Exposed name → tool, for one workspace, in list order.
///
/// Built once per change of a catalog, then only read: a lookup is one hash of the text a client
/// sent. The hash is keyed, since servers choose the names.
#[derive(Debug, Default)]
pub struct ToolTable {
    targets: Vec<ToolTarget>,
    /// Exposed and full names → place in `targets`.
    ///
    /// Both kinds fit in one map: a full name that differs from its exposed name is too long or
    /// has other characters, so it is nobody's exposed name.
    places: HashMap<Arc<str>, usize>,
    hidden: Vec<Hidden>,
}

impl ToolTable {
    /// Builds the table from servers in display order, each with its tools in its own order (P9.7).
    ///
    /// Without a slug a server's names have no prefix (P9.6). `max` is the longest exposed name, see
    /// [`ExposedName::new`].
    pub fn build<'a>(
        servers: impl IntoIterator<Item = (ServerId, Option<&'a ServerSlug>, &'a [ToolName])>,
        max: usize,
    ) -> Self {
        let servers: Vec<_> = servers.into_iter().collect();
        let slugs: Vec<&str> = servers
            .iter()
            .filter_map(|(_, slug, _)| slug.map(ServerSlug::as_str))
            .collect();
        let mut draft = Draft::with_capacity(servers.iter().map(|(_, _, tools)| tools.len()).sum());
        for (server, slug, tools) in &servers {
            for (index, tool) in tools.iter().enumerate() {
                let full = ExposedName::full(*slug, tool);
                let exposed = ExposedName::from_full(&full, max);
                if slug.is_none() && borrows_prefix(&exposed, &slugs) {
                    draft.hide(server, tool, HiddenReason::BorrowedPrefix);
                    continue;
                }
                let full = (full != exposed.as_str()).then(|| full.into());
                draft.add(ToolTarget {
                    server: server.clone(),
                    tool: tool.clone(),
                    exposed,
                    index,
                    full,
                });
            }
        }
        draft.finish()
    }

    /// Finds a listed tool by its exposed name or by its full name.
    pub fn find(&self, name: &str) -> Option<&ToolTarget> {
        self.places.get(name).map(|place| &self.targets[*place])
    }

    /// Place of a listed tool in [`iter`](Self::iter), by its exposed or by its full name: for callers
    /// that keep something beside each tool.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Every listed tool, in list order.
    pub fn iter(&self) -> std::slice::Iter<'_, ToolTarget> {
        self.targets.iter()
    }

    /// Every tool that was left out, and why.
    pub fn hidden(&self) -> &[Hidden] {
        &self.hidden
    }
}

impl<'a> IntoIterator for &'a ToolTable {
    type Item = &'a ToolTarget;
    type IntoIter = std::slice::Iter<'a, ToolTarget>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A table under construction: collisions show only when the second tool arrives.
struct Draft {
    targets: Vec<ToolTarget>,
    collides: Vec<bool>,
    places: HashMap<Arc<str>, usize>,
    hidden: Vec<Hidden>,
}

impl Draft {
    fn with_capacity(tools: usize) -> Self {
        Self {
            targets: Vec::with_capacity(tools),
            collides: Vec::with_capacity(tools),
            places: HashMap::with_capacity(tools),
            hidden: Vec::new(),
        }
    }

    fn hide(&mut self, server: &ServerId, tool: &ToolName, reason: HiddenReason) {
        self.hidden.push(Hidden {
            server: server.clone(),
            tool: tool.clone(),
            reason,
        });
    }

    fn add(&mut self, target: ToolTarget) {
        match self.places.entry(target.exposed.shared()) {
            Entry::Vacant(entry) => {
                entry.insert(self.targets.len());
                self.targets.push(target);
                self.collides.push(false);
            }
            Entry::Occupied(entry) => {
                let first = *entry.get();
                let holder = &self.targets[first];
                if holder.server == target.server && holder.tool == target.tool {
                    self.hide(&target.server, &target.tool, HiddenReason::Repeated);
                } else {
                    self.collides[first] = true;
                    self.hide(&target.server, &target.tool, HiddenReason::Collision);
                }
            }
        }
    }

    fn finish(mut self) -> ToolTable {
        if self.collides.contains(&true) {
            self.drop_collisions();
        }
        for (place, target) in self.targets.iter().enumerate() {
            if let Some(full) = &target.full {
                self.places.insert(Arc::clone(full), place);
            }
        }
        ToolTable {
            targets: self.targets,
            places: self.places,
            hidden: self.hidden,
        }
    }

    /// Hides the first holder of each contested name as well, and numbers the rest anew.
    fn drop_collisions(&mut self) {
        self.places.clear();
        let targets = std::mem::take(&mut self.targets);
        for (target, collides) in targets.into_iter().zip(std::mem::take(&mut self.collides)) {
            if collides {
                self.hide(&target.server, &target.tool, HiddenReason::Collision);
            } else {
                let place = self.targets.len();
                self.places.insert(target.exposed.shared(), place);
                self.targets.push(target);
            }
        }
    }
}

/// Whether the name of a tool without prefix reads as one of another server's.
///
/// Asked of the exposed name: cleaning can make a separator (`github_/x`) but never unmake one.
fn borrows_prefix(exposed: &ExposedName, slugs: &[&str]) -> bool {
    ExposedName::split(exposed.as_str()).is_some_and(|(prefix, _)| slugs.contains(&prefix))
}

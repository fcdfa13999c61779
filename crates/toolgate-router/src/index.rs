//! Which server each listed URI belongs to (P9.16, P9.17, P9.19).

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use toolgate_namespace::Prefix;
use toolgate_policy::Standing;
use toolgate_protocol::mcp::{
    ResourceDefinition, explicit_uri, split_explicit_uri, template_matches,
};
use toolgate_upstream::ListKind;

use crate::link::Link;
use crate::ui::ui_uris;

/// The URIs and templates of all links of a workspace, as far as their lists are remembered.
#[derive(Debug)]
pub(crate) struct UriIndex {
    links: Vec<Arc<Link>>,
    /// URIs and templates, and the place of the first link that has it.
    owners: HashMap<Box<str>, usize>,
    /// Templates in list order.
    templates: Vec<(usize, Arc<ResourceDefinition>)>,
    /// URI schemes and the link that has them; `None` when several do.
    schemes: HashMap<String, Option<usize>>,
}

impl UriIndex {
    pub(crate) fn build(links: &[Arc<Link>]) -> Self {
        let mut index = Self {
            links: links.to_vec(),
            owners: HashMap::new(),
            templates: Vec::new(),
            schemes: HashMap::new(),
        };
        // Whatever a lone server is asked for is its own.
        if links.len() > 1 {
            for (place, link) in links.iter().enumerate() {
                index.add(place, link);
            }
        }
        index
    }

    fn add(&mut self, place: usize, link: &Link) {
        if link.offers("resources") {
            for resource in remembered(link, ListKind::Resources) {
                self.claim(place, &resource.uri);
            }
            for template in remembered(link, ListKind::ResourceTemplates) {
                self.claim(place, &template.uri);
                self.templates.push((place, template));
            }
        }
        // A tool's resource need not be listed, and tools are known before resources are.
        // One that is held claims nothing.
        let pins = link.known().unwrap_or_default();
        let had = pins
            .tools
            .iter()
            .filter(|tool| tool.standing == Standing::Approved);
        for tool in had {
            for uri in ui_uris(&tool.definition) {
                self.claim(place, &uri);
            }
        }
    }

    fn claim(&mut self, place: usize, uri: &str) {
        if let Some(scheme) = scheme(uri) {
            match self.schemes.entry(scheme) {
                Entry::Vacant(entry) => {
                    entry.insert(Some(place));
                }
                Entry::Occupied(mut entry) if *entry.get() != Some(place) => {
                    entry.insert(None);
                }
                Entry::Occupied(_) => {}
            }
        }
        self.owners.entry(uri.into()).or_insert(place);
    }

    /// The place of the first link that lists exactly this URI or template.
    pub(crate) fn owner(&self, uri: &str) -> Option<usize> {
        self.owners.get(uri).copied()
    }

    /// The first template in order that the URI fits (P9.21), else the only link that has its scheme.
    pub(crate) fn likely_owner(&self, uri: &str) -> Option<usize> {
        let by_template = self
            .templates
            .iter()
            .find(|(_, template)| template_matches(&template.uri, uri));
        match by_template {
            Some((place, _)) => Some(*place),
            None => self.schemes.get(&scheme(uri)?).copied().flatten(),
        }
    }

    /// The link that the URI names explicitly, and its own URI there (P9.17).
    pub(crate) fn explicit<'u>(&self, uri: &'u str) -> Option<(&Arc<Link>, Cow<'u, str>)> {
        let prefixed = self.links.len() > 1 || !is_transparent(&self.links);
        let (slug, own) = split_explicit_uri(uri).filter(|_| prefixed)?;
        let mut links = self.links.iter();
        let link = links.find(|link| link.spec().slug.as_str() == slug)?;
        Some((link, own))
    }

    /// The URI or template as clients see it: bare for the first link that has it, explicit for later ones, and
    /// for one that would be read as explicit (P9.17).
    pub(crate) fn shown<'u>(&self, link: &Link, uri: &'u str) -> Cow<'u, str> {
        if self.links.len() < 2 {
            return Cow::Borrowed(uri);
        }
        let before = self
            .links
            .iter()
            .take_while(|other| other.spec().id != link.spec().id);
        let is_taken = self.owner(uri).is_some_and(|owner| owner < before.count());
        if is_taken || self.explicit(uri).is_some() {
            Cow::Owned(explicit_uri(link.spec().slug.as_str(), uri))
        } else {
            Cow::Borrowed(uri)
        }
    }
}

/// Whether names and URIs of the workspace are left as they are (P9.6).
pub(crate) fn is_transparent(links: &[Arc<Link>]) -> bool {
    matches!(links, [only] if only.spec().prefix == Prefix::None)
}

fn remembered(link: &Link, kind: ListKind) -> Vec<Arc<ResourceDefinition>> {
    let stretch = link.memory(kind).said();
    stretch.map_or_else(Vec::new, |stretch| stretch.items.clone())
}

/// The scheme of a URI, in lower case.
fn scheme(uri: &str) -> Option<String> {
    let (scheme, _) = uri.split_once(':')?;
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (!scheme.is_empty() && scheme.chars().all(is_scheme)).then(|| scheme.to_ascii_lowercase())
}

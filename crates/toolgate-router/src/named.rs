//! Things of many servers under their public names (P9.1–P9.7, P9.23).

use std::sync::Arc;

use toolgate_namespace::{
    ExposedName, Hidden, Prefix, ServerSlug, TOOL_NAME_MAX, ToolName, ToolTable,
};

use crate::link::Link;

/// What one link brings: the things it has, and the name of each.
#[derive(Debug)]
pub(crate) struct Offer<T> {
    link: Arc<Link>,
    things: Vec<T>,
    names: Vec<ToolName>,
}

impl<T> Offer<T> {
    /// An offer of things by their own names.
    pub(crate) fn new(link: &Arc<Link>, things: impl Iterator<Item = (ToolName, T)>) -> Self {
        let (names, things) = things.unzip();
        Self {
            link: link.clone(),
            things,
            names,
        }
    }

    fn slug(&self) -> Option<&ServerSlug> {
        let spec = self.link.spec();
        (spec.prefix == Prefix::Slug).then_some(&spec.slug)
    }
}

/// The names of one thing.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    /// The name clients use.
    pub(crate) exposed: &'a ExposedName,
    /// The unshortened form.
    pub(crate) full: &'a str,
    /// The name its server knows it by.
    pub(crate) own: &'a str,
}

/// Things of many servers in list order, found by their public names.
#[derive(Debug)]
pub(crate) struct Named<T> {
    table: ToolTable,
    things: Vec<Arc<T>>,
}

impl<T> Named<T> {
    /// Names what the links offer, in their order and then each server's own (P9.7).
    pub(crate) fn build<O>(
        offers: &[Offer<O>],
        make: impl Fn(&Arc<Link>, &Names<'_>, &O) -> T,
    ) -> Self {
        let table = ToolTable::build(
            offers.iter().map(|offer| {
                let id = offer.link.spec().id.clone();
                (id, offer.slug(), offer.names.as_slice())
            }),
            TOOL_NAME_MAX,
        );
        let things = table
            .iter()
            .filter_map(|target| {
                let offer = offers.iter().find(|o| o.link.spec().id == target.server)?;
                let names = Names {
                    exposed: &target.exposed,
                    full: target.full_name(),
                    own: target.tool.as_str(),
                };
                let thing = offer.things.get(target.index)?;
                Some(Arc::new(make(&offer.link, &names, thing)))
            })
            .collect();
        Self { table, things }
    }

    /// The thing behind a name, shortened or full.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<T>> {
        self.table
            .position(name)
            .and_then(|place| self.things.get(place))
    }

    /// Everything, in list order.
    pub(crate) fn all(&self) -> &[Arc<T>] {
        &self.things
    }

    /// What could not be given a public name.
    pub(crate) fn hidden(&self) -> &[Hidden] {
        self.table.hidden()
    }
}

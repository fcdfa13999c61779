//! What a server may change of a tool without anybody's word (S-50).

use super::schema::{self, Fit};
use crate::mcp::canonical::{canonical, canonical_by_value};
use crate::{Json, Object};

/// How what a server offers differs from what was pinned, by what it takes to serve it.
///
/// Ordered from harmless to harmful; of several differences the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The same, whatever the order of members, the white space and the spelling of strings.
    None,
    /// Nothing that a model reads and nothing that a call depends on: icons, or another spelling of a number.
    /// The pin may move.
    Cosmetic,
    /// What a model reads, or what a call may hold beyond before: held until somebody approves it. The pinned
    /// definition still describes calls that the server takes, so that one is served meanwhile.
    Words(
        /// What changed, as it is told to people.
        &'static str,
    ),
    /// Calls made by the pinned definition may fail or do something else: held, and nothing is served.
    Breaking(
        /// What changed, as it is told to people.
        &'static str,
    ),
}

/// Compares an offered definition with the pinned one of the same tool.
///
/// Whatever is not known to be harmless is held: a member nobody has heard of counts as words.
pub fn judge(pinned: &Json, offered: &Json) -> Change {
    if canonical(pinned) == canonical(offered) {
        return Change::None;
    }
    let (Some(before), Some(after)) = (pinned.object(), offered.object()) else {
        return Change::Breaking("it is not a definition any more");
    };
    let added = after.keys().filter(|name| !before.contains(name));
    let names = before.keys().chain(added);
    names
        .map(|name| member(&name, before.get(&name), after.get(&name), &before, &after))
        .fold(Change::Cosmetic, Ord::max)
}

fn member(
    name: &str,
    before: Option<Json>,
    after: Option<Json>,
    pinned: &Object,
    offered: &Object,
) -> Change {
    if before.as_ref().map(canonical_by_value) == after.as_ref().map(canonical_by_value) {
        return Change::Cosmetic;
    }
    match name {
        "icons" => Change::Cosmetic,
        "title" => Change::Words("its title changed"),
        "description" => Change::Words("its description changed"),
        "name" => Change::Breaking("its name changed"),
        "inputSchema" => input(before, after),
        "outputSchema" => output(before, after),
        "annotations" if danger(offered) > danger(pinned) => {
            Change::Breaking("it says that it is more dangerous than it was")
        }
        "annotations" => Change::Words("its annotations changed"),
        "execution" => Change::Breaking("it is to be run in another way"),
        "_meta" => Change::Words("its metadata changed"),
        _ => Change::Words("a member that the specification does not know changed"),
    }
}

fn input(before: Option<Json>, after: Option<Json>) -> Change {
    let narrower = Change::Breaking("its input schema does not take what it took");
    let (Some(before), Some(after)) = (before, after) else {
        return narrower;
    };
    match schema::compare(&before, &after) {
        Fit::Same => Change::Cosmetic,
        Fit::Words => Change::Words("words in its input schema changed"),
        Fit::Wider => Change::Words("its input schema takes more than it did"),
        Fit::Narrower => narrower,
    }
}

/// Clients hold results against the schema they were given, so only its words may differ.
fn output(before: Option<Json>, after: Option<Json>) -> Change {
    let Some(before) = before else {
        return Change::Words("its results have a schema now");
    };
    match after.map(|after| schema::compare(&before, &after)) {
        Some(Fit::Same) => Change::Cosmetic,
        Some(Fit::Words) => Change::Words("words in its output schema changed"),
        Some(Fit::Wider | Fit::Narrower) | None => {
            Change::Breaking("its results have another shape than they had")
        }
    }
}

/// What the annotations admit, the worse the greater; what is absent counts as the worse (S-54).
fn danger(definition: &Object) -> (u8, bool) {
    let hints = definition.object("annotations");
    let hint = |name| hints.as_ref().and_then(|hints| hints.get(name)?.as_bool());
    let effect = match (hint("readOnlyHint"), hint("destructiveHint")) {
        (Some(true), _) => 0,
        (_, Some(false)) => 1,
        _ => 2,
    };
    (effect, hint("openWorldHint") != Some(false))
}

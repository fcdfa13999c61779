//! Two definitions side by side, character by character (S-51).

use std::collections::BTreeMap;

use super::letters::reveal;
use crate::mcp::canonical::canonical_by_value;
use crate::{Json, JsonKind};

/// Texts longer than this in characters are compared by their ends alone.
const MAX_COMPARED: usize = 4096;

/// One place where two definitions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, such as `inputSchema.properties.path.description`.
    pub place: String,
    /// What stands there, in order: what stayed, what is gone, what is new. Invisible characters are written out.
    pub parts: Vec<Part>,
}

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// In both.
    Same(String),
    /// Only in the pinned one.
    Gone(String),
    /// Only in the offered one.
    Added(String),
}

/// Every place where two definitions differ, in the order of their names.
pub fn differences(pinned: &Json, offered: &Json) -> Vec<Difference> {
    let mut leaves: BTreeMap<String, (Option<Leaf>, Option<Leaf>)> = BTreeMap::new();
    collect(pinned, "", &mut |place, leaf| {
        leaves.entry(place).or_default().0 = Some(leaf);
    });
    collect(offered, "", &mut |place, leaf| {
        leaves.entry(place).or_default().1 = Some(leaf);
    });
    leaves
        .into_iter()
        .filter(|(_, (before, after))| {
            before.as_ref().map(Leaf::key) != after.as_ref().map(Leaf::key)
        })
        .map(|(place, (before, after))| Difference {
            place: reveal(&place),
            parts: match (before, after) {
                (Some(before), Some(after)) => compare(&before.text, &after.text),
                (Some(before), None) => vec![Part::Gone(reveal(&before.text))],
                (None, Some(after)) => vec![Part::Added(reveal(&after.text))],
                (None, None) => Vec::new(),
            },
        })
        .collect()
}

struct Leaf {
    text: String,
    spelled: Vec<u8>,
}

impl Leaf {
    fn key(&self) -> &[u8] {
        &self.spelled
    }
}

fn collect(value: &Json, place: &str, found: &mut impl FnMut(String, Leaf)) {
    let below = |name: &str| {
        if place.is_empty() {
            name.to_owned()
        } else {
            format!("{place}.{name}")
        }
    };
    match value.kind() {
        JsonKind::Object if value.object().is_some_and(|object| !object.is_empty()) => {
            for (name, member) in value.object().unwrap_or_default().iter() {
                collect(&member, &below(&name), found);
            }
        }
        JsonKind::Array if value.array().is_some_and(|list| !list.is_empty()) => {
            for (at, element) in value.array().unwrap_or_default().iter().enumerate() {
                collect(element, &below(&at.to_string()), found);
            }
        }
        _ => {
            let text = value
                .text()
                .map_or_else(|| value.as_str().to_owned(), Into::into);
            let spelled = canonical_by_value(value);
            found(place.to_owned(), Leaf { text, spelled });
        }
    }
}

fn compare(before: &str, after: &str) -> Vec<Part> {
    let (old, new): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let ends = old_rest.iter().rev().zip(new_rest.iter().rev());
    let tail = ends.take_while(|(a, b)| a == b).count();
    let old_middle = &old_rest[..old_rest.len() - tail];
    let new_middle = &new_rest[..new_rest.len() - tail];
    let mut parts = Parts::default();
    parts.same(&old[..head]);
    middle(old_middle, new_middle, &mut parts);
    parts.same(&old_rest[old_rest.len() - tail..]);
    parts.finish()
}

/// The longest common subsequence of what is left between equal ends.
fn middle(old: &[char], new: &[char], parts: &mut Parts) {
    if old.is_empty()
        || new.is_empty()
        || old.len().saturating_mul(new.len()) > MAX_COMPARED * MAX_COMPARED / 8
    {
        parts.gone(old);
        parts.added(new);
        return;
    }
    let width = new.len() + 1;
    let mut common = vec![0_u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1].saturating_add(1)
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            parts.same(&old[i..=i]);
            i += 1;
            j += 1;
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            parts.gone(&old[i..=i]);
            i += 1;
        } else {
            parts.added(&new[j..=j]);
            j += 1;
        }
    }
    parts.gone(&old[i..]);
    parts.added(&new[j..]);
}

/// Stretches under way: neighbours of one kind become one part.
#[derive(Default)]
struct Parts {
    done: Vec<Part>,
    gone: String,
    added: String,
    same: String,
}

impl Parts {
    fn same(&mut self, text: &[char]) {
        if !text.is_empty() {
            self.flush_changes();
            self.same.extend(text);
        }
    }

    fn gone(&mut self, text: &[char]) {
        if !text.is_empty() {
            self.flush_same();
            self.gone.extend(text);
        }
    }

    fn added(&mut self, text: &[char]) {
        if !text.is_empty() {
            self.flush_same();
            self.added.extend(text);
        }
    }

    fn flush_same(&mut self) {
        push(&mut self.done, &mut self.same, Part::Same);
    }

    fn flush_changes(&mut self) {
        push(&mut self.done, &mut self.gone, Part::Gone);
        push(&mut self.done, &mut self.added, Part::Added);
    }

    fn finish(mut self) -> Vec<Part> {
        self.flush_changes();
        self.flush_same();
        self.done
    }
}

fn push(done: &mut Vec<Part>, text: &mut String, part: fn(String) -> Part) {
    if !text.is_empty() {
        done.push(part(reveal(text)));
        text.clear();
    }
}

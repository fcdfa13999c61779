//! Changing an object by splicing its bytes.

use std::borrow::Cow;

use bytes::Bytes;

use super::index::Member;
use super::{Json, Object, Parts, string};

/// A changed copy of an object. Members that are not touched stay byte for byte, in their order; only
/// white space between members goes when something changes.
#[derive(Debug, Clone)]
pub struct ObjectEdit {
    source: Object,
    /// The members of the result, made by the first change; edits that change nothing cost nothing.
    items: Option<Vec<Item>>,
}

/// A member of the result.
#[derive(Debug, Clone)]
enum Item {
    /// As it stands in the source.
    Kept(Member),
    /// A new value under a name.
    New(Cow<'static, str>, Json),
}

impl ObjectEdit {
    /// Starts from nothing.
    pub fn new() -> Self {
        Self::of(Object::empty())
    }

    pub(super) fn of(source: Object) -> Self {
        Self {
            source,
            items: None,
        }
    }

    /// Replaces the value of a member where it stands, or appends the member.
    #[must_use]
    pub fn set(mut self, key: &str, value: Json) -> Self {
        let at = self.position(key);
        let item = Item::New(key.to_owned().into(), value);
        let items = self.items();
        match at {
            Some(at) => items[at] = item,
            None => items.push(item),
        }
        self
    }

    /// Puts a member first, removing it where it stood.
    #[must_use]
    pub fn put_first(mut self, key: &'static str, value: Json) -> Self {
        self = self.remove(key);
        self.items().insert(0, Item::New(key.into(), value));
        self
    }

    /// Removes a member; nothing happens when it is not there.
    #[must_use]
    pub fn remove(mut self, key: &str) -> Self {
        if let Some(at) = self.position(key) {
            self.items().remove(at);
        }
        self
    }

    /// Removes several members.
    #[must_use]
    pub fn without(mut self, keys: &[&str]) -> Self {
        let source = self.source.bytes().clone();
        let among = |member: &Member| keys.iter().any(|key| member.is(key, &source));
        if self.items.is_none() && !self.source.members().iter().any(among) {
            return self;
        }
        self.items().retain(|item| match item {
            Item::Kept(member) => !among(member),
            Item::New(name, _) => !keys.contains(&&**name),
        });
        self
    }

    /// Keeps the members whose decoded name the test accepts.
    #[must_use]
    pub fn retain(mut self, keep: impl Fn(&str) -> bool) -> Self {
        if self.items.is_none() && self.source.keys().all(|key| keep(&key)) {
            return self;
        }
        let text = self.source.bytes().clone();
        self.items().retain(|item| match item {
            Item::Kept(member) => keep(&member.key(&text)),
            Item::New(key, _) => keep(key),
        });
        self
    }

    /// Whether all members are as they were.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.items.is_none()
    }

    /// Whether no member is left.
    pub fn is_empty(&self) -> bool {
        match &self.items {
            Some(items) => items.is_empty(),
            None => self.source.is_empty(),
        }
    }

    /// The text; the source's own bytes when nothing changed.
    pub fn finish(self) -> Bytes {
        let source = self.source.bytes();
        let Some(items) = &self.items else {
            return source.clone();
        };
        let mut parts = Parts::default();
        let mut first = true;
        parts.raw(b"{");
        for item in items {
            parts.next(&mut first);
            match item {
                Item::Kept(member) => parts.raw(&source[member.whole()]),
                Item::New(key, value) => parts.text(key).raw(b":").raw(value.bytes()),
            };
        }
        parts.raw(b"}").join()
    }

    /// The text in parts that, strung together, are what [`ObjectEdit::finish`] gives: what is kept from the
    /// source is a slice of it, so a large member is not copied.
    pub fn finish_parts(self) -> Vec<Bytes> {
        let source = self.source.bytes();
        let Some(items) = &self.items else {
            return vec![source.clone()];
        };
        let mut parts = Vec::new();
        let mut text = vec![b'{'];
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            match item {
                Item::Kept(member) if member.whole().len() >= SLICE_MIN => {
                    parts.push(std::mem::take(&mut text).into());
                    parts.push(source.slice(member.whole()));
                }
                Item::New(key, value) if value.bytes().len() >= SLICE_MIN => {
                    string::quote_into(&mut text, key);
                    text.push(b':');
                    parts.push(std::mem::take(&mut text).into());
                    parts.push(value.bytes().clone());
                }
                small => small.push_to(&mut text, source),
            }
        }
        text.push(b'}');
        parts.push(text.into());
        parts
    }

    /// The result as a value.
    pub fn json(self) -> Json {
        match self.items {
            Some(_) => Json::trusted(self.finish()),
            None => self.source.into_json(),
        }
    }

    /// The result as an object.
    pub fn object(self) -> Object {
        // An edited object is an object.
        self.json().object().unwrap_or_default()
    }

    fn position(&self, key: &str) -> Option<usize> {
        let text = self.source.bytes();
        match &self.items {
            Some(items) => items.iter().position(|item| match item {
                Item::Kept(member) => member.is(key, text),
                Item::New(name, _) => &**name == key,
            }),
            None => self
                .source
                .members()
                .iter()
                .position(|member| member.is(key, text)),
        }
    }

    fn items(&mut self) -> &mut Vec<Item> {
        let source = &self.source;
        self.items.get_or_insert_with(|| {
            // Room for what is usually added.
            let mut items = Vec::with_capacity(source.len() + 4);
            items.extend(source.members().iter().copied().map(Item::Kept));
            items
        })
    }
}

impl Item {
    fn push_to(&self, text: &mut Vec<u8>, source: &[u8]) {
        match self {
            Self::Kept(member) => text.extend_from_slice(&source[member.whole()]),
            Self::New(key, value) => {
                string::quote_into(text, key);
                text.push(b':');
                text.extend_from_slice(value.bytes());
            }
        }
    }
}

/// From this size on a part of its own costs less than a copy.
const SLICE_MIN: usize = 4096;

impl Default for ObjectEdit {
    fn default() -> Self {
        Self::new()
    }
}

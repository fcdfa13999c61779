//! An object with an index of its members.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::scan::{Index, Scanner};
use super::{Json, JsonError, JsonKind, JsonLimits, ObjectEdit, string};

/// Where one member stands in the text of its object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// The name, between its quotes.
    pub(super) key_start: u32,
    pub(super) key_end: u32,
    pub(super) value_start: u32,
    pub(super) value_end: u32,
    /// Whether the name holds escapes.
    pub(super) escaped: bool,
}

impl Member {
    pub(super) fn raw_key<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.key_start as usize..self.key_end as usize]
    }

    pub(super) fn key<'t>(&self, text: &'t [u8]) -> Cow<'t, str> {
        string::decode(self.raw_key(text))
    }

    pub(super) fn is(&self, key: &str, text: &[u8]) -> bool {
        if self.escaped {
            self.key(text) == key
        } else {
            self.raw_key(text) == key.as_bytes()
        }
    }

    /// The value within the text of the object.
    pub(super) fn value(&self) -> std::ops::Range<usize> {
        self.value_start as usize..self.value_end as usize
    }

    /// The whole member within the text of the object, from the first quote of the name on.
    pub(super) fn whole(&self) -> std::ops::Range<usize> {
        self.key_start as usize - 1..self.value_end as usize
    }

    /// Makes the member one of a text that begins `by` bytes later.
    pub(super) fn shift(&mut self, by: u32) {
        self.key_start -= by;
        self.key_end -= by;
        self.value_start -= by;
        self.value_end -= by;
    }
}

/// One member, before anybody has decided what to make of it.
#[derive(Debug)]
pub(crate) struct MemberRef<'t> {
    object: &'t Bytes,
    member: Member,
    /// The index of the value, where the scan made one.
    index: Option<Vec<Member>>,
}

impl<'t> MemberRef<'t> {
    pub(super) fn new(object: &'t Bytes, member: Member, index: Option<Vec<Member>>) -> Self {
        Self {
            object,
            member,
            index,
        }
    }

    /// The decoded name.
    pub(crate) fn name(&self) -> Cow<'t, str> {
        self.member.key(self.object)
    }

    /// The text of the whole member, name and colon included.
    pub(crate) fn whole(&self) -> &'t [u8] {
        &self.object[self.member.whole()]
    }

    /// The text of the value.
    pub(crate) fn raw(&self) -> &'t [u8] {
        &self.object[self.member.value()]
    }

    /// The value, with its index.
    pub(crate) fn json(self) -> Json {
        let text = self.object.slice(self.member.value());
        Json {
            text,
            members: self.index.map(Arc::from),
        }
    }
}

/// The text of a validated object and an index of its members; order and bytes are kept.
///
/// Cloning is cheap: text and index are shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    json: Json,
}

impl Object {
    /// Validates `text` as one object.
    pub fn parse(text: Bytes, limits: &JsonLimits) -> Result<Self, JsonError> {
        let mut scanner = Scanner::new(limits, Index::Root);
        let text = scanner.run(text)?;
        if JsonKind::of(&text) != JsonKind::Object {
            return Err(JsonError::NotAnObject);
        }
        Ok(Self::indexed(text, scanner.take_root().into()))
    }

    /// `{}`
    pub fn empty() -> Self {
        Self::indexed(Bytes::from_static(b"{}"), Arc::default())
    }

    /// An object whose index is known.
    pub(crate) fn indexed(text: Bytes, members: Arc<[Member]>) -> Self {
        Self {
            json: Json {
                text,
                members: Some(members),
            },
        }
    }

    /// The object as a value that keeps the index.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// The object as a value that keeps the index.
    pub fn into_json(self) -> Json {
        self.json
    }

    /// The text, without white space around it.
    pub fn bytes(&self) -> &Bytes {
        &self.json.text
    }

    /// The value of a member.
    pub fn get(&self, key: &str) -> Option<Json> {
        self.find(key).map(|member| self.value(member))
    }

    /// The text of a member's value, borrowed: cheaper than [`Object::get`] where a look is enough.
    pub fn raw(&self, key: &str) -> Option<&[u8]> {
        self.find(key).map(|member| &self.bytes()[member.value()])
    }

    /// The decoded string of a member; `None` when absent or not a string.
    pub fn text(&self, key: &str) -> Option<String> {
        self.text_ref(key).map(Cow::into_owned)
    }

    /// The decoded string of a member, borrowed when it holds no escapes.
    pub fn text_ref(&self, key: &str) -> Option<Cow<'_, str>> {
        self.raw(key).and_then(string::decode_value)
    }

    /// A member that is an object, indexed.
    pub fn object(&self, key: &str) -> Option<Object> {
        self.get(key)?.object()
    }

    /// Whether the member is there.
    pub fn contains(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members().is_empty()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members().len()
    }

    /// The members in order, names decoded.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, Json)> {
        self.members()
            .iter()
            .map(|member| (member.key(self.bytes()), self.value(member)))
    }

    /// The names in order, decoded.
    pub fn keys(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.members().iter().map(|member| member.key(self.bytes()))
    }

    /// A copy with changes; see [`ObjectEdit`].
    pub fn edit(&self) -> ObjectEdit {
        ObjectEdit::of(self.clone())
    }

    /// The members in order, not looked into.
    pub(crate) fn member_refs(&self) -> impl Iterator<Item = MemberRef<'_>> {
        self.members()
            .iter()
            .map(|&member| MemberRef::new(self.bytes(), member, None))
    }

    pub(super) fn members(&self) -> &[Member] {
        self.json.members.as_deref().unwrap_or_default()
    }

    fn find(&self, key: &str) -> Option<&Member> {
        self.members()
            .iter()
            .find(|member| member.is(key, self.bytes()))
    }

    fn value(&self, member: &Member) -> Json {
        Json::trusted(self.bytes().slice(member.value()))
    }
}

impl Default for Object {
    fn default() -> Self {
        Self::empty()
    }
}

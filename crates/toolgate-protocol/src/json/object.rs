//! An object with an index of its members.

use std::borrow::Cow;

use bytes::Bytes;

use super::index::{Index, Member};
use super::scan::Scanner;
use super::{Json, JsonError, JsonLimits, ObjectEdit, string};

/// One member, before anybody has decided what to make of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemberRef<'o> {
    object: &'o Object,
    member: &'o Member,
}

impl<'o> MemberRef<'o> {
    /// The decoded name, which is UTF-8.
    pub(crate) fn name(&self) -> Cow<'o, [u8]> {
        self.member.key_bytes(self.object.bytes())
    }

    /// The text of the whole member, name and colon included.
    pub(crate) fn whole(&self) -> &'o [u8] {
        &self.object.bytes()[self.member.whole()]
    }

    /// The text of the value.
    pub(crate) fn raw(&self) -> &'o [u8] {
        &self.object.bytes()[self.member.value()]
    }

    /// The value, with its index.
    pub(crate) fn json(&self) -> Json {
        self.object.value(self.member)
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
        let json = Scanner::new(limits, 1).run(text)?;
        json.into_object().ok_or(JsonError::NotAnObject)
    }

    /// `{}`
    pub fn empty() -> Self {
        Self::indexed(Bytes::from_static(b"{}"), Index::default())
    }

    /// An object whose members are known.
    pub(super) fn indexed(text: Bytes, index: Index) -> Self {
        Self {
            json: Json { text, index },
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
        self.get(key)?.into_object()
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
        self.members().iter().map(|member| MemberRef {
            object: self,
            member,
        })
    }

    pub(super) fn members(&self) -> &[Member] {
        self.json.index.members()
    }

    fn find(&self, key: &str) -> Option<&Member> {
        self.members()
            .iter()
            .find(|member| member.is(key, self.bytes()))
    }

    fn value(&self, member: &Member) -> Json {
        Json {
            text: self.bytes().slice(member.value()),
            index: self.json.index.inner(member),
        }
    }
}

impl Default for Object {
    fn default() -> Self {
        Self::empty()
    }
}

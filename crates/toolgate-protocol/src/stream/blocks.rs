//! What the blocks of a result are and point to, noted while they pass.

use crate::json::decode_bytes;
use crate::mcp::LINKED_MAX;

/// Watches the members `content` and `messages` of a result. Depths are those of [`super::scan::Watch`].
#[derive(Debug, Default)]
pub(super) struct Blocks {
    top: Top,
    /// The member of the block, and of its resource, that is being read.
    part: Part,
    inner: Part,
    /// The member of a message that is being read is its block.
    in_message: bool,
    block: Block,
    has_text: bool,
    uris: Vec<String>,
}

/// The member of the result that is being read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Top {
    #[default]
    Other,
    Content,
    Messages,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Other,
    Type,
    Uri,
    Resource,
}

#[derive(Debug, Default)]
struct Block {
    kind: Option<String>,
    uri: Option<String>,
    resource_uri: Option<String>,
}

impl Part {
    fn of(name: &[u8]) -> Self {
        match name {
            b"type" => Self::Type,
            b"uri" => Self::Uri,
            b"resource" => Self::Resource,
            _ => Self::Other,
        }
    }
}

impl Blocks {
    /// Whether a block of text has passed, or is passing.
    pub(super) fn has_text(&self) -> bool {
        let is_text = self.top == Top::Content && self.block.kind.as_deref() == Some("text");
        self.has_text || is_text
    }

    /// The URIs that blocks named (P9.16).
    pub(super) fn into_uris(self) -> Vec<String> {
        self.uris
    }

    /// The value of a member of the result begins.
    pub(super) fn member(&mut self, name: &[u8], first: u8) {
        self.top = match name {
            b"content" if first == b'[' => Top::Content,
            b"messages" if first == b'[' => Top::Messages,
            _ => Top::Other,
        };
    }

    /// Whether the member of the result that is being read holds blocks.
    pub(super) fn looks(&self) -> bool {
        self.top != Top::Other
    }

    /// How deep the members of a block lie.
    fn level(&self) -> usize {
        match self.top {
            Top::Content => 4,
            Top::Messages if self.in_message => 5,
            Top::Messages | Top::Other => usize::MAX - 1,
        }
    }

    pub(super) fn name(&mut self, depth: usize, name: &[u8]) {
        if depth == 4 && self.top == Top::Messages {
            self.in_message = name == b"content";
        } else if depth == self.level() {
            self.part = Part::of(name);
        } else if depth == self.level() + 1 && self.part == Part::Resource {
            self.inner = Part::of(name);
        }
    }

    /// Whether the text of the value that begins is wanted.
    pub(super) fn wants(&self, depth: usize) -> bool {
        let level = self.level();
        (depth == level && matches!(self.part, Part::Type | Part::Uri))
            || (depth == level + 1 && self.part == Part::Resource && self.inner == Part::Uri)
    }

    pub(super) fn value_ends(&mut self, depth: usize, text: &[u8]) {
        let level = self.level();
        if self.wants(depth) && !text.is_empty() {
            let text = String::from_utf8(decode_bytes(text).into_owned()).ok();
            match self.part {
                Part::Type => self.block.kind = text,
                Part::Uri => self.block.uri = text,
                Part::Resource => self.block.resource_uri = text,
                Part::Other => {}
            }
        }
        if depth == level {
            (self.part, self.inner) = (Part::Other, Part::Other);
        } else if depth == level + 1 {
            self.inner = Part::Other;
        } else if depth + 1 == level {
            self.block_ends();
        }
    }

    fn block_ends(&mut self) {
        let block = std::mem::take(&mut self.block);
        let uri = match block.kind.as_deref() {
            Some("resource_link") => block.uri,
            Some("resource") => block.resource_uri,
            Some("text") => {
                self.has_text |= self.top == Top::Content;
                None
            }
            _ => None,
        };
        if self.uris.len() < LINKED_MAX {
            self.uris.extend(uri);
        }
    }
}

//! Writing a text whose parts are known before: into one buffer, exactly as large as it has to be.

use bytes::Bytes;
use smallvec::SmallVec;

use super::string;

/// The parts of a text, in order.
#[derive(Debug, Default)]
pub(crate) struct Parts<'p>(SmallVec<[Part<'p>; 24]>);

#[derive(Debug, Clone, Copy)]
enum Part<'p> {
    /// As it stands.
    Raw(&'p [u8]),
    /// Between quotes, as it stands.
    Plain(&'p [u8]),
    /// As a JSON string, with escapes.
    Escaped(&'p str),
}

impl<'p> Parts<'p> {
    /// Adds JSON as it stands.
    pub(crate) fn raw(&mut self, text: &'p [u8]) -> &mut Self {
        self.0.push(Part::Raw(text));
        self
    }

    /// Adds a text as a JSON string.
    pub(crate) fn text(&mut self, text: &'p str) -> &mut Self {
        self.0.push(if string::is_plain(text) {
            Part::Plain(text.as_bytes())
        } else {
            Part::Escaped(text)
        });
        self
    }

    /// Adds what separates a member from the one before it: `first` for the first one, else a comma.
    pub(crate) fn next(&mut self, first: &mut bool) -> &mut Self {
        if std::mem::take(first) {
            return self;
        }
        self.raw(b",")
    }

    /// The text.
    pub(crate) fn join(&self) -> Bytes {
        let len = self.0.iter().map(Part::len).sum();
        let mut text = Vec::with_capacity(len);
        for part in &self.0 {
            match *part {
                Part::Raw(raw) => text.extend_from_slice(raw),
                Part::Plain(plain) => {
                    text.push(b'"');
                    text.extend_from_slice(plain);
                    text.push(b'"');
                }
                Part::Escaped(escaped) => string::quote_into(&mut text, escaped),
            }
        }
        text.into()
    }
}

impl Part<'_> {
    fn len(&self) -> usize {
        match *self {
            Self::Raw(raw) => raw.len(),
            Self::Plain(plain) => plain.len() + 2,
            Self::Escaped(text) => string::quoted_len(text),
        }
    }
}

//! JSON as nobody would write it by hand, and every parser must read it.

use std::collections::HashSet;
use std::fmt::Write;

use crate::json;
use crate::rng::Rng;

/// Numbers that a double cannot hold, or that a printer would write differently.
const NUMBERS: [&str; 18] = [
    "0",
    "-0",
    "1.0",
    "9007199254740993",
    "-9007199254740993",
    "18446744073709551616",
    "170141183460469231731687303715884105728",
    "1e400",
    "-1E-400",
    "1e+2",
    "0.100000000000000005551115123125",
    "0.0000000000000000000000000000000000000001",
    "3.14",
    "-1.50",
    "1E2",
    "42",
    "123456789.000",
    "0e0",
];

/// Pieces of strings, as they are spelt.
const PIECES: [&str; 30] = [
    "a",
    "B",
    "the quick brown fox",
    "\\u0041",
    "\\/",
    "/",
    "\\ud83d\\ude00",
    "\\uD83D\\uDE00",
    "😀",
    "é",
    "e\\u0301",
    "\\u00e9",
    "\\u0000",
    "\\u001f",
    "\\u007f",
    "\u{7f}",
    "\\n",
    "\\r\\n",
    "\\t\\b\\f",
    "\\\\",
    "\\\"",
    "\u{2028}\u{2029}",
    "\u{feff}",
    "</script>",
    "data: x",
    "名前",
    "\u{10ffff}",
    "{\\\"id\\\":1}",
    " ",
    "'",
];

/// Halves of surrogate pairs, which only servers may send (P3.17).
const HALVES: [&str; 4] = ["\\ud800", "\\uDC00", "\\ud83dx", "\\ude00\\ud83d"];

/// Names that other languages treat in their own manner.
const NAMES: [&str; 12] = [
    "",
    "x",
    "zz",
    "a.b/c",
    "__proto__",
    "constructor",
    "0",
    "-1",
    "toString",
    "$ref",
    "été",
    "x y",
];

/// Writes odd values.
pub(crate) struct Odd<'r> {
    pub(crate) rng: &'r mut Rng,
    /// Whether half a surrogate pair may stand in a string.
    halves: bool,
    /// Whether white space stands between the tokens.
    spaced: bool,
}

impl<'r> Odd<'r> {
    pub(crate) fn new(rng: &'r mut Rng, halves: bool) -> Self {
        let spaced = rng.once_in(3);
        Self {
            rng,
            halves,
            spaced,
        }
    }

    /// Some white space, or none.
    fn space(&mut self) -> &'static str {
        if !self.spaced {
            return "";
        }
        self.rng.pick(&["", "", " ", "\t", "\n", "\r\n", "  "])
    }

    /// A value that opens at most `levels` arrays and objects inside one another.
    pub(crate) fn value(&mut self, levels: usize) -> String {
        if levels > 8 && self.rng.once_in(150) {
            return self.deep(levels);
        }
        let kinds = if levels.min(4) == 0 { 8 } else { 12 };
        match self.rng.below(kinds) {
            0 => "null".to_owned(),
            1 => "true".to_owned(),
            2 => "false".to_owned(),
            3..=5 => self.number(),
            6 | 7 => self.string(),
            8 | 9 => self.object(levels.min(4)),
            _ => self.array(levels.min(4)),
        }
    }

    pub(crate) fn number(&mut self) -> String {
        if self.rng.once_in(4) {
            return (self.rng.next() >> 8).to_string();
        }
        self.rng.pick(&NUMBERS).to_owned()
    }

    pub(crate) fn string(&mut self) -> String {
        let mut text = String::from("\"");
        for _ in 0..self.rng.below(5) {
            text.push_str(self.rng.pick(&PIECES));
            if self.halves && self.rng.once_in(25) {
                text.push_str(self.rng.pick(&HALVES));
                // So that no other half follows and makes it whole.
                text.push('.');
            }
        }
        text.push('"');
        text
    }

    /// An object of odd members.
    pub(crate) fn object(&mut self, levels: usize) -> String {
        let members = self.unknown(4, levels);
        self.join(members)
    }

    fn array(&mut self, levels: usize) -> String {
        let count = self.rng.below(4);
        let elements: Vec<String> = (0..count).map(|_| self.value(levels - 1)).collect();
        self.list(&elements)
    }

    /// One value inside another, down to the last level that is allowed.
    fn deep(&mut self, levels: usize) -> String {
        let depth = levels - self.rng.below(3);
        let arrays: Vec<bool> = (0..depth).map(|_| self.rng.once_in(2)).collect();
        let open = |array: &bool| if *array { "[" } else { "{\"d\":" };
        let close = |array: &bool| if *array { "]" } else { "}" };
        let opened: String = arrays.iter().map(open).collect();
        let closed: String = arrays.iter().rev().map(close).collect();
        format!("{opened}{}{closed}", self.number())
    }

    /// Fewer than `bound` members that nobody knows, for an object at `levels` from the limit.
    pub(crate) fn unknown(&mut self, bound: usize, levels: usize) -> Vec<(String, String)> {
        let mut names = HashSet::new();
        let mut members = Vec::new();
        for _ in 0..self.rng.below(bound) {
            let name = self.unknown_name();
            if names.insert(json::decoded(&name).unwrap_or_else(|| name.clone())) {
                let value = self.value(levels.saturating_sub(1));
                members.push((name, value));
            }
        }
        members
    }

    fn unknown_name(&mut self) -> String {
        match self.rng.below(3) {
            0 => json::quoted(self.rng.pick(&NAMES)),
            1 => format!("\"x-{}\"", self.rng.below(1000)),
            _ => {
                let odd = self.string();
                // No known name begins so.
                format!("\"~{}", &odd[1..])
            }
        }
    }

    /// A name, sometimes spelt with an escape.
    pub(crate) fn spelt(&mut self, name: &str) -> String {
        if !self.rng.once_in(15) || !name.is_ascii() {
            return json::quoted(name);
        }
        let at = self.rng.below(name.len());
        let mut text = String::from("\"");
        for (place, byte) in name.bytes().enumerate() {
            if place == at || b"\"\\".contains(&byte) {
                write!(text, "\\u{byte:04x}").expect("a string takes everything");
            } else {
                text.push(char::from(byte));
            }
        }
        text.push('"');
        text
    }

    /// An object of these members, in any order.
    pub(crate) fn shuffled(&mut self, mut members: Vec<(String, String)>) -> String {
        self.rng.shuffle(&mut members);
        self.join(members)
    }

    fn join(&mut self, members: Vec<(String, String)>) -> String {
        let mut text = String::from("{");
        for (place, (name, value)) in members.into_iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            for piece in [self.space(), &name, self.space(), ":", self.space(), &value] {
                text.push_str(piece);
            }
            text.push_str(self.space());
        }
        text.push('}');
        text
    }

    /// An array of these elements.
    pub(crate) fn list(&mut self, elements: &[String]) -> String {
        let mut text = String::from("[");
        for (place, element) in elements.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            for piece in [self.space(), element, self.space()] {
                text.push_str(piece);
            }
        }
        text.push(']');
        text
    }
}

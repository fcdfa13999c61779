//! The scan that looks at many bytes at a time against one that looks at each, and what it indexes against what a
//! walk finds (S-31, P3.7, P3.15, P3.17).

use bytes::Bytes;
use proptest::prelude::*;
use toolgate_protocol::{Body, Json, JsonError, JsonKind, JsonLimits, Message, Object, parse_body};

/// Byte by byte and with recursion; the same rules in the same order.
struct Slow<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
    nodes: usize,
    limits: JsonLimits,
}

type Read = Result<(), JsonError>;

/// The text without the white space around it, or why it is refused.
fn slow(text: &[u8], limits: &JsonLimits) -> Result<Vec<u8>, JsonError> {
    let text = text
        .trim_ascii_start_by(is_space)
        .trim_ascii_end_by(is_space);
    let mut slow = Slow {
        text,
        at: 0,
        depth: 0,
        nodes: 0,
        limits: *limits,
    };
    slow.value()?;
    if slow.at < text.len() {
        return slow.syntax("something after the value");
    }
    std::str::from_utf8(text).map_err(|error| JsonError::Utf8 {
        offset: error.valid_up_to(),
    })?;
    Ok(text.to_vec())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

trait Trim {
    fn trim_ascii_start_by(&self, drop: fn(u8) -> bool) -> &Self;
    fn trim_ascii_end_by(&self, drop: fn(u8) -> bool) -> &Self;
}

impl Trim for [u8] {
    fn trim_ascii_start_by(&self, drop: fn(u8) -> bool) -> &Self {
        let kept = self.iter().position(|&byte| !drop(byte));
        &self[kept.unwrap_or(self.len())..]
    }

    fn trim_ascii_end_by(&self, drop: fn(u8) -> bool) -> &Self {
        let kept = self.iter().rposition(|&byte| !drop(byte));
        &self[..kept.map_or(0, |last| last + 1)]
    }
}

impl Slow<'_> {
    fn syntax<T>(&self, what: &'static str) -> Result<T, JsonError> {
        let offset = self.at;
        Err(JsonError::Syntax { what, offset })
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.byte().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Read {
        self.nodes += 1;
        let (max, offset) = (self.limits.max_nodes, self.at);
        if self.nodes > max {
            return Err(JsonError::TooManyNodes { max, offset });
        }
        match self.byte() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.container(b'}'),
            Some(b'[') => self.container(b']'),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            None => self.syntax("the end instead of a value"),
            Some(_) if self.text[self.at..].starts_with(b"\xef\xbb\xbf") => {
                self.syntax("a byte order mark")
            }
            Some(_) => self.syntax("no value where one is needed"),
        }
    }

    fn word(&mut self, word: &str) -> Read {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return self.syntax("no value where one is needed");
        }
        self.at += word.len();
        Ok(())
    }

    fn digits(&mut self) -> Read {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == from {
            return self.syntax("a malformed number");
        }
        Ok(())
    }

    fn number(&mut self) -> Read {
        self.at += usize::from(self.byte() == Some(b'-'));
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn container(&mut self, close: u8) -> Read {
        let (max, offset) = (self.limits.max_depth.min(64), self.at);
        if self.depth >= max {
            return Err(JsonError::TooDeep { max, offset });
        }
        self.at += 1;
        self.space();
        if self.byte() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        self.depth += 1;
        let mut names: Vec<(usize, Vec<u16>)> = Vec::new();
        loop {
            if close == b'}' {
                let offset = self.at + 1;
                if self.byte() != Some(b'"') {
                    return self.syntax("no member name where one is needed");
                }
                let name = self.string()?;
                if names.len() <= 16 && names.iter().any(|(_, other)| *other == name) {
                    return Err(JsonError::DuplicateMember { offset });
                }
                names.push((offset, name));
                self.space();
                if self.byte() != Some(b':') {
                    return self.syntax("no colon after a member name");
                }
                self.at += 1;
                self.space();
            }
            self.value()?;
            self.space();
            match self.byte() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(byte) if byte == close => break,
                Some(_) => return self.syntax("no comma or closing bracket after a value"),
                None => return self.syntax("the end inside an array or object"),
            }
        }
        for (at, (offset, name)) in names.iter().enumerate() {
            if names[..at].iter().any(|(_, other)| other == name) {
                return Err(JsonError::DuplicateMember { offset: *offset });
            }
        }
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    /// The string in units, one for each byte that stands for itself and each UTF-16 unit of an escape outside
    /// ASCII; good enough to compare names.
    fn string(&mut self) -> Result<Vec<u16>, JsonError> {
        let mut units = Vec::new();
        self.at += 1;
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut units)?,
                Some(0..0x20) => return self.syntax("a control character inside a string"),
                Some(byte) => {
                    units.push(byte.into());
                    self.at += 1;
                }
                None => return self.syntax("the end inside a string"),
            }
        }
        self.at += 1;
        Ok(units)
    }

    fn unit(&self, at: usize) -> Result<u16, JsonError> {
        let digits = self.text.get(at..at + 4).unwrap_or_default();
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let what = "a \\u escape without four hex digits";
        match u16::from_str_radix(digits, 16) {
            Ok(unit) if is_hex => Ok(unit),
            _ => Err(JsonError::Syntax { what, offset: at }),
        }
    }

    fn escape(&mut self, units: &mut Vec<u16>) -> Read {
        let plain = match self.text.get(self.at + 1) {
            Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode(units),
            _ => return self.syntax("an unknown escape"),
        };
        units.push(plain.into());
        self.at += 2;
        Ok(())
    }

    fn unicode(&mut self, units: &mut Vec<u16>) -> Read {
        let first = self.unit(self.at + 2)?;
        if (0xd800..0xdc00).contains(&first)
            && self.text.get(self.at + 6..self.at + 8) == Some(b"\\u")
            && (0xdc00..0xe000).contains(&self.unit(self.at + 8)?)
        {
            units.extend([first, self.unit(self.at + 8)?]);
            self.at += 12;
            return Ok(());
        }
        if (0xd800..0xe000).contains(&first) && !self.limits.lone_surrogates {
            return Err(JsonError::LoneSurrogate { offset: self.at });
        }
        // As decoding has it, so that two halves of nothing are one name.
        units.push(if (0xd800..0xe000).contains(&first) {
            0xfffd
        } else {
            first
        });
        self.at += 6;
        Ok(())
    }
}

/// What stands in strings: plain runs of every length around the sizes of blocks, escapes, bytes that are wrong.
fn inside() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => (0_usize..140).prop_map(|length| vec![b'x'; length]),
        4 => prop::sample::select(vec!["\\n", "\\\"", "\\\\", "\\/", "\\u0061", "\\ud83d\\ude00", " ", "#", "!"])
            .prop_map(|escape| escape.as_bytes().to_vec()),
        2 => prop::sample::select(vec!["é", "\u{7f}", "漢", "😀"]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::sample::select(vec!["\\ud800", "\\udc00", "\\ud800\\u0041", "\\x", "\\u12g4", "\\", "\n", "\0", "\u{1f}"])
            .prop_map(|wrong| wrong.as_bytes().to_vec()),
        1 => (0x80_u8..=0xff).prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// JSON-like text, with names that repeat one another now and then.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let string = inside().prop_map(|inside| [&b"\""[..], &inside, b"\""].concat());
    let scalar = prop::sample::select(vec![
        "0",
        "-1.5e+3",
        "12345678901234567890",
        "01",
        "1.",
        "true",
        "nul",
        "null",
        "",
    ]);
    let leaf = prop_oneof![string, scalar.prop_map(|text| text.as_bytes().to_vec())];
    leaf.prop_recursive(4, 64, 24, |inner| {
        let name = prop_oneof![
            4 => "[a-d]{1,2}[a-z]{0,12}[a-d]{1,3}",
            1 => "[ab]|\\\\u0061|[a-c]{1,20}",
        ];
        let space = prop::sample::select(vec!["", "", "", " ", "\n\t\r ", "\u{b}"]);
        let name = (name, space.clone()).prop_map(|(name, space)| format!("\"{name}\"{space}:"));
        let member =
            (name, inner.clone()).prop_map(|(name, value)| [name.as_bytes(), &value].concat());
        let object = (prop::collection::vec(member, 0..24), space.clone());
        let array = (prop::collection::vec(inner, 0..4), space);
        prop_oneof![
            object.prop_map(|(members, space)| surrounded("{", &members, space, "}")),
            array.prop_map(|(items, space)| surrounded("[", &items, space, "]")),
        ]
    })
}

fn surrounded(open: &str, parts: &[Vec<u8>], space: &str, close: &str) -> Vec<u8> {
    let parts = parts.join(format!(",{space}").as_bytes());
    [open.as_bytes(), &parts, space.as_bytes(), close.as_bytes()].concat()
}

/// What two readings of one object make of it, all the way down.
fn same_members(one: &Object, other: &Object) {
    let names = |object: &Object| -> Vec<String> {
        object.keys().map(std::borrow::Cow::into_owned).collect()
    };
    assert_eq!(one, other);
    assert_eq!(names(one), names(other));
    for name in names(one) {
        let (value, reread) = (one.get(&name).unwrap(), other.get(&name).unwrap());
        assert_eq!(value, reread, "{name}");
        assert_eq!(one.raw(&name), Some(&**value.bytes()), "{name}");
        assert_eq!(one.json().raw(&name), one.raw(&name), "{name}");
        if let (Some(value), Some(reread)) = (value.object(), reread.object()) {
            same_members(&value, &reread);
            let alone = value.json().detached().object().unwrap();
            assert_eq!(names(&alone), names(&reread));
        }
    }
}

/// A message with these params, as it is read and as a walk over its text sees it.
fn indexed_as_walked(params: &[u8]) {
    let text = [br#"{"jsonrpc":"2.0","method":"m","params":"#, params, b"}"].concat();
    let Ok(Body::One(Message::Notification(read))) = parse_body(text.into(), &JsonLimits::UPSTREAM)
    else {
        return;
    };
    let walked = Json::parse(read.params.bytes().clone(), &JsonLimits::UPSTREAM).unwrap();
    same_members(&read.params, &walked.object().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Both scans accept the same texts and refuse the others for the same reason at the same place.
    #[test]
    fn both_scans_say_the_same(
        text in nearly_json(),
        cut in any::<prop::sample::Index>(),
        change in prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>())),
        whole in prop::bool::weighted(0.8),
        max_depth in 1_usize..6,
        max_nodes in 1_usize..40,
    ) {
        let mut text = text;
        if let Some((at, byte)) = change && !text.is_empty() {
            let at = at.index(text.len());
            text[at] = byte;
        }
        if !whole && !text.is_empty() {
            text.truncate(cut.index(text.len()));
        }
        let tight = JsonLimits { max_depth, max_nodes, lone_surrogates: false };
        for limits in [JsonLimits::CLIENT, JsonLimits::UPSTREAM, tight] {
            let fast = Json::parse(Bytes::from(text.clone()), &limits).map(|json| json.bytes().to_vec());
            match (fast, slow(&text, &limits)) {
                // In a large object any of several repeated names may be the one that is told.
                (Err(JsonError::DuplicateMember { .. }), Err(JsonError::DuplicateMember { .. })) => {}
                (fast, slow) => prop_assert_eq!(fast, slow),
            }
        }
    }

    /// The members that the scan of a message remembers are those that a walk over its text finds.
    #[test]
    fn the_index_is_what_a_walk_finds(params in nearly_json()) {
        indexed_as_walked(&params);
    }

    /// Long strings end where they end, wherever the escapes lie.
    #[test]
    fn strings_of_every_shape(inside in prop::collection::vec(inside(), 1..6)) {
        let text = [b"[\"", &*inside.concat(), b"\"]"].concat();
        let fast = Json::parse(text.clone().into(), &JsonLimits::CLIENT).map(|json| json.bytes().to_vec());
        prop_assert_eq!(fast, slow(&text, &JsonLimits::CLIENT));
    }
}

/// An index has room for so many members; what is not in it is found all the same.
#[test]
fn objects_beyond_the_index_are_walked() {
    for count in [1, 15, 16, 17, 24, 25, 254, 255, 256, 1023, 1024, 1025, 3000] {
        let members: Vec<String> = (0..count)
            .map(|n| format!("\"k{n}\":{{\"v\":{n}}}"))
            .collect();
        let many = format!("{{{}}}", members.join(","));
        indexed_as_walked(many.as_bytes());
        indexed_as_walked(format!(r#"{{"_meta":{many},"x":{{"y":{many}}},"z":{{}}}}"#).as_bytes());
        let object = Object::parse(many.into(), &JsonLimits::UPSTREAM).unwrap();
        assert_eq!(object.len(), count);
        let last = object.object(&format!("k{}", count - 1)).unwrap();
        assert_eq!(last.get("v").unwrap().as_u64(), Some(count as u64 - 1));
    }
}

/// P3.7: a name that comes twice is found among few and among many, spelt plainly or with escapes.
#[test]
fn p3_7_the_second_of_two_names_is_found() {
    for count in [2, 16, 17, 18, 40, 300] {
        for (first, second) in [(0, count - 1), (count / 2, count - 1), (0, 1)] {
            if first == second {
                continue;
            }
            let name = |n| match n {
                n if n == first => "\"twice_named\":1".to_owned(),
                n if n == second => "\"twice\\u005fnamed\":1".to_owned(),
                n => format!("\"twice{n:03}amed\":1"),
            };
            let members: Vec<String> = (0..count).map(name).collect();
            let text = format!("{{\"a\":{{{}}}}}", members.join(","));
            let refused = Json::parse(text.into(), &JsonLimits::CLIENT);
            assert!(
                matches!(refused, Err(JsonError::DuplicateMember { .. })),
                "{count} {second}"
            );
        }
    }
}

/// A look at one member is a look at the same bytes, indexed or not; other kinds have none.
#[test]
fn one_member_is_looked_at_without_more() {
    let text = r#"{"a":[1],"\u0062":"x"}"#;
    for value in [
        Json::parse(text.into(), &JsonLimits::CLIENT).unwrap(),
        Object::parse(text.into(), &JsonLimits::CLIENT)
            .unwrap()
            .into_json(),
    ] {
        assert_eq!(value.kind(), JsonKind::Object);
        assert_eq!(value.raw("a"), Some(&b"[1]"[..]));
        assert_eq!(value.raw("b"), Some(&b"\"x\""[..]));
        assert_eq!(value.raw("c"), None);
    }
    assert_eq!(Json::from_text("{").raw("a"), None);
    assert_eq!(Json::literal("[]").raw("a"), None);
}

//! A second opinion on JSON: finds members and elements in a text without a line of the gateway's own scanner.

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member<'t> {
    /// The name as it reads; as it is spelt when it has half a surrogate pair.
    pub(crate) name: String,
    /// From the first byte of the name to the last of the value.
    pub(crate) whole: &'t str,
    /// The value.
    pub(crate) value: &'t str,
}

/// The members of an object in their order; nothing if the text is no object.
pub(crate) fn members(text: &str) -> Option<Vec<Member<'_>>> {
    let mut found = Vec::new();
    let mut rest = Rest { text, at: 0 };
    rest.take(b'{')?;
    if rest.take(b'}').is_some() {
        return rest.is_over().then_some(found);
    }
    loop {
        let from = rest.start();
        let name = rest.value()?;
        rest.take(b':')?;
        let value = rest.value()?;
        let whole = &text[from..rest.at];
        let name = decoded(name).unwrap_or_else(|| name.to_owned());
        found.push(Member { name, whole, value });
        if rest.take(b',').is_none() {
            rest.take(b'}')?;
            return rest.is_over().then_some(found);
        }
    }
}

/// The elements of an array in their order; nothing if the text is no array.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = Rest { text, at: 0 };
    rest.take(b'[')?;
    if rest.take(b']').is_some() {
        return rest.is_over().then_some(found);
    }
    loop {
        found.push(rest.value()?);
        if rest.take(b',').is_none() {
            rest.take(b']')?;
            return rest.is_over().then_some(found);
        }
    }
}

/// What a member of an object is.
pub(crate) fn member<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let members = members(text)?;
    members
        .iter()
        .find(|member| member.name == name)
        .map(|member| member.value)
}

/// What a string says; nothing if it is none, or has half a surrogate pair.
pub(crate) fn decoded(text: &str) -> Option<String> {
    match text.strip_prefix('"')?.strip_suffix('"')? {
        plain if !plain.contains('\\') => Some(plain.to_owned()),
        _ => serde_json::from_str(text).ok(),
    }
}

/// A string, spelt as plainly as can be.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

struct Rest<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Rest<'t> {
    /// Skips white space; where it ends.
    fn start(&mut self) -> usize {
        let bytes = &self.text.as_bytes()[self.at..];
        let space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += bytes.iter().take_while(space).count();
        self.at
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let at = self.start();
        let found = self.text.as_bytes().get(at) == Some(&byte);
        self.at += usize::from(found);
        found.then_some(())
    }

    fn is_over(&mut self) -> bool {
        self.start() == self.text.len()
    }

    fn value(&mut self) -> Option<&'t str> {
        let from = self.start();
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        loop {
            match bytes.get(self.at)? {
                b'"' => self.at = string_end(bytes, self.at)?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                _ if depth > 0 => self.at += 1,
                _ => {
                    let ends = |byte: &u8| b",:]} \t\n\r".contains(byte);
                    let length = bytes[self.at..].iter().position(ends)?;
                    self.at += length;
                    return (length > 0).then(|| &self.text[from..self.at]);
                }
            }
            if depth == 0 {
                return Some(&self.text[from..self.at]);
            }
        }
    }
}

/// One past the closing quote.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_text() {
        let text = "{ \"a\" :1.0 ,\"\\u0062\":{\"]\":[ \"\\\"}\" ]},\"\":null}";
        let found = members(text).unwrap();
        let whole: Vec<_> = found.iter().map(|member| member.whole).collect();
        assert_eq!(
            whole,
            [
                "\"a\" :1.0",
                "\"\\u0062\":{\"]\":[ \"\\\"}\" ]}",
                "\"\":null"
            ]
        );
        let names: Vec<_> = found.iter().map(|member| &*member.name).collect();
        assert_eq!(names, ["a", "b", ""]);
        assert_eq!(
            elements(" [1, [2,3] ,\"x\"] ").unwrap(),
            ["1", "[2,3]", "\"x\""]
        );
    }

    #[test]
    fn what_is_broken_has_no_members() {
        for broken in [
            "",
            "{",
            "{}x",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "[1]",
            "{\"a\":\"}",
        ] {
            assert_eq!(members(broken), None, "{broken}");
        }
    }
}

//! The arguments of a tool: one table says what clients are shown and what is accepted.
//!
//! What is wrong is said without repeating any value, since one may be a secret (S-19).

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::refusal::Refusal;

/// One argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) about: &'static str,
}

/// What an argument may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Text that is not empty.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number from the first to the second.
    Number(u64, u64),
    Flag,
    /// A length of time, such as `24h`.
    Span,
    /// Several texts.
    Texts,
}

/// Most texts in one list.
const MOST_TEXTS: usize = 64;

impl Param {
    pub(crate) const fn must(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            required: true,
            about,
        }
    }

    pub(crate) const fn may(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            required: false,
            about,
        }
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text => json!({"type": "string", "minLength": 1}),
            Kind::Word(words) => json!({"type": "string", "enum": words}),
            Kind::Number(least, most) => {
                json!({"type": "integer", "minimum": least, "maximum": most})
            }
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Span => json!({"type": "string", "pattern": "^[1-9][0-9]{0,6}[smhd]$"}),
            Kind::Texts => {
                let text = json!({"type": "string", "minLength": 1});
                json!({"type": "array", "items": text, "maxItems": MOST_TEXTS})
            }
        };
        schema["description"] = self.about.into();
        schema
    }

    fn accepts(&self, value: &Value) -> bool {
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        match self.kind {
            Kind::Text => is_text(value),
            Kind::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Number(least, most) => value
                .as_u64()
                .is_some_and(|number| (least..=most).contains(&number)),
            Kind::Flag => value.is_boolean(),
            Kind::Span => value.as_str().and_then(span).is_some(),
            Kind::Texts => value
                .as_array()
                .is_some_and(|texts| texts.len() <= MOST_TEXTS && texts.iter().all(is_text)),
        }
    }

    fn expected(&self) -> String {
        match self.kind {
            Kind::Text => "a text that is not empty".to_owned(),
            Kind::Word(words) => format!("one of {}", words.join(", ")),
            Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Flag => "true or false".to_owned(),
            Kind::Span => "a length of time such as `90m`, `24h` or `7d`".to_owned(),
            Kind::Texts => format!("a list of at most {MOST_TEXTS} texts that are not empty"),
        }
    }
}

/// The JSON Schema of the arguments.
pub(crate) fn schema(params: &[Param]) -> Value {
    let properties: Map<String, Value> = params
        .iter()
        .map(|param| (param.name.to_owned(), param.schema()))
        .collect();
    let required: Vec<_> = params.iter().filter(|param| param.required).collect();
    let required: Vec<&str> = required.iter().map(|param| param.name).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Arguments that fit their table.
#[derive(Debug)]
pub(crate) struct Arguments(Map<String, Value>);

impl Arguments {
    /// Reads arguments that came from a client.
    pub(crate) fn read(params: &'static [Param], text: &[u8]) -> Result<Self, Refusal> {
        let given: Map<String, Value> = serde_json::from_slice(text)
            .map_err(|_| Refusal::new("the arguments are no JSON object").hint(expected(params)))?;
        for (name, value) in &given {
            let Some(param) = params.iter().find(|param| param.name == name) else {
                let name: String = name.chars().take(64).collect();
                return Err(
                    Refusal::new(format!("there is no argument `{name}`")).hint(expected(params))
                );
            };
            if !param.accepts(value) {
                let what = format!("`{}` has to be {}", param.name, param.expected());
                return Err(Refusal::new(what).hint(expected(params)));
            }
        }
        let missing = params
            .iter()
            .find(|param| param.required && !given.contains_key(param.name));
        if let Some(missing) = missing {
            let what = format!("the argument `{}` is missing", missing.name);
            return Err(Refusal::new(what).hint(expected(params)));
        }
        Ok(Self(given))
    }

    /// A text, empty if it was not given.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.maybe(name).unwrap_or_default()
    }

    pub(crate) fn maybe(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A text that nobody else is to see.
    pub(crate) fn take(&mut self, name: &str) -> String {
        match self.0.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    /// How many to show at most.
    pub(crate) fn limit(&self, default: usize) -> usize {
        let given = self.number("limit");
        given.map_or(default, |number| usize::try_from(number).unwrap_or(default))
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn span(&self, name: &str) -> Option<Duration> {
        span(self.maybe(name)?)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.0.get(name).and_then(Value::as_array);
        let texts = texts.into_iter().flatten().filter_map(Value::as_str);
        texts.map(ToOwned::to_owned).collect()
    }
}

fn expected(params: &[Param]) -> String {
    if params.is_empty() {
        return "call it without arguments".to_owned();
    }
    let each: Vec<String> = params
        .iter()
        .map(|param| {
            let needed = if param.required { "" } else { ", optional" };
            format!("`{}` ({}{needed})", param.name, param.expected())
        })
        .collect();
    format!("it takes {}", each.join(", "))
}

/// `90m`, `24h`, `7d`, `30s`.
fn span(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - unit.len_utf8()];
    let plain = (1..=7).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|number| plain && *number > 0)?;
    Some(Duration::from_secs(number * seconds))
}

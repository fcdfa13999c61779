//! What a tool answers: fields for programs, and a text that reads well for a model.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The answer of a tool that did what it is for.
#[derive(Debug)]
pub(crate) struct Answer {
    text: String,
    data: Map<String, Value>,
}

impl Answer {
    /// A report as it serialises.
    pub(crate) fn report(text: impl Into<String>, report: &impl Serialize) -> Self {
        Self {
            text: text.into(),
            data: fields(report),
        }
    }

    /// A list under the name of what it lists.
    pub(crate) fn list<T: Serialize>(
        text: impl Into<String>,
        member: &'static str,
        items: &[T],
    ) -> Self {
        Self {
            text: text.into(),
            data: Map::from_iter([(member.to_owned(), list(items))]),
        }
    }

    /// With one more field, or another value of it.
    pub(crate) fn with(mut self, field: &'static str, value: impl Into<Value>) -> Self {
        self.data.insert(field.to_owned(), value.into());
        self
    }

    /// Without a field.
    pub(crate) fn without(mut self, field: &str) -> Self {
        self.data.remove(field);
        self
    }

    /// The result of the call.
    pub(crate) fn result(self) -> Bytes {
        let result = json!({
            "content": [{"type": "text", "text": self.text}],
            "structuredContent": self.data,
        });
        result.to_string().into()
    }
}

/// The fields of a report. Whether the gateway has applied a change is no news to whoever asks the gateway.
pub(crate) fn fields(report: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(report) {
        Ok(Value::Object(mut fields)) => {
            fields.remove("gateway");
            fields
        }
        // Reports are objects with texts for keys.
        Ok(_) | Err(_) => Map::new(),
    }
}

/// Reports, each as it serialises.
pub(crate) fn list<T: Serialize>(items: &[T]) -> Value {
    items
        .iter()
        .map(|item| Value::Object(fields(item)))
        .collect()
}

/// `1 server`, `2 servers`.
pub(crate) fn count(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

/// A headline and one line for each item.
pub(crate) fn lines(headline: String, items: impl IntoIterator<Item = String>) -> String {
    let mut text = headline;
    for item in items {
        text.push_str("\n- ");
        text.push_str(&item);
    }
    text
}

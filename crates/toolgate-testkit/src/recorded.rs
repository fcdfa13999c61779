//! What a server saw.

use std::collections::BTreeMap;

use serde_json::Value;

/// One HTTP request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers, names in lower case; values of repeated ones joined with `, `.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; `Null` when it is empty or not JSON.
    pub body: Value,
    /// The body as it came.
    pub raw: Vec<u8>,
}

impl Recorded {
    /// The JSON-RPC method of the body, or nothing.
    pub fn rpc(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

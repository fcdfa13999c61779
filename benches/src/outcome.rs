//! What the server of the benches answers, over HTTP and over pipes alike.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text::{self, MARK};

/// Tools of a server whose address does not say how many.
pub(crate) const TOOLS: usize = 20;

/// A message as far as the server reads it.
#[derive(Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) method: &'a str,
    params: Option<Params>,
}

#[derive(Deserialize)]
struct Params {
    arguments: Option<Arguments>,
}

/// What a call may ask for.
#[derive(Deserialize)]
pub(crate) struct Arguments {
    bytes: usize,
    nonce: u64,
    #[serde(default)]
    pub(crate) sse: bool,
    #[serde(default)]
    pub(crate) pause_ms: u64,
}

/// Answers, with what takes long to write made once.
#[derive(Default)]
pub(crate) struct Answers {
    lists: Vec<(usize, String)>,
    fillers: Vec<(usize, String)>,
}

impl Answers {
    /// The answer to a request, whose id is `id`.
    pub(crate) fn to(
        &mut self,
        message: &Message<'_>,
        id: &str,
        tools: usize,
        modern: bool,
    ) -> String {
        let complete = if modern {
            r#","resultType":"complete""#
        } else {
            ""
        };
        let hints = if modern {
            r#","ttlMs":600000,"cacheScope":"private""#
        } else {
            ""
        };
        let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"#);
        match (message.method, message.arguments()) {
            ("initialize", _) => format!(
                r#"{start}"result":{{"protocolVersion":"2025-11-25","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"load","version":"1"}}}}}}"#
            ),
            ("server/discover", _) if modern => format!(
                r#"{start}"result":{{"supportedVersions":["2026-07-28"],"capabilities":{{"tools":{{}}}}{hints}{complete}}}}}"#
            ),
            ("tools/list", _) => {
                let list = kept(&mut self.lists, tools, list);
                format!(r#"{start}"result":{{{list}{hints}{complete}}}}}"#)
            }
            ("tools/call", Some(arguments)) => {
                let begin = format!("{MARK}{};", arguments.nonce);
                let fill = kept(&mut self.fillers, arguments.bytes, text::escaped);
                format!(
                    r#"{start}"result":{{"content":[{{"type":"text","text":"{begin}{fill}"}}],"isError":false{complete}}}}}"#
                )
            }
            _ => format!(r#"{start}"error":{{"code":-32601,"message":"Method not found"}}}}"#),
        }
    }
}

/// What was made for this number before, or is made now.
fn kept(before: &mut Vec<(usize, String)>, number: usize, make: fn(usize) -> String) -> &str {
    let known = before.iter().position(|(known, _)| *known == number);
    let at = known.unwrap_or_else(|| {
        before.push((number, make(number)));
        before.len() - 1
    });
    &before[at].1
}

fn list(tools: usize) -> String {
    let description =
        "Does what this tool of a typical server does, in a few sentences of ordinary length. "
            .repeat(2);
    let mut list = String::from(r#""tools":["#);
    for number in 0..tools {
        let comma = if number == 0 { "" } else { "," };
        write!(list, r#"{comma}{{"name":"t{number}","description":"{description}","inputSchema":{{"type":"object","properties":{{"path":{{"type":"string"}},"bytes":{{"type":"integer"}}}}}}}}"#)
            .expect("a string takes it");
    }
    list.push(']');
    list
}

impl Message<'_> {
    pub(crate) fn arguments(&self) -> Option<&Arguments> {
        self.params.as_ref()?.arguments.as_ref()
    }
}

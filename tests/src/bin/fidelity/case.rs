//! One call: what the client says and what the server will answer, both as bytes.

use crate::answer;
use crate::json;
use crate::odd::Odd;
use crate::pair::{MODERN, Named, Pair};
use crate::rng::Rng;

/// Stands in an answer where the id of the request belongs.
pub(crate) const ID: &str = "@@ID@@";
/// Stands in a notice where the progress token of the request belongs.
pub(crate) const TOKEN: &str = "@@TOKEN@@";
/// The member of the params by which the server knows which call it answers.
pub(crate) const CALL: &str = "\"fidelity-call\"";

/// Who the client says it is.
const CLIENT: &str = "{\"name\":\"fidelity\",\"version\":\"1\"}";
/// How deep a message may be (P3.15), without the envelope and the object in it.
pub(crate) const LEVELS: usize = 62;

/// The methods that one server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    CallTool,
    GetPrompt,
    ReadResource,
    Complete,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::CallTool => "tools/call",
            Self::GetPrompt => "prompts/get",
            Self::ReadResource => "resources/read",
            Self::Complete => "completion/complete",
        }
    }
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) method: Method,
    /// The tool, prompt, resource or template.
    pub(crate) target: Named,
    /// The id as the client spells it.
    pub(crate) id: String,
    /// The progress token as the client spells it.
    pub(crate) token: Option<String>,
    /// The least level of logs that a modern client asks for.
    pub(crate) log_level: Option<&'static str>,
    /// The request.
    pub(crate) request: String,
    /// The messages of the answer, the response last, with [`ID`] and [`TOKEN`] in them.
    pub(crate) answer: Vec<String>,
    /// Whether the server answers with an event stream.
    pub(crate) streamed: bool,
}

impl Case {
    /// Call `number` of a pair.
    pub(crate) fn new(seed: u64, pair: Pair<'_>, number: u64) -> Self {
        let mut rng = Rng::new(seed, &pair.name(), number);
        let (method, target) = target(&mut rng, pair);
        let mut case = Self {
            method,
            target,
            id: id(&mut rng),
            token: None,
            log_level: None,
            request: String::new(),
            answer: Vec::new(),
            streamed: false,
        };
        case.request = request(&mut rng, pair, &mut case, number);
        case.streamed = rng.once_in(3);
        if case.streamed {
            for _ in 0..rng.below(4) {
                let notice = answer::notice(&mut rng);
                case.answer.push(notice);
            }
        }
        let response = answer::response(&mut rng, pair, &case);
        case.answer.push(response);
        if case.streamed {
            // The data of an event ends with its line, so a line end between two tokens may be only one byte.
            for message in &mut case.answer {
                *message = message.replace('\r', " ");
            }
        }
        case
    }

    /// What a modern client repeats in `Mcp-Name`.
    pub(crate) fn mirrored(&self) -> Option<&str> {
        (self.method != Method::Complete).then_some(&self.target.shown)
    }
}

fn target(rng: &mut Rng, pair: Pair<'_>) -> (Method, Named) {
    let server = pair.server;
    let (method, among) = match rng.below(12) {
        0..=6 => (Method::CallTool, &server.tools),
        7 | 8 => (Method::GetPrompt, &server.prompts),
        9 | 10 => (Method::ReadResource, &server.resources),
        _ if rng.once_in(2) => (Method::Complete, &server.templates),
        _ => (Method::Complete, &server.prompts),
    };
    let mut target = among[rng.below(among.len())].named.clone();
    if method == Method::ReadResource && rng.once_in(2) {
        target.shown = format!("{}+{}", server.slug, target.own);
    }
    (method, target)
}

fn id(rng: &mut Rng) -> String {
    match rng.below(8) {
        0 => "9007199254740993".to_owned(),
        1 => "-1".to_owned(),
        2 => "\"\\u0041\\/\\ud83d\\ude00\"".to_owned(),
        3 => "\"\"".to_owned(),
        4 => format!("\"id-{}\"", rng.next()),
        _ => (rng.next() >> 20).to_string(),
    }
}

fn request(rng: &mut Rng, pair: Pair<'_>, case: &mut Case, key: u64) -> String {
    let meta = request_meta(rng, pair, case);
    let mut odd = Odd::new(rng, false);
    let mut params = odd.unknown(4, LEVELS);
    params.push((CALL.to_owned(), key.to_string()));
    if let Some(meta) = meta {
        params.push((odd.spelt("_meta"), meta));
    }
    match case.method {
        Method::CallTool => {
            params.push((odd.spelt("name"), json::quoted(&case.target.shown)));
            if !odd.rng.once_in(10) {
                params.push((odd.spelt("arguments"), odd.object(LEVELS)));
            }
        }
        Method::GetPrompt => {
            params.push((odd.spelt("name"), json::quoted(&case.target.shown)));
            params.push((odd.spelt("arguments"), odd.object(LEVELS)));
        }
        Method::ReadResource => params.push((odd.spelt("uri"), odd.spelt(&case.target.shown))),
        Method::Complete => {
            let kind = if case.target.shown.contains("://") {
                [("ref/resource", "type"), (&case.target.shown, "uri")]
            } else {
                [("ref/prompt", "type"), (&case.target.shown, "name")]
            };
            let mut reference = odd.unknown(2, LEVELS - 1);
            reference.extend(kind.map(|(value, name)| (odd.spelt(name), json::quoted(value))));
            params.push((odd.spelt("ref"), odd.shuffled(reference)));
            let argument = vec![
                ("\"name\"".to_owned(), odd.string()),
                ("\"value\"".to_owned(), odd.string()),
            ];
            params.push(("\"argument\"".to_owned(), odd.shuffled(argument)));
            if odd.rng.once_in(2) {
                params.push(("\"context\"".to_owned(), odd.object(LEVELS)));
            }
        }
    }
    if !pair.is_modern_client() && odd.rng.once_in(20) {
        for name in ["inputResponses", "requestState", "task"] {
            params.push((odd.spelt(name), odd.object(LEVELS)));
        }
    }
    let mut envelope = vec![
        (odd.spelt("jsonrpc"), "\"2.0\"".to_owned()),
        (odd.spelt("id"), case.id.clone()),
        (odd.spelt("method"), odd.spelt(case.method.as_str())),
        (odd.spelt("params"), odd.shuffled(params)),
    ];
    if odd.rng.once_in(20) {
        envelope.push(("\"x-envelope\"".to_owned(), odd.value(LEVELS)));
    }
    odd.shuffled(envelope)
}

/// The `_meta` of the request, with what it means noted in the case.
fn request_meta(rng: &mut Rng, pair: Pair<'_>, case: &mut Case) -> Option<String> {
    let modern = pair.is_modern_client();
    if !modern && rng.once_in(2) {
        return None;
    }
    if rng.once_in(2) {
        // None that a gateway could draw for itself, so that the count of differences is repeatable.
        let tokens = [
            "18446744073709551616",
            "\"\\u0074oken\"",
            "9007199254740993",
            "\"\"",
            "-3",
        ];
        case.token = Some(rng.pick(&tokens).to_owned());
    }
    if modern && rng.once_in(2) {
        case.log_level = Some(rng.pick(&["debug", "info", "warning"]));
    }
    let mut odd = Odd::new(rng, false);
    let mut meta = odd.unknown(3, LEVELS - 1);
    if modern {
        let reserved = [
            ("protocolVersion", json::quoted(MODERN)),
            ("clientCapabilities", "{ \"elicitation\": {}}".to_owned()),
            ("clientInfo", CLIENT.to_owned()),
        ];
        for (name, value) in reserved {
            meta.push((odd.spelt(&format!("io.modelcontextprotocol/{name}")), value));
        }
    }
    if let Some(level) = case.log_level {
        let name = odd.spelt("io.modelcontextprotocol/logLevel");
        meta.push((name, json::quoted(level)));
    }
    if let Some(token) = &case.token {
        meta.push((odd.spelt("progressToken"), token.clone()));
    }
    for name in ["traceparent", "tracestate", "baggage"] {
        if odd.rng.once_in(10) {
            meta.push((odd.spelt(name), odd.string()));
        }
    }
    if odd.rng.once_in(10) {
        let name = odd.spelt("io.modelcontextprotocol/related-task");
        meta.push((name, odd.object(LEVELS - 1)));
    }
    Some(odd.shuffled(meta))
}

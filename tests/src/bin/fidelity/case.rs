//! One call: what the client says and what the server will answer, both as bytes.

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

/// What a client may declare; it is not asked for anything.
const CLIENT: &str = "{\"name\":\"fidelity\",\"version\":\"1\"}";
/// How deep a message may be (P3.15), without the envelope and the object in it.
const LEVELS: usize = 62;

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
                let notice = notice(&mut rng);
                case.answer.push(notice);
            }
        }
        let response = response(&mut rng, pair, &case);
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

// === the request ===

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
        let tokens = ["7", "\"\\u0074oken\"", "9007199254740993", "\"\"", "-3"];
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
            ("clientCapabilities", "{ }".to_owned()),
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

// === the answer ===

fn notice(rng: &mut Rng) -> String {
    let mut odd = Odd::new(rng, true);
    let mut params = odd.unknown(4, LEVELS);
    let method = match odd.rng.below(5) {
        0 | 1 => {
            let token = if odd.rng.once_in(12) { "987654" } else { TOKEN };
            params.push((odd.spelt("progressToken"), token.to_owned()));
            let values = ["1", "2.50", "3e0", "1e1", "9007199254740993"];
            params.push((odd.spelt("progress"), odd.rng.pick(&values).to_owned()));
            params.push(("\"total\"".to_owned(), odd.number()));
            params.push(("\"message\"".to_owned(), odd.string()));
            "notifications/progress"
        }
        2 | 3 => {
            let level = odd.rng.pick(&["debug", "info", "notice", "error"]);
            params.push((odd.spelt("level"), odd.spelt(level)));
            params.push(("\"data\"".to_owned(), odd.value(LEVELS)));
            if odd.rng.once_in(2) {
                params.push((odd.spelt("logger"), json::quoted("db é")));
            }
            "notifications/message"
        }
        _ => "notifications/x-unknown",
    };
    if odd.rng.once_in(3) {
        params.push(("\"_meta\"".to_owned(), odd.object(LEVELS)));
    }
    let envelope = vec![
        ("\"jsonrpc\"".to_owned(), "\"2.0\"".to_owned()),
        (odd.spelt("method"), json::quoted(method)),
        (odd.spelt("params"), odd.shuffled(params)),
    ];
    odd.shuffled(envelope)
}

fn response(rng: &mut Rng, pair: Pair<'_>, case: &Case) -> String {
    let failed = rng.once_in(8);
    let mut odd = Odd::new(rng, true);
    let outcome = if failed {
        (odd.spelt("error"), error(&mut odd, case))
    } else {
        (odd.spelt("result"), result(&mut odd, pair, case))
    };
    let mut envelope = vec![
        (odd.spelt("jsonrpc"), "\"2.0\"".to_owned()),
        (odd.spelt("id"), ID.to_owned()),
        outcome,
    ];
    if odd.rng.once_in(20) {
        envelope.push(("\"x-envelope\"".to_owned(), odd.value(LEVELS)));
    }
    odd.shuffled(envelope)
}

fn error(odd: &mut Odd<'_>, case: &Case) -> String {
    let codes = [
        -32602,
        -32603,
        -32601,
        -32002,
        -32001,
        -32000,
        -32042,
        -32020,
        -32021,
        -32022,
        -32050,
        -32099,
        -33010,
        1,
        -1,
        9_007_199_254_740_993_i64,
    ];
    let code = odd.rng.pick(&codes);
    let mut members = vec![
        (odd.spelt("code"), code.to_string()),
        (odd.spelt("message"), odd.string()),
    ];
    if code == -32602 && odd.rng.once_in(2) {
        let uri = format!("{{\"uri\":{}}}", json::quoted(&case.target.own));
        members.push((odd.spelt("data"), uri));
    } else if odd.rng.once_in(2) {
        // The data goes one level down where the code cannot be passed.
        members.push((odd.spelt("data"), odd.value(LEVELS - 2)));
    }
    if odd.rng.once_in(10) {
        members.push(("\"x-error\"".to_owned(), odd.value(LEVELS)));
    }
    odd.shuffled(members)
}

fn result(odd: &mut Odd<'_>, pair: Pair<'_>, case: &Case) -> String {
    let mut members = odd.unknown(4, LEVELS);
    match case.method {
        Method::CallTool => {
            members.push((odd.spelt("content"), blocks(odd)));
            if odd.rng.once_in(2) {
                members.push((odd.spelt("structuredContent"), odd.value(LEVELS)));
            }
            if odd.rng.once_in(6) {
                members.push((odd.spelt("isError"), "true".to_owned()));
            }
        }
        Method::GetPrompt => {
            members.push((odd.spelt("description"), odd.string()));
            let count = odd.rng.below(4);
            let messages: Vec<String> = (0..count).map(|_| message(odd)).collect();
            members.push((odd.spelt("messages"), odd.list(&messages)));
        }
        Method::ReadResource => {
            let count = odd.rng.below(3);
            let contents: Vec<String> =
                (0..count).map(|_| content(odd, &case.target.own)).collect();
            members.push((odd.spelt("contents"), odd.list(&contents)));
        }
        Method::Complete => members.push((odd.spelt("completion"), completion(odd))),
    }
    if pair.server.modern {
        if !odd.rng.once_in(10) {
            members.push((odd.spelt("resultType"), odd.spelt("complete")));
        }
        if case.method == Method::ReadResource || odd.rng.once_in(20) {
            let ttl = ["0", "60000", "18446744073709551615", "1.0", "-5", "null"];
            let scope = ["\"private\"", "\"public\"", "\"p\\u0072ivate\"", "1"];
            members.push((odd.spelt("ttlMs"), odd.rng.pick(&ttl).to_owned()));
            members.push((odd.spelt("cacheScope"), odd.rng.pick(&scope).to_owned()));
        }
    } else if odd.rng.once_in(20) {
        for name in [
            "resultType",
            "ttlMs",
            "cacheScope",
            "inputRequests",
            "requestState",
        ] {
            members.push((odd.spelt(name), odd.value(LEVELS)));
        }
    }
    if odd.rng.once_in(3) {
        let mut meta = odd.unknown(4, LEVELS - 1);
        for name in ["serverInfo", "related-task", "x"] {
            if odd.rng.once_in(4) {
                let name = odd.spelt(&format!("io.modelcontextprotocol/{name}"));
                meta.push((name, odd.object(LEVELS - 1)));
            }
        }
        members.push((odd.spelt("_meta"), odd.shuffled(meta)));
    }
    odd.shuffled(members)
}

fn blocks(odd: &mut Odd<'_>) -> String {
    let count = odd.rng.below(4);
    let blocks: Vec<String> = (0..count).map(|_| block(odd)).collect();
    odd.list(&blocks)
}

fn message(odd: &mut Odd<'_>) -> String {
    let members = vec![
        ("\"role\"".to_owned(), "\"user\"".to_owned()),
        (odd.spelt("content"), block(odd)),
    ];
    odd.shuffled(members)
}

fn block(odd: &mut Odd<'_>) -> String {
    let mut members = odd.unknown(3, LEVELS - 3);
    let kind = odd.rng.pick(&[
        "text",
        "text",
        "image",
        "audio",
        "resource_link",
        "resource",
        "hologram",
    ]);
    members.push((odd.spelt("type"), odd.spelt(kind)));
    match kind {
        "text" => members.push((odd.spelt("text"), odd.string())),
        "image" | "audio" => {
            members.push((odd.spelt("data"), "\"QUJD\"".to_owned()));
            members.push((odd.spelt("mimeType"), "\"x\\/y\"".to_owned()));
        }
        "resource_link" => {
            let uri = format!("x-link:\\/\\/{}", odd.rng.below(5000));
            members.push((odd.spelt("uri"), format!("\"{uri}\"")));
            members.push((odd.spelt("name"), odd.string()));
        }
        "resource" => {
            let inner = content(odd, "x-embedded://1");
            members.push((odd.spelt("resource"), inner));
        }
        _ => members.push(("\"rays\"".to_owned(), odd.value(LEVELS - 3))),
    }
    if odd.rng.once_in(4) {
        members.push(("\"annotations\"".to_owned(), odd.object(LEVELS - 3)));
    }
    odd.shuffled(members)
}

/// An item of `contents`, or an embedded resource.
fn content(odd: &mut Odd<'_>, own: &str) -> String {
    let mut members = odd.unknown(3, LEVELS - 4);
    let uri = if odd.rng.once_in(4) {
        "x-other://\u{e9}"
    } else {
        own
    };
    members.push((odd.spelt("uri"), odd.spelt(uri)));
    members.push((odd.spelt("text"), odd.string()));
    odd.shuffled(members)
}

fn completion(odd: &mut Odd<'_>) -> String {
    let mut members = odd.unknown(3, LEVELS - 1);
    let count = if odd.rng.once_in(4) {
        95 + odd.rng.below(12)
    } else {
        odd.rng.below(4)
    };
    let values: Vec<String> = (0..count).map(|_| odd.string()).collect();
    members.push((odd.spelt("values"), odd.list(&values)));
    if odd.rng.once_in(2) {
        members.push((odd.spelt("total"), odd.number()));
        members.push((odd.spelt("hasMore"), "false".to_owned()));
    }
    odd.shuffled(members)
}

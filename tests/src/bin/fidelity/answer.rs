//! What a server says: notices, results, errors.

use crate::case::{Case, ID, LEVELS, Method, TOKEN};
use crate::json;
use crate::odd::Odd;
use crate::pair::Pair;
use crate::rng::Rng;

/// Longer than what the gateway collects.
const LARGE: usize = 150 * 1024;

/// A notice, sometimes one that nobody knows.
pub(crate) fn notice(rng: &mut Rng) -> String {
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
                params.push((odd.spelt("logger"), odd.string()));
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

/// The response, with whatever the server of the pair may say.
pub(crate) fn response(rng: &mut Rng, pair: Pair<'_>, case: &Case) -> String {
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
    let may_ask = pair.server.modern && pair.is_modern_client() && case.method != Method::Complete;
    if may_ask && odd.rng.once_in(15) {
        return questions(odd);
    }
    let mut members = odd.unknown(4, LEVELS);
    if odd.rng.once_in(250) {
        // Handed on as it comes, where nothing of it has to be changed inside.
        let quoted = odd.string();
        let piece = format!("{}.", &quoted[1..quoted.len() - 1]);
        let long = piece.repeat(LARGE / piece.len());
        members.push(("\"x-large\"".to_owned(), format!("\"{long}\"")));
    }
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

/// A result that asks the client something first.
fn questions(odd: &mut Odd<'_>) -> String {
    let count = 1 + odd.rng.below(2);
    let questions = (0..count).map(|number| {
        let mut params = odd.unknown(3, LEVELS - 3);
        params.push((odd.spelt("message"), odd.string()));
        let schema = "{\"type\":\"object\",\"properties\":{} }".to_owned();
        params.push(("\"requestedSchema\"".to_owned(), schema));
        let mut question = odd.unknown(2, LEVELS - 2);
        question.push((odd.spelt("method"), odd.spelt("elicitation/create")));
        question.push((odd.spelt("params"), odd.shuffled(params)));
        (format!("\"key {number}\""), odd.shuffled(question))
    });
    let questions = questions.collect();
    let mut members = odd.unknown(4, LEVELS);
    members.push((odd.spelt("resultType"), "\"input_required\"".to_owned()));
    members.push((odd.spelt("inputRequests"), odd.shuffled(questions)));
    if odd.rng.once_in(2) {
        members.push((odd.spelt("requestState"), odd.string()));
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

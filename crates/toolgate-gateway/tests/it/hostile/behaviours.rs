//! What a hostile server may answer a call with. Whatever must not reach the client says EVIL.

/// What the client is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// The good answer, whatever stood around it.
    Answered,
    /// An error of the gateway's.
    Failed,
    /// Either, as long as nothing evil is in it.
    Clean,
}

pub(super) type Behaviour = (Expected, Vec<u8>);

use Expected::{Answered, Clean, Failed};

/// The answer that was asked for.
const GOOD: &str =
    r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"fine"}]}}"#;

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: $LEN\r\n\r\n{body}").into_bytes()
}

fn json(body: &str) -> Vec<u8> {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

fn events(text: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n{text}").into_bytes()
}

/// All of them.
pub(super) fn all() -> Vec<Behaviour> {
    [
        headers(),
        statuses(),
        types(),
        bodies(),
        streams(),
        framing(),
    ]
    .concat()
}

/// Headers that would act in a client if they got there.
fn headers() -> Vec<Behaviour> {
    let headers = [
        "Set-Cookie: EVIL=1",
        "Set-Cookie2: EVIL=1",
        "Set-Cookie: a=1\r\nSet-Cookie: EVIL=1; HttpOnly",
        "WWW-Authenticate: Bearer resource_metadata=\"https://EVIL.example/\"",
        "WWW-Authenticate: Basic realm=EVIL",
        "Proxy-Authenticate: Basic realm=EVIL",
        "Authentication-Info: EVIL",
        "Location: https://EVIL.example/",
        "Content-Location: https://EVIL.example/",
        "Refresh: 0; url=https://EVIL.example/",
        "Link: <https://EVIL.example/>; rel=preload",
        "Access-Control-Allow-Origin: https://EVIL.example",
        "Access-Control-Allow-Credentials: EVIL",
        "Clear-Site-Data: \"EVIL\"",
        "Strict-Transport-Security: max-age=1; EVIL",
        "Content-Security-Policy: report-uri https://EVIL.example/",
        "Report-To: {\"EVIL\":1}",
        "NEL: {\"EVIL\":1}",
        "Alt-Svc: h3=\"EVIL.example:443\"",
        "Server: EVIL",
        "Via: 1.1 EVIL",
        "X-Powered-By: EVIL",
        "X-EVIL: 1",
        "Upgrade: EVIL",
        "Trailer: EVIL",
        "Keep-Alive: timeout=EVIL",
        "Mcp-Session-Id: EVIL",
        "MCP-Protocol-Version: EVIL",
        "Retry-After: EVIL",
        "X-RateLimit-Limit: EVIL",
        "Content-Disposition: attachment; filename=EVIL",
        "Content-Language: EVIL",
        "ETag: \"EVIL\"",
        "Age: EVIL",
        "Cache-Control: public, EVIL",
        "Vary: EVIL",
    ];
    let with = |header: &&str| {
        let headers = format!("Content-Type: application/json\r\n{header}\r\n");
        (Answered, answer("200 OK", &headers, GOOD))
    };
    headers.iter().map(with).collect()
}

/// Refusals and redirects, with pages nobody should see.
fn statuses() -> Vec<Behaviour> {
    let statuses = [
        "100 Continue",
        "101 Switching Protocols",
        "102 Processing",
        "103 Early Hints",
        "199 Odd",
        "202 Accepted",
        "204 No Content",
        "205 Reset Content",
        "300 Many",
        "301 Moved",
        "302 Found",
        "303 See Other",
        "304 Not Modified",
        "305 Use Proxy",
        "307 Temporary",
        "308 Permanent",
        "400 Bad",
        "401 Unauthorized",
        "402 Pay",
        "403 Forbidden",
        "404 Not Found",
        "405 No",
        "406 No",
        "407 Proxy",
        "408 Late",
        "409 Conflict",
        "410 Gone",
        "413 Large",
        "415 Type",
        "421 Misdirected",
        "425 Early",
        "426 Upgrade",
        "429 Many",
        "431 Large",
        "451 Legal",
        "499 Closed",
        "500 Error",
        "501 No",
        "502 Bad Gateway",
        "503 Unavailable",
        "504 Late",
        "505 Version",
        "511 Login",
        "599 Odd",
        "600 Odd",
        "999 Odd",
    ];
    let with = |status: &&str| {
        let headers = "Location: https://EVIL.example/\r\nWWW-Authenticate: EVIL\r\nSet-Cookie: EVIL\r\nContent-Type: text/html\r\n";
        (Failed, answer(status, headers, "<h1>EVIL</h1>"))
    };
    statuses.iter().map(with).collect()
}

/// Answers that say they are something else.
fn types() -> Vec<Behaviour> {
    let types = [
        "text/html",
        "text/plain",
        "application/xml",
        "application/octet-stream",
        "application/jsonp",
        "text/json",
        "application/x-ndjson",
        "multipart/mixed; boundary=a",
        "image/png",
        "application/json+EVIL",
        "json",
        "EVIL",
        "/",
        "text/event-stream+EVIL",
        "application/vnd.EVIL+json",
    ];
    let evil = r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"EVIL"}]}}"#;
    let with = |kind: &&str| {
        let headers = format!("Content-Type: {kind}\r\n");
        (Failed, answer("200 OK", &headers, evil))
    };
    types.iter().map(with).collect()
}

/// Bodies that are no answer.
fn bodies() -> Vec<Behaviour> {
    let bodies = [
        "",
        " ",
        "null",
        "true",
        "1",
        "\"EVIL\"",
        "[]",
        "{}",
        "EVIL",
        "[1]",
        "{\"EVIL\":",
        "{\"EVIL\":1}}",
        "\u{feff}{}",
        r#"{"jsonrpc":"2.0"}"#,
        r#"{"jsonrpc":"2.0","id":$ID}"#,
        r#"{"jsonrpc":"1.0","id":$ID,"result":{"EVIL":1}}"#,
        r#"{"id":$ID,"result":{"EVIL":1}}"#,
        r#"{"jsonrpc":2.0,"id":$ID,"result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":999999,"result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":"$ID","result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":null,"result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":[$ID],"result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":{"EVIL":1},"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":$ID.5,"result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"EVIL":1},"error":{"code":1,"message":"EVIL"}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"id":$ID,"result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"EVIL":1},"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"error":"EVIL"}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"error":null}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"error":{"code":"EVIL","message":"EVIL"}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"error":{"message":"EVIL"}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":null}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":"EVIL"}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":["EVIL"]}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":7}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"method":"sampling/createMessage","params":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"EVIL"}}"#,
        r#"[{"jsonrpc":"2.0","id":$ID,"result":{"EVIL":1}}]"#,
        "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"EVIL\":\"\u{1}\"}}",
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"EVIL":01}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"EVIL":NaN}}"#,
        r"{'jsonrpc':'2.0','id':$ID,'result':{'EVIL':1}}",
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"EVIL":1},}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"EVIL":1}} {"EVIL":1}"#,
    ];
    let mut all: Vec<Behaviour> = bodies.iter().map(|body| (Failed, json(body))).collect();
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"EVIL":{}{}}}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    all.push((Failed, json(&deep)));
    let mut bad_text = json(GOOD);
    bad_text.extend_from_slice(b"\xff\xfe");
    all.push((Failed, bad_text));
    // A result of a kind nobody knows is not a result.
    for kind in ["\"EVIL\"", "7", "null", "{\"EVIL\":1}"] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"resultType":{kind},"content":[]}}}}"#
        );
        all.push((Clean, json(&body)));
    }
    all
}

/// Events around the good answer.
fn streams() -> Vec<Behaviour> {
    let good = format!("data: {GOOD}\n\n");
    let dropped = [
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"EVIL","progress":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":"EVIL"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"EVIL"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"EVIL:x"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/EVIL","params":{}}"#,
        r#"{"jsonrpc":"2.0","method":"EVIL","params":{}}"#,
        r#"{"jsonrpc":"2.0","method":"","params":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":77,"method":"EVIL/method","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":"EVIL","method":"tools/call","params":{"name":"t"}}"#,
        r#"{"jsonrpc":"2.0","id":78,"method":"initialize","params":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":82,"method":"ping","params":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":424242,"result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":"424242","result":{"EVIL":1}}"#,
        r#"{"jsonrpc":"2.0","id":424242,"error":{"code":1,"message":"EVIL"}}"#,
    ];
    let mut all: Vec<Behaviour> = dropped
        .iter()
        .map(|message| (Answered, events(&format!("data: {message}\n\n{good}"))))
        .collect();
    let around = [
        "event: EVIL\ndata: EVIL\n\n",
        "event: ping\ndata: {\"EVIL\":1}\n\n",
        ": EVIL\n\n",
        "id: EVIL\n\n",
        "id: EVIL\0\ndata:\n\n",
        "retry: 99999999999999999999\n\n",
        "retry: EVIL\n\n",
        "EVIL\n\n",
        "EVIL: 1\n\n",
        "data\n\n",
        "data:\n\n",
        "\n\n\n\n",
        "\r\n\r\n",
        "\u{feff}",
    ];
    all.extend(around.map(|junk| (Clean, events(&format!("{junk}{good}")))));
    let evil =
        r#"data: {"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"EVIL"}]}}"#;
    all.extend([
        // What comes after the answer is nobody's.
        (Answered, events(&format!("{good}{evil}\n\n"))),
        (Answered, events(&format!("{good}data: EVIL\n\n"))),
        // A question that this client said it can't answer ends the call, and is not shown.
        (Failed, events(&format!("data: {}\n\n{good}", r#"{"jsonrpc":"2.0","id":79,"method":"roots/list","params":{"EVIL":1}}"#))),
        (Failed, events(&format!("data: {}\n\n{good}", r#"{"jsonrpc":"2.0","id":80,"method":"sampling/createMessage","params":{"EVIL":1}}"#))),
        (Failed, events(&format!("data: {}\n\n{good}", r#"{"jsonrpc":"2.0","id":81,"method":"elicitation/create","params":{"message":"EVIL"}}"#))),
        (Failed, events("")),
        (Failed, events(": EVIL\n\n")),
        (Failed, events("data: EVIL\n\n")),
        (Failed, events("data: {\"EVIL\":1}\n\n")),
        // Cut inside an event: not an event.
        (Failed, events(evil)),
        (Failed, events(&evil[..evil.len() - 20])),
    ]);
    all
}

/// Bytes that are not quite HTTP.
fn framing() -> Vec<Behaviour> {
    let answers = [
        "",
        "EVIL",
        "EVIL\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 200\r\n",
        "HTTP/9.9 200 OK\r\n\r\nEVIL",
        "HTTP/1.1 20 OK\r\n\r\nEVIL",
        "HTTP/1.1 EVIL OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nEVIL\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX\0: EVIL\r\n\r\n",
        "HTTP/1.1 200 OK\r\n EVIL: folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"EVIL\":1}",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nEVILEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\nEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: EVIL\r\n\r\nEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\nEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nEVIL\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: zstd\r\nContent-Length: 4\r\n\r\nEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: EVIL\r\nContent-Length: 4\r\n\r\nEVIL",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 4\r\n\r\nEVIL",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nEVIL",
        "GET /EVIL HTTP/1.1\r\nHost: EVIL\r\n\r\n",
        "SSH-2.0-EVIL\r\n",
        "\x16\x03\x01EVIL",
        "-ERR EVIL\r\n",
        "220 EVIL ESMTP\r\n",
    ];
    let mut all: Vec<Behaviour> = answers
        .iter()
        .map(|bytes| (Failed, bytes.as_bytes().to_vec()))
        .collect();
    let many = "X: EVIL\r\n".repeat(200);
    all.push((Failed, answer("200 OK", &many, GOOD)));
    let large = format!("X: {}\r\n", "EVIL".repeat(10_000));
    all.push((Failed, answer("200 OK", &large, GOOD)));
    all.push((
        Clean,
        [b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100), json(GOOD)].concat(),
    ));
    all
}

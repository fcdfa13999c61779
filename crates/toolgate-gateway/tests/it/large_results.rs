//! Large results go on as they come (P7.9, S-22, S-42, S-68): what the client has of one before its end, and what
//! becomes of it when the end does not come.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};
use toolgate_analytics::CallStatus;
use toolgate_namespace::Injection;
use toolgate_testkit::{Client, EventStream, Piece, Running, Script, Server};

use crate::setup::Setup;
use crate::wire::{soon, started};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
/// More than is collected, on either way.
const LARGE: usize = 200 * 1024;

fn bytes(text: impl Into<String>) -> Piece {
    Piece::Bytes(text.into().into_bytes())
}

/// An answer around a long text: its begin up to the text, and what follows it.
fn around(is_modern: bool, end: &str) -> (String, String) {
    let kind = if is_modern {
        r#","resultType":"complete""#
    } else {
        ""
    };
    (
        r#"{"jsonrpc":"2.0","id":"$ID","result":{"content":[{"type":"text","text":""#.to_owned(),
        format!(r#""}}]{kind}{end}}}}}"#),
    )
}

/// A tool whose answer is a long text in these pieces.
fn tool(is_modern: bool, content_type: &'static str, pieces: Vec<Piece>, end: &str) -> Script {
    let (begin, end) = around(is_modern, end);
    let (begin, end) = match content_type {
        EVENTS => (format!("data: {begin}"), format!("{end}\n\n")),
        _ => (begin, end),
    };
    let mut all = vec![bytes(begin)];
    all.extend(pieces);
    all.push(bytes(end));
    Script::new().pieces(content_type, all)
}

fn server(is_modern: bool, script: Script) -> Server {
    let server = Server::new().tool("t", script);
    if is_modern { server.modern() } else { server }
}

async fn linked(setup: &Setup, server: Server) -> Running {
    let server = server.start().await;
    setup.link("s", &server).await;
    server
}

/// A call of that tool by a client of that revision, which takes only this.
async fn call(setup: &Setup, is_modern: bool, accept: &str) -> EventStream {
    call_by(setup.client(), is_modern, accept).await
}

async fn call_by(client: Client, is_modern: bool, accept: &str) -> EventStream {
    let params = json!({"name": "s__t", "arguments": {}});
    if is_modern {
        let mut client = client.header("accept", accept);
        return soon("an answer", client.modern_stream("tools/call", params)).await;
    }
    let mut client = client;
    client.initialize().await;
    let message = client.request_message("tools/call", &params);
    let client = client.header("accept", accept);
    soon("an answer", client.post_stream(&message)).await
}

/// Reads until so many bytes were there.
async fn read(answer: &mut EventStream, least: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < least {
        let chunk = soon("more of the answer", answer.chunk()).await;
        all.extend(
            chunk
                .expect("the answer goes on")
                .expect("and does not break"),
        );
    }
    all
}

/// Reads to the end: what came, and whether it was whole.
async fn rest(answer: &mut EventStream) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    loop {
        match soon("the end of the answer", answer.chunk()).await {
            Some(Ok(chunk)) => all.extend(chunk),
            Some(Err(_)) => return (all, false),
            None => return (all, true),
        }
    }
}

fn message(text: &[u8]) -> Value {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let text = text.strip_prefix("data: ").unwrap_or(&text);
    serde_json::from_str(text.trim_end()).unwrap()
}

async fn only_record(setup: &Setup) -> toolgate_store::CallRow {
    setup.records(1).await.remove(0)
}

/// The first bytes are with the client while the server has not sent the last; in every direction.
#[tokio::test]
async fn p7_9_the_first_byte_comes_before_the_last_was_sent() {
    for server_is_modern in [false, true] {
        for content_type in [JSON, EVENTS] {
            for client_is_modern in [false, true] {
                for accept in [JSON, "application/json, text/event-stream"] {
                    let halves = vec![
                        bytes("a".repeat(LARGE)),
                        Piece::Wait("go"),
                        bytes("b".repeat(LARGE)),
                    ];
                    let script = tool(server_is_modern, content_type, halves, "");
                    let setup = Setup::new().await;
                    let server = linked(&setup, server(server_is_modern, script)).await;
                    let mut answer = call(&setup, client_is_modern, accept).await;
                    let mut text = read(&mut answer, LARGE).await;
                    assert!(text.ends_with(b"aaaa"));
                    server.signal("go");
                    let (end, is_whole) = rest(&mut answer).await;
                    assert!(is_whole);
                    text.extend(end);
                    let message = message(&text);
                    let expected = format!("{}{}", "a".repeat(LARGE), "b".repeat(LARGE));
                    assert_eq!(message["result"]["content"][0]["text"], expected);
                    let kind = &message["result"]["resultType"];
                    assert_eq!(kind.is_null(), !client_is_modern, "{kind}");
                    let record = only_record(&setup).await;
                    assert_eq!(record.status, CallStatus::Ok);
                    assert_eq!(record.bytes_out, text.len() as u64);
                }
            }
        }
    }
}

/// The same where the server says the type of its events, as most do.
#[tokio::test]
async fn an_event_that_says_it_is_a_message_goes_on_as_it_comes() {
    for is_modern in [false, true] {
        let (begin, end) = around(is_modern, "");
        let script = Script::new().pieces(
            EVENTS,
            vec![
                bytes(format!("event: message\ndata: {begin}")),
                bytes("a".repeat(LARGE)),
                Piece::Wait("go"),
                bytes(format!("{}{end}\n\n", "b".repeat(LARGE))),
            ],
        );
        let setup = Setup::new().await;
        let server = linked(&setup, server(is_modern, script)).await;
        let mut answer = call(&setup, is_modern, JSON).await;
        let mut text = read(&mut answer, LARGE).await;
        server.signal("go");
        let (end, is_whole) = rest(&mut answer).await;
        assert!(is_whole);
        text.extend(end);
        let expected = format!("{}{}", "a".repeat(LARGE), "b".repeat(LARGE));
        assert_eq!(message(&text)["result"]["content"][0]["text"], expected);
        assert_eq!(only_record(&setup).await.status, CallStatus::Ok);
    }
}

/// The same on the event stream of a modern client, whose event comes in parts.
#[tokio::test]
async fn p7_9_an_event_for_the_client_comes_in_parts() {
    for content_type in [JSON, EVENTS] {
        let halves = vec![
            bytes("a".repeat(LARGE)),
            Piece::Wait("go"),
            bytes("b".repeat(LARGE)),
        ];
        // Line ends between two tokens must not end the line of an event.
        let end = if content_type == JSON {
            ",\n\"x\":\r\n1"
        } else {
            ",\ndata: \"x\":1"
        };
        let script = tool(true, content_type, halves, end);
        let setup = Setup::new().await;
        let server = linked(&setup, server(true, script)).await;
        let mut answer = call(&setup, true, EVENTS).await;
        let mut text = read(&mut answer, LARGE).await;
        assert!(text.starts_with(b"data: {\"jsonrpc\""));
        server.signal("go");
        let (end, is_whole) = rest(&mut answer).await;
        assert!(is_whole);
        text.extend(end);
        assert!(text.ends_with(b"}\n\n"));
        let message = message(&text);
        assert_eq!(message["result"]["x"], 1);
        assert_eq!(
            message["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
            "toolgate"
        );
    }
}

/// The last id of a text of events, and what takes up the stream behind it.
async fn resumed(client: &Client, text: &[u8]) -> EventStream {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let id = text
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .next_back();
    let extra = [("accept", EVENTS), ("last-event-id", id.unwrap())];
    client.get_stream(&extra).await
}

/// The messages of a text of events.
fn messages(text: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let data = data.filter(|data| !data.is_empty());
    data.map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// A call whose answer is an event stream that can be taken up again.
async fn resumable(setup: &Setup) -> (Client, EventStream, Value) {
    let mut client = started(setup, "2025-11-25").await;
    let params = json!({"name": "s__t", "arguments": {}});
    let asked = client.request_message("tools/call", &params);
    let asking = client.clone().header("accept", EVENTS);
    let answer = soon("an answer", asking.post_stream(&asked)).await;
    (client, answer, asked["id"].clone())
}

/// A stream that can be taken up again carries a large result as it comes, too, and who lost it in the middle of
/// the event gets the event whole, once (P6.12, P7.6, P7.9).
#[tokio::test]
async fn p7_6_an_event_that_was_cut_in_its_middle_comes_whole_later() {
    for content_type in [JSON, EVENTS] {
        for is_cut in [true, false] {
            let halves = vec![
                bytes("a".repeat(LARGE)),
                Piece::Wait("go"),
                bytes("b".repeat(LARGE)),
            ];
            let setup = Setup::new().await;
            let server = linked(&setup, server(false, tool(false, content_type, halves, ""))).await;
            let (client, mut answer, id) = resumable(&setup).await;
            let mut text = read(&mut answer, LARGE).await;
            assert!(text.ends_with(b"aaaa"), "parts come as they come");
            if is_cut {
                drop(answer);
                answer = resumed(&client, &text).await;
                text = Vec::new();
            }
            server.signal("go");
            let (end, is_whole) = rest(&mut answer).await;
            assert!(is_whole);
            text.extend(end);
            let messages = messages(&text);
            assert_eq!(messages.len(), 1);
            assert_eq!(messages[0]["id"], id);
            let expected = format!("{}{}", "a".repeat(LARGE), "b".repeat(LARGE));
            assert_eq!(messages[0]["result"]["content"][0]["text"], expected);
            assert_eq!(only_record(&setup).await.status, CallStatus::Ok);
            // It is kept under its id, and after it there is nothing.
            let mut again = resumed(&client, &text).await;
            assert_eq!(rest(&mut again).await, (Vec::new(), true));
        }
    }
}

/// Who comes back for an answer whose rest never came learns that, instead of waiting (P7.6).
#[tokio::test]
async fn p7_6_an_event_that_broke_off_is_an_error_for_who_comes_back() {
    for is_cut in [true, false] {
        let pieces = vec![bytes("a".repeat(LARGE)), Piece::Wait("go"), Piece::Cut];
        let setup = Setup::new().await;
        let server = linked(&setup, server(false, tool(false, JSON, pieces, ""))).await;
        let (client, mut answer, id) = resumable(&setup).await;
        let text = read(&mut answer, LARGE).await;
        if is_cut {
            drop(answer);
            server.signal("go");
        } else {
            server.signal("go");
            let (_, is_whole) = rest(&mut answer).await;
            assert!(!is_whole);
        }
        let mut again = resumed(&client, &text).await;
        let (text, is_whole) = rest(&mut again).await;
        assert!(is_whole);
        let messages = messages(&text);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0]["id"], id);
        assert!(messages[0]["error"]["code"].is_i64(), "{}", messages[0]);
        assert_eq!(only_record(&setup).await.status, CallStatus::Unreachable);
    }
}

/// S-22: a secret that lies across two chunks, in each of its spellings, at each of its bytes.
#[tokio::test]
async fn s22_a_secret_across_two_chunks_stays_here() {
    use base64::Engine;
    let secret = r#"fake/s3cr\et"Ab+xyz=0001"#;
    let json = Value::from(secret).to_string();
    let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let base64 = base64::engine::general_purpose::STANDARD.encode(format!("ab{secret}"));
    for (spelt, trace) in [
        (json[1..json.len() - 1].to_owned(), "s3cr"),
        (hex.clone(), &hex[8..20]),
        (base64.clone(), &base64[8..20]),
    ] {
        for content_type in [JSON, EVENTS] {
            let setup = Setup::new().await;
            let mut pieces = vec![bytes("a".repeat(LARGE))];
            for at in 1..spelt.len() {
                pieces.push(bytes(&spelt[..at]));
                pieces.push(Piece::Wait("go"));
                pieces.push(bytes(format!("{} ", &spelt[at..])));
            }
            let script = tool(false, content_type, pieces, "");
            let server = server(false, script).start().await;
            let scope = setup.scope("default");
            let injections = vec![Injection::Header {
                name: "x-api-key".into(),
                template: "{API_KEY}".into(),
            }];
            let spec = setup.link_with("s", &server, injections).await;
            setup.secret(&scope, &spec, "API_KEY", secret).await;
            let mut answer = call(&setup, true, JSON).await;
            let mut text = read(&mut answer, LARGE / 2).await;
            server.signal("go");
            let (end, is_whole) = rest(&mut answer).await;
            assert!(is_whole);
            text.extend(end);
            let shown = message(&text)["result"]["content"][0]["text"].to_string();
            assert!(!shown.contains(trace), "{trace} in {}", &shown[LARGE..]);
            assert_eq!(shown.matches("[REDACTED]").count(), spelt.len() - 1);
        }
    }
}

/// P4.6: what the end of a long result says is what is recorded.
#[tokio::test]
async fn p4_6_a_tool_error_at_the_end_of_a_long_result_is_recorded() {
    let setup = Setup::new().await;
    let script = tool(
        false,
        JSON,
        vec![bytes("a".repeat(LARGE))],
        ",\"isError\":true",
    );
    let _server = linked(&setup, server(false, script)).await;
    let mut answer = call(&setup, false, JSON).await;
    let (text, _) = rest(&mut answer).await;
    let tail = String::from_utf8_lossy(&text[text.len().saturating_sub(300)..]).into_owned();
    assert_eq!(message(&text)["result"]["isError"], true, "{tail}");
    assert_eq!(only_record(&setup).await.status, CallStatus::ToolError);
}

/// What goes wrong after the begin went out shows in the answer and in the record, never as a success.
#[tokio::test]
async fn r14_an_answer_whose_rest_is_missing_or_wrong_breaks_off() {
    let long = || bytes("a".repeat(LARGE));
    let cases: Vec<(&str, Vec<Piece>)> = vec![
        ("the server breaks off", vec![Piece::Wait("go"), Piece::Cut]),
        (
            "it is no JSON",
            vec![Piece::Wait("go"), bytes("\u{1}"), long()],
        ),
        (
            "it is no UTF-8",
            vec![Piece::Wait("go"), Piece::Bytes(vec![0xff]), long()],
        ),
        ("it is too much (S-68)", {
            let mut pieces = vec![Piece::Wait("go")];
            pieces.extend((0..90).map(|_| long()));
            pieces
        }),
        (
            "it asks after all",
            vec![
                Piece::Wait("go"),
                bytes("\"}],\"resultType\":\"input_required\",\"x\":[{\"y\":\""),
            ],
        ),
        (
            "a member comes twice",
            vec![Piece::Wait("go"), bytes("\"}],\"content\":[{\"y\":\"")],
        ),
    ];
    for (what, pieces) in cases {
        for content_type in [JSON, EVENTS] {
            for accept in [JSON, EVENTS] {
                let setup = Setup::new().await;
                let mut all = vec![long()];
                all.extend(pieces.clone());
                let script = tool(true, content_type, all, "");
                let server = linked(&setup, server(true, script)).await;
                let mut answer = call(&setup, true, accept).await;
                read(&mut answer, LARGE / 2).await;
                server.signal("go");
                let (_, is_whole) = rest(&mut answer).await;
                assert!(!is_whole, "{what}");
                let record = only_record(&setup).await;
                assert_eq!(record.status, CallStatus::Unreachable, "{what}");
                assert!(record.bytes_out > LARGE as u64 / 2, "{what}");
            }
        }
    }
}

/// S-42: nothing more comes for a token that ended, and the server is told by the end of its connection.
#[tokio::test]
async fn s42_a_revoked_tokens_answer_ends_in_its_middle() {
    for is_modern in [false, true] {
        let setup = Setup::new().await;
        let pieces = vec![bytes("a".repeat(LARGE)), Piece::Wait("never")];
        let server = linked(&setup, server(is_modern, tool(is_modern, JSON, pieces, ""))).await;
        let scope = setup.scope("default");
        let (token, row) = setup.token(&scope, |_| ()).await;
        let client = Client::new(&setup.url("default")).bearer(&token);
        let mut answer = call_by(client, is_modern, JSON).await;
        read(&mut answer, LARGE / 2).await;
        setup.revoke(&scope, &row).await;
        let (_, is_whole) = rest(&mut answer).await;
        assert!(!is_whole);
        assert_eq!(only_record(&setup).await.status, CallStatus::Revoked);
        soon("the end of the server's answer", server.until_aborted(1)).await;
    }
}

/// P5.17, P6.13: who goes away in the middle of an answer, or cancels it, ends it at the server too.
#[tokio::test]
async fn p5_17_a_client_that_leaves_or_cancels_ends_the_answer() {
    for cancels in [false, true] {
        let setup = Setup::new().await;
        let pieces = vec![bytes("a".repeat(LARGE)), Piece::Wait("never")];
        let server = linked(&setup, server(false, tool(false, JSON, pieces, ""))).await;
        let mut client = started(&setup, "2025-11-25").await;
        let params = json!({"name": "s__t", "arguments": {}});
        let asked = client.request_message("tools/call", &params);
        let mut answer = soon("an answer", client.post_stream(&asked)).await;
        read(&mut answer, LARGE / 2).await;
        if cancels {
            let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
                "params": {"requestId": asked["id"]}});
            client.post(&cancel).await;
            let (_, is_whole) = rest(&mut answer).await;
            assert!(!is_whole);
        } else {
            drop(answer);
        }
        assert_eq!(only_record(&setup).await.status, CallStatus::Cancelled);
        soon("the end of the server's answer", server.until_aborted(1)).await;
    }
}

/// P7.9: a client that does not read holds the server back, and the gateway keeps no more than buffers.
#[tokio::test]
async fn p7_9_a_slow_client_holds_the_server_back() {
    let setup = Setup::new().await;
    let piece = 64 * 1024;
    let mut pieces: Vec<Piece> = (0..200).map(|_| bytes("a".repeat(piece))).collect();
    pieces.push(Piece::Wait("go"));
    let server = linked(&setup, server(true, tool(true, JSON, pieces, ""))).await;
    server.signal("go");
    let mut answer = call(&setup, true, JSON).await;
    read(&mut answer, 1).await;
    // Nobody reads for a while; what was begun is whole all the same.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(
        setup.gauge("calls under way").await == 1,
        "it cannot be over"
    );
    let (text, is_whole) = rest(&mut answer).await;
    assert!(is_whole);
    assert!(text.len() > 190 * piece);

    setup.until_gauge("calls under way", 0).await;
    assert_eq!(only_record(&setup).await.status, CallStatus::Ok);
}

/// P12.2: a server that stops in the middle is given its time and no more, and is not reused.
#[tokio::test]
async fn p12_2_a_server_that_stops_in_the_middle_runs_out_of_time() {
    let setup = Setup::new().await;
    let pieces = vec![bytes("a".repeat(LARGE)), Piece::Wait("never")];
    let server = server(true, tool(true, JSON, pieces, "")).start().await;
    let scope = setup.scope("default");
    let mut spec = setup.spec(&scope, "s", server.url());
    spec.timeouts.call_idle = Duration::from_millis(500);
    setup.add(&scope, &spec).await;
    let mut answer = call(&setup, true, JSON).await;
    read(&mut answer, LARGE / 2).await;
    let (_, is_whole) = rest(&mut answer).await;
    assert!(!is_whole);
    assert_eq!(only_record(&setup).await.status, CallStatus::TimedOut);
    soon("the end of the server's answer", server.until_aborted(1)).await;
}

/// P9.16: what a large result points to may be read afterwards, as if it had been seen whole.
#[tokio::test]
async fn p9_16_what_a_large_result_links_to_is_learnt() {
    let setup = Setup::new().await;
    let end = r#","linked":1"#;
    let links = vec![
        bytes("a".repeat(LARGE)),
        bytes(r#""},{"type":"resource_link","uri":"odd:one","name":"n"},{"type":"text","text":""#),
    ];
    let read = json!({"contents": [{"uri": "odd:one", "text": "found"}]});
    let server = server(false, tool(false, JSON, links, end))
        .method("resources/read", Script::new().result(read));
    let server = server.capabilities(json!({"tools": {}, "resources": {}}));
    let _server = linked(&setup, server).await;
    let other = Server::new().tool("u", "u").start().await;
    setup.link("other", &other).await;
    let mut client = started(&setup, "2025-11-25").await;
    let called = client.call("s__t", json!({})).await;
    assert_eq!(called.message()["result"]["linked"], 1);
    let reply = client
        .rpc("resources/read", &json!({"uri": "odd:one"}))
        .await;
    let contents = &reply.message()["result"]["contents"];
    assert_eq!(contents[0]["text"], "found", "{:?}", reply.message());
}

/// A client of HTTP/2 has its stream reset, and the rest of its connection goes on (P7.9).
#[tokio::test]
async fn p7_9_over_http2_only_the_stream_breaks_off() {
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let setup = Setup::new().await;
    let pieces = vec![bytes("a".repeat(LARGE)), Piece::Wait("go"), Piece::Cut];
    let server = linked(&setup, server(true, tool(true, JSON, pieces, ""))).await;
    let url: hyper::Uri = setup.url("default").parse().unwrap();
    let socket = tokio::net::TcpStream::connect(url.authority().unwrap().as_str());
    let io = TokioIo::new(socket.await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let params = json!({"name": "s__t", "arguments": {}});
    let (client, message) = setup.client().modern_message("tools/call", params);
    let mut request = hyper::Request::post(url);
    for (name, value) in client.headers() {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::<hyper::body::Bytes>::new(message.to_string().into()))
        .unwrap();
    let again = request.clone();
    let mut body = soon("an answer", sender.send_request(request))
        .await
        .unwrap()
        .into_body();
    let mut got = 0;
    while got < LARGE / 2 {
        let frame = soon("more", body.frame()).await.unwrap().unwrap();
        got += frame.into_data().unwrap_or_default().len();
    }
    server.signal("go");
    let broke = loop {
        match soon("the end", body.frame()).await {
            Some(Ok(_)) => {}
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(broke);
    let answer = soon("another answer", sender.send_request(again)).await;
    assert_eq!(answer.unwrap().status(), 200);
}

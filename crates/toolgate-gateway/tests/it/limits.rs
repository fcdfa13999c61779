//! Section 17 of the security requirements, where it is about HTTP: each limit at its edges, and an answer that names it.

use std::collections::HashMap;

use serde_json::json;
use toolgate_namespace::{EraSetting, ServerSpec};
use toolgate_testkit::{Client, Server};

use crate::hostile::HostileServer;
use crate::setup::Setup;
use crate::wire::soon;

#[tokio::test]
async fn section_17_a_request_body_has_four_mebibytes() {
    let setup = Setup::new().await;
    let server = Server::new().tool("t", "ok").start().await;
    setup.link("s", &server).await;
    let limit = 4 * 1024 * 1024;
    for (length, status) in [(limit - 1, 200), (limit, 200), (limit + 1, 413)] {
        let mut body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__t","arguments":{}}}"#.to_vec();
        body.resize(length, b' ');
        let reply = soon("an answer", setup.client().post_raw(body)).await;
        assert_eq!(reply.status, status, "{length}");
        if status == 413 {
            let said = String::from_utf8_lossy(&reply.body);
            assert!(said.contains("larger than 4194304 bytes"), "{said}");
        } else {
            assert_eq!(reply.text(), "ok", "{length}");
        }
    }
}

#[tokio::test]
async fn section_17_a_requests_header_has_a_hundred_fields_and_sixteen_kibibytes() {
    let setup = Setup::new().await;
    let own = 5; // host, accept, content-type, authorization, content-length
    for (fields, status) in [(99, 200), (100, 200), (101, 431)] {
        let extra = (own..fields).map(|number| (format!("x-{number}"), "1"));
        let client = extra.fold(setup.client(), |client, (name, value)| {
            client.header(&name, value)
        });
        let reply = client
            .post(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}))
            .await;
        assert_eq!(reply.status, status, "{fields} fields");
    }
    // The request line and all fields with their ends: what stands before the long one is measured, not guessed.
    let address = setup.origin.trim_start_matches("http://").to_owned();
    let head = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: ";
    let limit = 16 * 1024;
    for (length, status) in [(limit - 1, "200"), (limit, "200"), (limit + 1, "431")] {
        let filler = "x".repeat(length - head.len() - 4);
        let answer = soon(
            "an answer",
            raw(&address, &format!("{head}{filler}\r\n\r\n")),
        )
        .await;
        assert_eq!(&answer[9..12], status, "{length} bytes: {answer}");
    }
}

/// Sends text and reads what comes until the connection ends.
async fn raw(address: &str, text: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn section_17_an_answer_and_an_event_have_sixteen_mebibytes() {
    let limit = 16 * 1024 * 1024;
    let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: $LEN\r\n\r\n";
    let events =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: $LEN\r\n\r\ndata: ";
    let good =
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"fine"}]$TO"#;
    // An event's length is that of its data; `data: ` and two line ends stand around it.
    let around = "data: \n\n".len();
    let cases = [
        ("/a", format!("{json}{good}{};}}}}", limit - 1), None),
        ("/b", format!("{json}{good}{limit};}}}}"), None),
        (
            "/c",
            format!("{json}{good}{};}}}}", limit + 1),
            Some("an answer of more than 16 MiB"),
        ),
        (
            "/d",
            format!("{events}{good}{};}}}}\n\n", limit - 64 + around),
            None,
        ),
        (
            "/e",
            format!("{events}{good}{};}}}}\n\n", limit + 64 + around),
            Some("an event of more than 16 MiB"),
        ),
    ];
    let scripts: HashMap<_, _> = cases
        .iter()
        .map(|(path, script, _)| ((*path).to_owned(), script.clone().into_bytes()))
        .collect();
    let server = HostileServer::start(scripts).await;
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    for (path, _, _) in &cases {
        let url = format!("http://{}{path}", server.origin);
        let spec = setup.spec(&scope, &path[1..], &url);
        let era = EraSetting::Legacy;
        setup.add_later(&scope, &ServerSpec { era, ..spec });
    }
    setup.knock().await;
    let (token, _) = setup.token(&scope, |_| ()).await;
    let mut client = Client::new(&setup.url("default")).bearer(&token);
    for (path, _, refused) in cases {
        let params = json!({"name": format!("{}__t", &path[1..]), "arguments": {}});
        let reply = soon(path, client.modern("tools/call", params)).await;
        let message = reply.message();
        match refused {
            None => assert_eq!(reply.text(), "fine", "{path}"),
            Some(limit) => {
                let said = message["error"]["message"].as_str().unwrap_or_default();
                assert!(said.contains(limit), "{path}: {message}");
            }
        }
    }
}

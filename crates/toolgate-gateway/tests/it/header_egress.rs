//! S-27 `header_egress`, S-28: of what a client sends in headers, servers see nothing.

use std::collections::BTreeSet;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use toolgate_namespace::Injection;
use toolgate_testkit::{Running, Server};

use crate::setup::Setup;
use crate::wire::soon;

const MARK: &str = "from-the-client";

/// Every header that a server may be sent.
const ALLOWED: [&str; 9] = [
    "host",
    "accept",
    "accept-encoding",
    "content-type",
    "content-length",
    "mcp-protocol-version",
    "mcp-session-id",
    "mcp-method",
    "mcp-name",
];

/// Headers that mean something to somebody on the way.
const NAMES: [&str; 52] = [
    "Cookie",
    "Cookie2",
    "X-Mcp-Secret-Github-Token",
    "X-Mcp-Secret-A",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-Forwarded-Access-Token",
    "X-Real-Ip",
    "X-Client-Ip",
    "True-Client-Ip",
    "Cf-Connecting-Ip",
    "Fastly-Client-Ip",
    "X-Original-Url",
    "X-Rewrite-Url",
    "X-Original-Host",
    "X-Host",
    "X-Http-Method-Override",
    "X-Method-Override",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Proxy-Authenticate",
    "Keep-Alive",
    "Te",
    "Trailer",
    "Via",
    "X-Remote-User",
    "Remote-User",
    "X-User-Id",
    "X-Auth-Token",
    "X-Api-Key",
    "Api-Key",
    "X-Access-Token",
    "X-Csrf-Token",
    "X-Amz-Security-Token",
    "X-Goog-Iap-Jwt-Assertion",
    "X-Ms-Client-Principal",
    "User-Agent",
    "Referer",
    "Accept-Language",
    "Baggage",
    "X-Request-Id",
    "X-Correlation-Id",
    "X-B3-Traceid",
    "Mcp-Param-Region",
    "Mcp-Param-Key",
    "Sec-Fetch-Site",
    "X-Hop-By-Hop",
];

/// Each name in six spellings.
fn spellings() -> Vec<String> {
    let spell = |name: &&str| {
        [
            (*name).to_owned(),
            name.to_ascii_lowercase(),
            name.to_ascii_uppercase(),
            name.replace('-', "_"),
            name.to_ascii_uppercase().replace('-', "_"),
            // As nginx, CGI and friends would spell what they read.
            format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_")),
        ]
    };
    NAMES.iter().flat_map(spell).collect()
}

/// Calls with these header lines, over a connection of its own.
async fn call(setup: &Setup, token: &str, tool: &str, lines: &str) -> String {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{}}}}}}"#
    );
    let request = format!(
        "POST /ws/default HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{lines}Content-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    let address = setup.origin.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("the end", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn seen(server: &Running) -> (BTreeSet<String>, String) {
    let requests = server.requests();
    let names = requests
        .iter()
        .flat_map(|request| request.headers.keys().cloned());
    (
        names.collect(),
        format!(
            "{:?}",
            requests.iter().map(|r| &r.headers).collect::<Vec<_>>()
        ),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s27_header_egress() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let (token, _) = setup.token(&scope, |_| ()).await;
    let old = Server::new().tool("t", "ok").start().await;
    let new = Server::new().modern().tool("t", "ok").start().await;
    setup.link("old", &old).await;
    setup.link("new", &new).await;
    let with_secret = Server::new().tool("t", "ok").start().await;
    let injected = Injection::Header {
        name: "x-api-key".to_owned(),
        template: "{KEY}".to_owned(),
    };
    let spec = setup.link_with("kept", &with_secret, vec![injected]).await;
    setup
        .secret(&scope, &spec, "KEY", "the-operators-own")
        .await;

    let spellings = spellings();
    assert!(spellings.len() >= 300, "{}", spellings.len());
    for some in spellings.chunks(40) {
        // Each twice, and named as belonging to this hop by `Connection`.
        let mut lines: String = some
            .iter()
            .flat_map(|name| {
                [
                    format!("{name}: {MARK}\r\n"),
                    format!("{name}: {MARK}-2\r\n"),
                ]
            })
            .collect();
        lines.push_str("Connection: close, x-hop-by-hop, authorization\r\n");
        for tool in ["old__t", "new__t", "kept__t"] {
            let answer = call(&setup, &token, tool, &lines).await;
            assert!(
                answer.starts_with("HTTP/1.1 200 "),
                "{tool}: {answer}\n{lines}"
            );
            assert!(answer.contains("\"ok\""), "{tool}: {answer}");
        }
    }
    for (server, extra) in [
        (&old, None),
        (&new, None),
        (&with_secret, Some("x-api-key")),
    ] {
        let (names, all) = seen(server);
        let strange: Vec<_> = names
            .iter()
            .filter(|name| !ALLOWED.contains(&name.as_str()) && Some(name.as_str()) != extra)
            .collect();
        assert!(strange.is_empty(), "{strange:?}");
        assert!(!all.contains(MARK), "{all}");
        assert!(!all.contains("mwt_"), "S-28: {all}");
        assert!(
            names.contains("content-type") && names.contains("host"),
            "it was called"
        );
    }
    let sent = with_secret.requests_for("tools/call").pop().unwrap();
    assert_eq!(sent.header("x-api-key"), Some("the-operators-own"));
}

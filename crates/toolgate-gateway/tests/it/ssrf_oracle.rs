//! S-67 `ssrf_oracle`: to a client, a server that can't be reached says nothing about what stands at its address.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::json;
use toolgate_namespace::{ServerSpec, Timeouts, Transport};
use toolgate_testkit::Client;

use crate::setup::Setup;
use crate::wire::soon;

/// An address where nobody listens.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s67_ssrf_oracle() {
    let setup = Setup::new().await;
    let scope = setup.scope("default");
    let (token, _) = setup.token(&scope, |_| ()).await;
    // Takes connections and never says a word: filtered to whoever waits for an answer, TLS that fails to whoever wants it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().map(|at| (at, silent)).unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = other.local_addr().unwrap();
    std::thread::spawn(move || {
        // An open port that speaks something else.
        for stream in other.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut { stream }, b"-ERR unknown command\r\n");
        }
    });
    let targets = [
        ("closed", format!("http://{}/", closed()), true),
        ("tls-closed", format!("https://{}/", closed()), true),
        ("tls-failing", format!("https://{open}/"), true),
        ("filtered", format!("https://{}/", silent.0), true),
        ("blocked", "https://127.0.0.1:9/".to_owned(), false),
        ("metadata", "https://169.254.169.254/".to_owned(), false),
        ("private", "https://10.255.255.1/".to_owned(), false),
        (
            "nameless",
            "https://no-such-host.invalid/".to_owned(),
            false,
        ),
    ];
    for (slug, url, allowed) in &targets {
        let spec = setup.spec(&scope, slug, "http://127.0.0.1:1/");
        let origin = url.split('/').nth(2).unwrap().to_owned();
        setup.add_later(
            &scope,
            &ServerSpec {
                transport: Transport::Http {
                    url: url.clone(),
                    http: toolgate_namespace::HttpKind::Auto,
                },
                allowed_origin: allowed.then_some(origin),
                timeouts: Timeouts {
                    connect: Duration::from_millis(500),
                    ..spec.timeouts
                },
                ..spec
            },
        );
    }
    setup.knock().await;
    let mut client = Client::new(&setup.url("default")).bearer(&token);
    let mut faces = Vec::new();
    for round in 0..2 {
        for (slug, _, _) in &targets {
            let began = Instant::now();
            let params = json!({"name": format!("{slug}__t"), "arguments": {}});
            let reply = soon(slug, client.modern("tools/call", params)).await;
            let message = reply.message();
            let shown = message["error"].to_string().replace(slug, "SERVER");
            // Figures for the scorecard; `cargo test -- --nocapture` shows them.
            println!("round {round}: {slug} after {:?}", began.elapsed());
            faces.push((reply.status, shown));
        }
    }
    for (number, face) in faces.iter().enumerate() {
        assert_eq!(face, &faces[0], "{}", targets[number % targets.len()].0);
    }
    assert!(faces[0].1.contains("does not answer"), "{:?}", faces[0]);
}

/// A server that was seen and then went away answers alike, whatever became of its address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s67_why_a_known_server_cannot_be_reached_is_the_operators_to_know() {
    let setup = Setup::new().await;
    let server = toolgate_testkit::Server::new()
        .tool("t", "ok")
        .start()
        .await;
    setup.link("gone", &server).await;
    let mut client = setup.client();
    let params = json!({"name": "gone__t", "arguments": {}});
    let reply = client.modern("tools/call", params.clone()).await;
    assert_eq!(reply.text(), "ok");
    drop(server);
    let reply = soon("an answer", client.modern("tools/call", params)).await;
    let said = reply.message()["error"]["message"].to_string();
    assert!(said.contains("it cannot be reached;"), "{said}");
    assert!(said.contains("toolgatectl workspace test"), "{said}");
    for detail in ["refused", "closed", "TLS", "address", "resolve", "time"] {
        assert!(!said.contains(detail), "{detail} in {said}");
    }
}

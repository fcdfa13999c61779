//! The whole gateway inside another hyper service, under its own path.
//!
//! `cargo run -p toolgate-examples --example embed_gateway`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response, Uri};
use toolgate_gateway::{Config, DataDir, Gateway};
use toolgate_http::{Drain, Handler, Listener, ReplyBody, ServeLimits, serve};
use toolgate_testkit::Client;

/// The service you already have: `/mcp/…` goes to the gateway, the rest is yours.
struct Service {
    gateway: Arc<Gateway>,
}

impl Handler for Service {
    async fn handle(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        _peer: SocketAddr,
    ) -> Response<ReplyBody> {
        let inner = request
            .uri()
            .path()
            .strip_prefix("/mcp")
            .map(str::parse::<Uri>);
        if let Some(Ok(uri)) = inner {
            *request.uri_mut() = uri;
            return self.gateway.handle(request).await;
        }
        Response::new(ReplyBody::full("my own page\n".into()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (gateway, first_run) = Gateway::open(Config::new(DataDir::new(folder.path()))).await?;
    let first_run = first_run.ok_or("an empty folder means a first run")?;

    let listener = Listener::bind("127.0.0.1:0".parse()?)?;
    let url = format!(
        "http://{}/mcp/ws/{}",
        listener.local_addr(),
        first_run.workspace
    );
    let (signal, drain) = Drain::new();
    let service = Arc::new(Service {
        gateway: gateway.clone(),
    });
    let serving = tokio::spawn(serve(listener, ServeLimits::default(), service, drain));

    let mut client = Client::new(&url).bearer(first_run.token.expose());
    client.initialize().await;
    let reply = client.rpc("tools/list", &serde_json::json!({})).await;
    println!("{url} answers {}", reply.json());
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["result"]["tools"], serde_json::json!([]));

    signal.drain();
    serving.await?;
    gateway.shutdown().await;
    Ok(())
}

//! HTTP/2 without TLS, by hyper: dearer than our own HTTP/1.1, so the load has less of its core to spare.

use std::io::Error;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::job::Target;
use crate::request::Request;

/// A connection that could carry many requests at once and carries one.
#[derive(Debug)]
pub(crate) struct Multiplexed(SendRequest<Full<Bytes>>);

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) session: Option<String>,
    pub(crate) events: bool,
    pub(crate) body: Vec<u8>,
    pub(crate) first_byte: Instant,
}

impl Multiplexed {
    pub(crate) async fn new(socket: TcpStream) -> Result<Self, Error> {
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .map_err(Error::other)?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub(crate) async fn round(
        &mut self,
        target: &Target,
        request: &Request,
    ) -> Result<Answer, Error> {
        let uri = format!("http://{}{}", target.address, target.path);
        let mut builder = hyper::Request::builder().method(request.verb).uri(uri);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let sent = builder
            .body(Full::from(request.body.clone()))
            .map_err(Error::other)?;
        self.0.ready().await.map_err(Error::other)?;
        let response = self.0.send_request(sent).await.map_err(Error::other)?;
        let text = |name: &str| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let (session, kind) = (text("mcp-session-id"), text("content-type"));
        let mut answer = Answer {
            status: response.status().as_u16(),
            session,
            events: kind.is_some_and(|kind| kind.starts_with("text/event-stream")),
            body: Vec::new(),
            first_byte: Instant::now(),
        };
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(Error::other)?.into_data() else {
                continue;
            };
            if answer.body.is_empty() {
                answer.first_byte = Instant::now();
            }
            answer.body.extend_from_slice(&data);
        }
        Ok(answer)
    }
}

//! Attacks on the front door: what strangers can do to a gateway, and what a good client notices of it.

pub(crate) mod auth_flood;
pub(crate) mod preauth_budget;
pub(crate) mod slowloris;

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use toolgate_tests::{Gateway, Installation};

/// A gateway with a workspace `team` and a token that is never rate limited.
pub(crate) struct Front {
    pub(crate) gateway: Gateway,
    pub(crate) token: String,
    // Gone last, with its directory.
    _installation: Installation,
}

impl Front {
    pub(crate) fn new(flags: &[&str]) -> Self {
        let installation = Installation::new();
        installation.workspace("team");
        let token = installation.unlimited("team").token;
        Self {
            gateway: installation.start_with(flags),
            token,
            _installation: installation,
        }
    }

    pub(crate) fn address(&self) -> &str {
        self.gateway.url.trim_start_matches("http://")
    }

    /// A `ping` with this token, and these header lines besides.
    pub(crate) fn ping(token: &str, lines: &str) -> String {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        format!(
            "POST /ws/team HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{lines}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Megabytes that the gateway holds.
    pub(crate) fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gateway.process.id()));
        let status = status.expect("the gateway runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 = line
            .and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok())
            .expect("Linux says how much");
        kib / 1024.0
    }

    /// Processor time that the gateway has used.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.gateway.process.id()));
        let stat = stat.expect("the gateway runs");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().expect("a number"))
            .sum();
        // A tick is a hundredth of a second on every Linux that this runs on.
        Duration::from_millis(10 * ticks)
    }
}

/// A count as a figure.
pub(crate) fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A connection that is asked again and again.
pub(crate) struct Kept {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Kept {
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// Sends a request and reads its answer: the status, or 0 if the connection ended.
    pub(crate) async fn ask(&mut self, request: &str) -> u16 {
        if self.stream.write_all(request.as_bytes()).await.is_err() {
            return 0;
        }
        loop {
            if let Some(status) = self.answer() {
                return status;
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return 0,
                Ok(read) => self.unread.extend_from_slice(&chunk[..read]),
            }
        }
    }

    fn answer(&mut self) -> Option<u16> {
        let head = self.unread.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(&self.unread[..head]).to_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
        (self.unread.len() >= head + length).then(|| {
            self.unread.drain(..head + length);
            text[9..12].parse().expect("a status")
        })
    }
}

/// What a good client noticed.
pub(crate) struct Noticed {
    /// The 99th percentile of its waiting, in milliseconds.
    pub(crate) p99_ms: f64,
    /// Requests that were not answered with 200.
    pub(crate) failed: u64,
}

/// A good client that asks until `done` says so, but at least 200 times.
pub(crate) async fn good_client(address: &str, token: &str, done: impl Fn() -> bool) -> Noticed {
    let request = Front::ping(token, "");
    let mut connection = Kept::connect(address).await;
    let (mut waits, mut failed) = (Vec::new(), 0);
    while waits.len() < 200 || !done() {
        let began = Instant::now();
        let status = connection.ask(&request).await;
        waits.push(began.elapsed());
        if status != 200 {
            failed += 1;
            connection = Kept::connect(address).await;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    waits.sort();
    let p99 = waits[waits.len() * 99 / 100];
    Noticed {
        p99_ms: p99.as_secs_f64() * 1000.0,
        failed,
    }
}

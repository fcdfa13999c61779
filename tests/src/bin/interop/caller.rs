//! Asking a server, with or without a gateway in between, and getting the whole message back.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use toolgate_testkit::Client;

use crate::fixtures::Reach;

/// Which protocol to ask in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    /// 2025-11-25 with a handshake.
    Legacy,
    /// 2026-07-28.
    Modern,
}

/// One conversation.
pub(crate) enum Caller {
    Http {
        client: Client,
        era: Era,
        runtime: Runtime,
    },
    Stdio {
        child: Pipes,
        next_id: u64,
    },
}

impl Caller {
    /// Talks to a URL.
    pub(crate) fn http(url: &str, bearer: &str, era: Era) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let mut client = Client::new(url).bearer(bearer);
        if era == Era::Legacy {
            let reply = runtime.block_on(client.initialize());
            assert_eq!(
                reply.status,
                200,
                "initialize at {url}: {}",
                String::from_utf8_lossy(&reply.body)
            );
        }
        Self::Http {
            client,
            era,
            runtime,
        }
    }

    /// Talks to a server as the gateway would, but without it. Children are only asked in the legacy era.
    pub(crate) fn direct(reach: &Reach, era: Era) -> Self {
        match reach {
            Reach::Http { url, bearer } => Self::http(url, bearer.unwrap_or("none"), era),
            Reach::Stdio { argv } => {
                let mut caller = Self::Stdio {
                    child: Pipes::open(argv),
                    next_id: 1,
                };
                let hello = json!({
                    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "interop", "version": "1" },
                });
                caller.ask("initialize", &hello);
                if let Self::Stdio { child, .. } = &mut caller {
                    child.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
                }
                caller
            }
        }
    }

    /// Sends a request and returns the message that answers it, without its id.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let mut message = match self {
            Self::Http {
                client,
                era: Era::Legacy,
                runtime,
            } => runtime.block_on(client.rpc(method, params)).message(),
            Self::Http {
                client,
                era: Era::Modern,
                runtime,
            } => runtime
                .block_on(client.modern(method, params.clone()))
                .message(),
            Self::Stdio { child, next_id } => {
                let id = *next_id;
                *next_id += 1;
                child.send(
                    &json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }),
                );
                child.answer(id)
            }
        };
        let members = message
            .as_object_mut()
            .unwrap_or_else(|| panic!("{method} was not answered with a message"));
        members.remove("id");
        message
    }

    /// Every tool's definition, all pages.
    pub(crate) fn tools(&mut self) -> Vec<Value> {
        let (mut tools, mut params) = (Vec::new(), json!({}));
        loop {
            let page = self.ask("tools/list", &params);
            let listed = page["result"]["tools"].as_array();
            tools
                .extend_from_slice(listed.unwrap_or_else(|| panic!("not a list of tools: {page}")));
            match &page["result"]["nextCursor"] {
                Value::Null => return tools,
                cursor => params = json!({ "cursor": cursor }),
            }
        }
    }
}

/// A child process that speaks one message a line.
pub(crate) struct Pipes {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Pipes {
    fn open(argv: &[String]) -> Self {
        let mut child = Command::new(&argv[0])
            .args(&argv[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("starting {argv:?}: {error}"));
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            child,
            input,
            output,
        }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").expect("the child reads");
    }

    /// Reads until the answer with this id; what comes before it is for nobody here.
    fn answer(&mut self, id: u64) -> Value {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self
                .output
                .read_line(&mut line)
                .expect("the child writes text");
            assert!(read > 0, "the child ended instead of answering");
            let message: Value = serde_json::from_str(&line).expect("the child writes JSON");
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

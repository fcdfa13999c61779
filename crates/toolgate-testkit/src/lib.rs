//! Scriptable MCP servers and clients on real sockets and pipes (dev-dependency only).
//!
//! [`Server`] is an MCP server whose tools follow a [`Script`]: they answer, make progress, ask the
//! client, hang, lie or die. It speaks every era over HTTP, records each request it saw, and can be
//! steered while it runs ([`Running`]). [`Client`] is a raw MCP client for tests of what is between
//! the two. [`stdio_server_path`] finds a small scriptable server for standard input and output.
//!
//! Nothing here shares code with what it tests: messages are plain JSON values, so that a bug in
//! the product's encoder cannot hide behind the same bug in its test.
//!
//! ```
//! # async fn example() {
//! use toolgate_testkit::{Client, Script, Server};
//!
//! let server = Server::new()
//!     .tool("search", "found it")
//!     .tool("slow", Script::new().progress(1, 2).hang())
//!     .start()
//!     .await;
//! let mut client = Client::new(server.url());
//! client.initialize().await;
//! let reply = client.call("search", serde_json::json!({})).await;
//! assert_eq!(reply.status, 200);
//! assert_eq!(server.calls("search"), 1);
//! # }
//! ```

mod answering;
mod client;
mod mirrored;
mod old_client;
mod recorded;
mod script;
mod server;
mod stdio;

pub use client::{Client, Event, EventStream, Reply};
pub use mirrored::mirrored;
pub use old_client::OldClient;
pub use recorded::Recorded;
pub use script::{Piece, Script};
pub use server::{Running, Server};
pub use stdio::stdio_server_path;

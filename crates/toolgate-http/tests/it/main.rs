//! Both directions over real sockets, and the tables behind them.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

mod address;
mod at_most_once;
mod bounds;
mod cancel;
mod decode;
mod drain;
mod endpoint;
mod h2_abuse;
mod host_policy;
mod http2;
mod listener;
mod proxies;
mod read_body;
mod replies;
mod routes;
mod second_classifier;
mod slow_clients;
mod smuggling;
mod support;
mod tls;

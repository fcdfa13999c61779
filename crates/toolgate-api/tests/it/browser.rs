//! Somebody with a browser: a cookie, and the token against forgery that goes with it.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use toolgate_testkit::Client;

use crate::support::Setup;

/// Who is signed in.
pub(crate) struct Browser {
    origin: String,
    pub(crate) cookie: String,
    csrf: String,
}

impl Browser {
    /// Signs in with what is given, such as `{"key": "ak_…"}`.
    pub(crate) async fn sign_in(setup: &Setup, given: &Value) -> Self {
        let mut browser = Self {
            origin: setup.origin.clone(),
            cookie: String::new(),
            csrf: String::new(),
        };
        browser.ask("GET", None).await;
        browser.ask("POST", Some(given)).await;
        assert!(browser.cookie.starts_with("__Host-toolgate="));
        browser
    }

    pub(crate) async fn sign_out(&mut self) {
        self.ask("DELETE", None).await;
    }

    /// The same browser as a client of the API.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.origin)
            .header("cookie", &self.cookie)
            .header("origin", &self.origin)
            .header("x-csrf-token", &self.csrf)
    }

    /// One request to the door, by hand: its answers set several cookies.
    async fn ask(&mut self, method: &str, body: Option<&Value>) {
        let host = self.origin.trim_start_matches("http://").to_owned();
        let body = body.map_or_else(String::new, Value::to_string);
        let request = format!(
            "{method} /api/session HTTP/1.1\r\nHost: {host}\r\nOrigin: {}\r\nCookie: {}\r\nX-CSRF-Token: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.origin,
            self.cookie,
            self.csrf,
            body.len()
        );
        let mut socket = TcpStream::connect(&host).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        for line in head.lines() {
            let cookie = line
                .strip_prefix("set-cookie: ")
                .filter(|cookie| !cookie.contains("Max-Age=0"));
            if let Some((pair, _)) = cookie.and_then(|cookie| cookie.split_once(';')) {
                pair.clone_into(&mut self.cookie);
            }
        }
        let body: Value = serde_json::from_str(body).unwrap();
        if let Some(csrf) = body["csrf"].as_str() {
            csrf.clone_into(&mut self.csrf);
        }
    }
}

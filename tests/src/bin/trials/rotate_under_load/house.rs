//! An installation whose servers answer nobody who does not bring the right secret.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use toolgate_testkit::{Client, Running, Server};
use toolgate_tests::{Created, Gateway, Installation, eventually, program};

const VALUE: &str = "fake-secret-0123456789";
/// Secrets of each workspace that no call needs: they make a rotation take a while.
const OTHERS: usize = 70;

pub(super) struct House {
    pub(super) installation: Installation,
    token: Created,
    server: Running,
}

impl House {
    pub(super) async fn new() -> Self {
        let server = Server::new()
            .require_header("authorization", &format!("Bearer {VALUE}"))
            .tool("echo", "done")
            .start()
            .await;
        let installation = Installation::new();
        installation.workspace("team");
        let token = installation.unlimited("team");
        let add = ["mcp", "add", "s", "--workspace", "team", "--url"];
        installation.done(&[&add[..], &[server.url(), "--bearer", "KEY"]].concat());
        installation.secret("team", "s", "KEY", VALUE);
        for number in 0..OTHERS {
            let name = format!("OTHER_{number}");
            let set = ["workspace", "secret", "set", "team", &name];
            assert!(installation.ctl_with(&set, VALUE).status.success());
        }
        Self {
            installation,
            token,
            server,
        }
    }

    /// A client with a session of its own.
    pub(super) async fn client(&self, gateway: &Gateway) -> Client {
        let mut client = Client::new(&gateway.workspace("team")).bearer(&self.token.token);
        let reply = client.initialize().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        client
    }

    /// Whether a call gets through to the server, which takes the right secret only.
    pub(super) async fn answers(&self, gateway: &Gateway) -> bool {
        let mut client = self.client(gateway).await;
        is_good(&client.call("s__echo", json!({})).await)
    }

    /// `toolgatectl keys rotate`, about to start; it dies at the named step, if one is named.
    pub(super) fn rotate(&self, which: &[&str], die_at: Option<&str>) -> Command {
        let mut command = Command::new(program("toolgatectl"));
        command
            .arg("--data-dir")
            .arg(self.installation.data_dir())
            .args(["keys", "rotate"])
            .args(which)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(step) = die_at {
            command.env("TOOLGATE_DIE_AT", step);
        }
        command
    }

    /// A gateway that dies at a step of its own.
    pub(super) fn doomed(&self, step: &str) -> Gateway {
        let variable = format!("TOOLGATE_DIE_AT={step}");
        self.installation.start_under(&["env", &variable], &[])
    }

    /// Waits until nothing is left to do.
    pub(super) fn finished(&self) {
        eventually("the rotation finishes", || {
            (self.status()["unfinished"] == Value::Null).then_some(())
        });
    }

    pub(super) fn status(&self) -> Value {
        self.installation.json(&["keys", "status"])
    }

    /// What the server saw, so that its memory does not grow for ever.
    pub(super) fn calls(&self) -> usize {
        self.server.calls("echo")
    }
}

/// A result, and no error of the tool.
pub(super) fn is_good(reply: &toolgate_testkit::Reply) -> bool {
    reply.status == 200 && {
        let message = reply.message();
        message["result"]["content"][0]["text"] == "done" && message["result"]["isError"] != true
    }
}

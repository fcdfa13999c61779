//! An installation full of canaries, and the servers behind it.

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use toolgate_testkit::{Running, Script, Server, stdio_server_path};
use toolgate_tests::Installation;

use super::scan::{Canary, Channel, Output};

/// What a run needs to begin.
pub(super) struct World {
    pub(super) runtime: Runtime,
    pub(super) installation: Installation,
    pub(super) canaries: Vec<Canary>,
    pub(super) outputs: Vec<Output>,
    pub(super) servers: Vec<(&'static str, Running)>,
    pub(super) tokens: Tokens,
    /// Goes as an argument, comes back in results.
    pub(super) payload: String,
    /// A tool that no server has.
    pub(super) made_up: String,
    seed: u64,
}

/// What clients come with.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) admin: String,
    pub(super) reader: String,
    pub(super) revoked: String,
    /// Well-formed but for its checksum.
    pub(super) bent: String,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let mut world = Self {
            runtime,
            installation: Installation::new(),
            canaries: Vec::new(),
            outputs: Vec::new(),
            servers: Vec::new(),
            tokens: Tokens::default(),
            payload: String::new(),
            made_up: String::new(),
            seed: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        };
        world.payload = world.canary("payload", &[Channel::Client, Channel::Upstream]);
        // Nowhere: not in an error, not in a record.
        world.made_up = world.canary("unknown tool name", &[]);
        world.tokens();
        world.servers();
        world.secrets();
        let key = std::fs::read(world.installation.data_dir().join("master.key"))
            .expect("the key file is there");
        world.remember(
            "master key, as its file has it",
            key.trim_ascii().to_vec(),
            &[],
        );
        world
    }

    /// A value of letters and digits that nothing else holds.
    fn value(&mut self) -> String {
        const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";
        let letter = |seed: &mut u64| {
            *seed ^= *seed << 13;
            *seed ^= *seed >> 7;
            *seed ^= *seed << 17;
            char::from(LETTERS[usize::try_from(*seed >> 40).unwrap_or(0) % LETTERS.len()])
        };
        (0..32).map(|_| letter(&mut self.seed)).collect()
    }

    pub(super) fn remember(
        &mut self,
        class: &'static str,
        value: impl Into<Vec<u8>>,
        allowed: &'static [Channel],
    ) {
        self.canaries.push(Canary {
            class,
            value: value.into(),
            allowed,
        });
    }

    fn canary(&mut self, class: &'static str, allowed: &'static [Channel]) -> String {
        let value = self.value();
        self.remember(class, value.clone(), allowed);
        value
    }

    pub(super) fn keep(
        &mut self,
        channel: Channel,
        what: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
    ) {
        self.outputs.push(Output {
            channel,
            what: what.into(),
            bytes: bytes.into(),
        });
    }

    /// Runs `toolgatectl` and keeps what it printed, whether or not it succeeded.
    pub(super) fn ctl(&mut self, channel: Channel, args: &[&str], input: &str) -> String {
        let said = self.installation.ctl_with(args, input);
        let what = format!("toolgatectl {}", args.join(" "));
        self.keep(channel, what.clone(), said.stdout.clone());
        // A failure shows no token.
        self.keep(Channel::Cli, what, said.stderr);
        said.stdout
    }

    fn token(&mut self, class: &'static str, flags: &[&str]) -> (String, String) {
        let args = [
            &[
                "--json",
                "workspace",
                "token",
                "create",
                "team",
                "--name",
                class,
            ],
            flags,
        ]
        .concat();
        let printed = self.ctl(Channel::ShownOnce, &args, "");
        let made: Value = serde_json::from_str(&printed).unwrap_or_default();
        let text = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
        // `mwt_` itself is no secret.
        self.remember(class, text("token")[4..].to_owned(), &[Channel::ShownOnce]);
        (text("token"), text("id"))
    }

    fn tokens(&mut self) {
        self.ctl(
            Channel::ShownOnce,
            &["workspace", "create", "team", "--use"],
            "",
        );
        self.tokens.admin = self
            .token("admin token", &["--role", "admin", "--rate-limit", "off"])
            .0;
        self.tokens.reader = self
            .token(
                "reader token",
                &["--role", "read-only", "--rate-limit", "off"],
            )
            .0;
        let (revoked, id) = self.token("revoked token", &[]);
        self.ctl(
            Channel::Cli,
            &["workspace", "token", "revoke", "team", &id],
            "",
        );
        let mut bent = revoked.clone();
        let last = if bent.pop() == Some('a') { 'b' } else { 'a' };
        bent.push(last);
        (self.tokens.revoked, self.tokens.bent) = (revoked, bent);
    }

    fn servers(&mut self) {
        // What is told in a channel on purpose, to see that the channel is searched.
        let marked = self.canary(
            "mark in a description",
            &[
                Channel::Client,
                Channel::Store,
                Channel::Cli,
                Channel::Socket,
            ],
        );
        // In the store, where names of servers are; in the log, since the server does not answer.
        let down = format!("s{}", &self.value().to_lowercase()[..16]);
        self.remember(
            "mark as the name of a server",
            down.clone(),
            &[
                Channel::Log,
                Channel::Store,
                Channel::Cli,
                Channel::Client,
                Channel::Socket,
            ],
        );
        let payload = self.payload.clone();
        let servers = [
            ("legacy", echoing(Server::new(), &marked, &payload)),
            (
                "streaming",
                echoing(Server::new().streams(), &marked, &payload),
            ),
            ("modern", echoing(Server::new().modern(), &marked, &payload)),
            (
                "refusing",
                Server::new()
                    .refuse(401, "<html>unauthorized</html>")
                    .answer_header("www-authenticate", "Bearer realm=x"),
            ),
            ("broken", Server::new().refuse(500, "oops")),
            (
                "cutting",
                echoing(Server::new().disconnect_after(6), &marked, &payload),
            ),
        ];
        for (slug, server) in servers {
            let running = self.runtime.block_on(server.start());
            let url = running.url().to_owned();
            self.servers.push((slug, running));
            self.add(slug, &["--url", &url, "--bearer", "KEY"]);
        }
        let url = self.servers[0].1.url().to_owned();
        self.add(
            "header",
            &["--url", &url, "--header", "X-Api-Key: key={KEY} {SHARED}"],
        );
        self.add("inurl", &["--url", &format!("{url}?key={{KEY}}")]);
        // TLS to a port that speaks none; a port where nobody listens.
        self.add(
            "notls",
            &[
                "--url",
                &url.replace("http://", "https://"),
                "--bearer",
                "KEY",
            ],
        );
        self.add(
            &down,
            &["--url", "http://127.0.0.1:9/mcp", "--bearer", "KEY"],
        );
        let child = stdio_server_path().display().to_string();
        self.add("child", &["--env", "KEY", "--", &child]);
        let telling = format!("env >&2; env; exec {child} --garbage-first");
        self.add(
            "telling",
            &["--env", "KEY", "--", "/bin/sh", "-c", &telling],
        );
        self.add(
            "dying",
            &[
                "--env",
                "KEY",
                "--",
                "/bin/sh",
                "-c",
                "env >&2; env; exit 3",
            ],
        );
    }

    fn add(&mut self, slug: &str, flags: &[&str]) {
        let args = [
            &["mcp", "add", slug, "--workspace", "team", "--timeout", "2s"],
            flags,
        ]
        .concat();
        self.ctl(Channel::Cli, &args, "");
    }

    fn secrets(&mut self) {
        let slugs: Vec<String> = [
            "legacy",
            "streaming",
            "modern",
            "refusing",
            "broken",
            "cutting",
            "header",
            "inurl",
            "notls",
            "child",
            "telling",
            "dying",
        ]
        .map(str::to_owned)
        .into();
        for slug in slugs {
            let value = self.canary("secret of a server", &[Channel::Upstream]);
            self.ctl(
                Channel::Cli,
                &["secrets", "set", &slug, "KEY", "--workspace", "team"],
                &value,
            );
        }
        let shared = self.canary("secret of the workspace", &[Channel::Upstream]);
        self.ctl(
            Channel::Cli,
            &["workspace", "secret", "set", "team", "SHARED"],
            &shared,
        );
        let unused = self.canary("secret that nobody names", &[]);
        self.ctl(
            Channel::Cli,
            &["workspace", "secret", "set", "team", "UNUSED"],
            &unused,
        );
        // Replaced: the old value is as secret as the new one.
        let old = self.canary("replaced secret", &[Channel::Upstream]);
        self.ctl(
            Channel::Cli,
            &["secrets", "set", "legacy", "OLD", "--workspace", "team"],
            &old,
        );
        let new = self.canary("replacing secret", &[Channel::Upstream]);
        self.ctl(
            Channel::Cli,
            &["secrets", "set", "legacy", "OLD", "--workspace", "team"],
            &new,
        );
        // Refused values are not repeated either.
        let refused = self.canary("refused secret", &[]);
        self.ctl(
            Channel::Cli,
            &["secrets", "set", "legacy", "BAD", "--workspace", "team"],
            &format!("{refused}\u{7}x"),
        );
        self.ctl(
            Channel::Cli,
            &["secrets", "set", "nobody", "BAD", "--workspace", "team"],
            &refused,
        );
    }
}

/// Answers with what it was sent, headers and all, in every way it can.
fn echoing(server: Server, marked: &str, payload: &str) -> Server {
    let described =
        json!({"name": "echo", "description": marked, "inputSchema": {"type": "object"}});
    server
        .instructions("Some instructions.")
        .capabilities(json!({"tools": {}, "prompts": {}, "resources": {}, "completions": {}, "logging": {}}))
        .tool_definition(described, Script::new().log("error", "working").progress(1, 2).echo())
        .tool("result", json!({"content": [{"type": "text", "text": payload}], "structuredContent": {"p": payload}}))
        .tool("fails", Script::new().error_with(-32000, payload, json!({"p": payload})))
        .tool("garbage", Script::new().garbage())
        .tool("html", Script::new().html(502))
        .tool("cut", Script::new().disconnect())
        .tool("hang", Script::new().hang())
        .tool("wrong", Script::new().wrong_id())
        .tool("asks", Script::new().ask("elicitation/create", json!({"message": payload,
            "requestedSchema": {"type": "object", "properties": {}}})).echo())
        .method("prompts/list", json!({"prompts": [{"name": "p", "description": marked}]}))
        .method("prompts/get", Script::new().echo())
        .method("resources/list", json!({"resources": [{"uri": "test://a", "name": "a"}]}))
        .method("resources/read", Script::new().echo())
        .method("completion/complete", Script::new().echo())
}

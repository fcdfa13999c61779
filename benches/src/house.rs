//! An installation of the gateway with everything on: tokens, tool rules, rate limits, secrets, masking, records.

use toolgate_admin::{Admin, DataDir, NewToken, WorkspaceScope, operator};
use toolgate_tests::Installation;

use crate::upstream::SECRET;

/// The workspace that is measured.
pub(crate) const WORKSPACE: &str = "load";

/// A data directory with servers and tokens in it.
#[derive(Debug)]
pub struct House {
    /// The data directory.
    pub installation: Installation,
    /// The tokens of the load, used in turn. A gateway that no load comes to needs none.
    pub tokens: Vec<String>,
}

impl House {
    /// With one workspace.
    pub fn new() -> Self {
        let installation = Installation::new();
        installation.workspace(WORKSPACE);
        Self {
            installation,
            tokens: Vec::new(),
        }
    }

    /// With so many servers `s1`, `s2` … behind one address, and a token for each of 128 connections.
    pub fn with_servers(address: &str, servers: usize) -> Self {
        let mut house = Self::new();
        for number in 1..=servers {
            house.server(number, address);
        }
        house.tokens(128);
        house
    }

    /// Adds the server `s{number}` at `address/s{number}/mcp`, which wants its secret.
    pub fn server(&mut self, number: usize, address: &str) {
        let (slug, url) = (format!("s{number}"), format!("{address}/s{number}/mcp"));
        self.add(&slug, &["--url", &url, "--bearer", "KEY"]);
        self.installation.secret(WORKSPACE, &slug, "KEY", SECRET);
    }

    /// Adds a server by these flags.
    pub fn add(&mut self, slug: &str, flags: &[&str]) {
        let add = ["mcp", "add", slug, "--workspace", WORKSPACE];
        self.installation.done(&[&add, flags].concat());
    }

    /// Adds tokens with tool rules and the highest rate limit there is, since a load that keeps within 120 calls a
    /// minute measures nothing. One for each connection: no token may make more than a million calls a minute.
    pub fn tokens(&mut self, count: usize) {
        let (admin, scope) = self.admin();
        let new = NewToken {
            tools: vec!["s*__*".to_owned(), "!s*__delete*".to_owned()],
            rate_limit: Some("1000000".to_owned()),
            ..NewToken::named("load")
        };
        let create = |_| admin.create_token(&scope, &new).expect("a token").token;
        self.tokens.extend((0..count).map(create));
    }

    /// The installation, opened for acts that the command line is too slow for.
    pub fn admin(&self) -> (Admin, WorkspaceScope) {
        let dir = DataDir::new(self.installation.data_dir());
        let admin = Admin::open(dir, operator()).expect("it opens");
        let scope = admin.scope(WORKSPACE).expect("it was made");
        (admin, scope)
    }
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}

//! The stage: two servers, a gateway in front of them, and what its clients see there.

use std::sync::Arc;

use tokio::task::block_in_place;
use toolgate_tests::{Gateway, Installation};

use crate::client::Client;
use crate::difference::Findings;
use crate::json;
use crate::judge::Place;
use crate::list;
use crate::offer::{Offer, Offered};
use crate::pair::MODERN;
use crate::server::{self, Book};

/// A gateway with a legacy and a modern server behind it.
pub(crate) struct Stage {
    pub(crate) book: Arc<Book>,
    /// The address of the workspace.
    pub(crate) url: String,
    pub(crate) token: String,
    /// Who the gateway says it is, as it spells it.
    pub(crate) gateway: String,
    /// The legacy server and the modern one.
    pub(crate) servers: [Offer; 2],
}

/// What ends the gateway and removes its data when it is dropped.
#[expect(dead_code, reason = "held, not read")]
pub(crate) struct Host(Gateway, Installation);

/// The lists, the member that holds each, and what it holds.
const LISTS: [(&str, &str, Place); 4] = [
    ("tools/list", "tools", Place::Tool),
    ("prompts/list", "prompts", Place::Prompt),
    ("resources/list", "resources", Place::Resource),
    (
        "resources/templates/list",
        "resourceTemplates",
        Place::Resource,
    ),
];

impl Stage {
    pub(crate) async fn set(seed: u64) -> (Self, Host) {
        let book = Arc::new(Book::default());
        let mut servers = [
            Offer::new(seed, "old", false),
            Offer::new(seed, "new", true),
        ];
        let installation = Installation::new();
        // The commands block, and some try the servers, which have to go on meanwhile.
        let workspace = block_in_place(|| installation.workspace("fidelity"));
        for server in &servers {
            let url = server::start(server.clone(), book.clone()).await;
            let workspace = &workspace.slug;
            let add = [
                "mcp",
                "add",
                server.slug,
                "--workspace",
                workspace,
                // What it offers is odd on purpose, characters that nobody sees included.
                "--changes",
                "accept",
                "--url",
                &url,
            ];
            block_in_place(|| installation.done(&add));
        }
        let token = block_in_place(|| installation.unlimited(&workspace.slug)).token;
        let process = block_in_place(|| installation.start());
        let url = process.workspace(&workspace.slug);

        let mut client = Client::connect(&url, &token, MODERN).await;
        let introduction = client.ask("server/discover").await;
        let own = json::member(&introduction, "_meta")
            .and_then(|meta| json::member(meta, "io.modelcontextprotocol/serverInfo"));
        let gateway = own.expect("the gateway says who it is").to_owned();
        let [old, new] = &mut servers;
        let tools = names(&client.ask("tools/list").await, "tools");
        show(old.tools.iter_mut().chain(&mut new.tools), tools);
        let prompts = names(&client.ask("prompts/list").await, "prompts");
        show(old.prompts.iter_mut().chain(&mut new.prompts), prompts);
        // Both were listed, so every resource is known by now.
        client.ask("resources/list").await;
        client.ask("resources/templates/list").await;
        let stage = Self {
            book,
            url,
            token,
            gateway,
            servers,
        };
        (stage, Host(process, installation))
    }

    /// Compares every list as clients of a revision see it; how many definitions there are.
    pub(crate) async fn lists(&self, revision: &'static str) -> (usize, Findings) {
        let mut client = Client::connect(&self.url, &self.token, revision).await;
        let mut findings = Findings::default();
        let mut count = 0;
        for (method, member, place) in LISTS {
            let servers = self.servers.iter();
            let sent: Vec<&Offered> = servers.flat_map(|server| server.listed(method)).collect();
            let result = client.ask(method).await;
            let arrived = json::member(&result, member).and_then(json::elements);
            let arrived = arrived.unwrap_or_default();
            count += sent.len();
            findings.add(list::definitions(place, revision, &sent, &arrived));
        }
        (count, findings)
    }
}

/// The names in a list, in its order (P9.7).
fn names(result: &str, member: &str) -> Vec<String> {
    let listed = json::member(result, member).and_then(json::elements);
    let name = |definition: &str| json::member(definition, "name").and_then(json::decoded);
    listed
        .unwrap_or_default()
        .into_iter()
        .filter_map(name)
        .collect()
}

/// Notes under which names the gateway shows what servers offer.
fn show<'a>(offered: impl Iterator<Item = &'a mut Offered>, names: Vec<String>) {
    for (offered, name) in offered.zip(names) {
        offered.named.shown = name;
    }
}

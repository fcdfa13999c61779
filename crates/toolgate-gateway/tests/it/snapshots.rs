//! What servers say of themselves, kept in the store.

use serde_json::json;
use toolgate_namespace::EraSetting;
use toolgate_store::Installation;
use toolgate_testkit::Server;

use crate::setup::{Setup, names};

#[tokio::test]
async fn p9_30_what_a_server_says_of_itself_is_stored_with_what_it_speaks() {
    let setup = Setup::new().await;
    let capabilities = json!({"tools": {}, "prompts": {}});
    let server = |server: Server| {
        let server = server.capabilities(capabilities.clone());
        server.instructions("Take notes.").tool("a", "1").start()
    };
    let legacy = server(Server::new()).await;
    let modern = server(Server::new().modern()).await;
    let scope = setup.scope("default");
    setup.link("legacy", &legacy).await;
    let mut forced = setup.spec(&scope, "modern", modern.url());
    forced.allowed_origin = Some(modern.origin());
    // Nothing is probed, so nothing but a question of its own says what it is.
    forced.era = EraSetting::Modern;
    setup.add(&scope, &forced).await;

    let mut client = setup.client();
    client.initialize().await;
    let list = client.rpc("tools/list", &json!({})).await;
    assert_eq!(names(&list), ["legacy__a", "modern__a"]);

    let whole = |installation: &Installation, revision: &str, url: &str| {
        let mut rows = installation.server_snapshots.iter();
        rows.any(|row| {
            row.revision == revision
                && row.http_kind == "streamable"
                && row.fingerprint == url
                && row.instructions.as_deref() == Some("Take notes.")
                && serde_json::from_slice::<serde_json::Value>(&row.capabilities).unwrap()
                    == capabilities
        })
    };
    setup
        .stored("what the servers said", |installation| {
            whole(installation, "2025-11-25", legacy.url())
                && whole(installation, "2026-07-28", modern.url())
        })
        .await;
}

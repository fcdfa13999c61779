//! Links that servers want a person to visit (P11.6).

use serde_json::{Value, json};
use toolgate_testkit::{Script, Server};

use super::*;

const SAFE: [&str; 4] = [
    "https://example.com/x",
    "http://127.0.0.1:7000/x",
    "http://localhost/x",
    "http://[::1]/x",
];

const UNSAFE: [&str; 6] = [
    "http://example.com/x",
    "http://localhost.example.com/x",
    "http://localhost@example.com/x",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "no link",
];

fn visit(url: &str) -> Value {
    json!({"mode": "url", "url": url, "message": "go", "elicitationId": "e1"})
}

/// Calls of servers of both eras that ask to visit a link, and one that wants it visited before.
async fn ask(setup: &Setup, url: &str) -> [Reply; 3] {
    let script = || Script::new().ask("elicitation/create", visit(url)).echo();
    let data = json!({"elicitations": [visit(url)]});
    let before = Script::new().error_with(-32042, "URL needed", data);
    let old = Server::new().streams().tool("ask", script());
    let old = old.tool("before", before).start().await;
    let new = Server::new().modern().tool("ask", script()).start().await;
    let scope = setup.scope("default");
    let links = [setup.link("old", &old).await, setup.link("new", &new).await];
    let mut client = Modern::new(setup);
    let replies = [
        client.call("old__ask", json!({})).await,
        client.call("new__ask", json!({})).await,
        client.call("old__before", json!({})).await,
    ];
    for link in links {
        setup.remove(&scope, &link).await;
    }
    replies
}

#[tokio::test]
async fn p11_6_links_are_https_or_on_this_machine() {
    let setup = Setup::new().await;
    for url in SAFE {
        for reply in ask(&setup, url).await {
            let shown = questions(&reply).values().next().cloned().unwrap();
            assert_eq!(shown["params"]["url"], url);
        }
    }
    for url in UNSAFE {
        let [old, new, before] = ask(&setup, url).await;
        assert_eq!(told(&old.message())["answers"][0]["code"], -32602, "{url}");
        assert_eq!(
            new.message()["error"]["code"],
            -33010,
            "{url}: {:?}",
            new.body
        );
        assert_eq!(
            before.message()["error"]["code"],
            -32603,
            "{url}: {:?}",
            before.body
        );
    }
}

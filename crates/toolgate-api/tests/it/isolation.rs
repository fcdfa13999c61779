//! A workspace that is not the caller's reads exactly as one that is not there (S-36, S-45, S-46).

use serde_json::json;
use toolgate_api::{AuthPolicy, routes};
use toolgate_testkit::Reply;

use crate::support::{Setup, Team, nothing, of};

/// Every route with a workspace, by a token of B: A's slug, A's id and names nobody has read alike.
#[tokio::test]
async fn s46_another_workspace_reads_as_an_unknown_one() {
    let setup = Setup::new().await;
    let (a, b) = (setup.team("Aa"), setup.team("Bb"));
    let scoped: Vec<_> = routes()
        .filter(|(_, path, access)| path.contains("{ws}") && *access != AuthPolicy::Public)
        .collect();
    assert!(scoped.len() > 20);
    for (method, path, _) in scoped {
        for credential in [&b.admin, &b.developer, &b.read_only] {
            let ask = |workspace: String| {
                let path = path.replace("{ws}", &workspace).replace(['{', '}'], "");
                let client = setup.by(credential).at(&path);
                async move {
                    match method.as_str() {
                        "GET" | "DELETE" => client.request(method.as_str()).await,
                        method => client.send_json(method, &nothing()).await,
                    }
                }
            };
            let unknown = ask("qq".to_owned()).await;
            assert_eq!(unknown.status, 404, "{method} {path}");
            let foreign = ask(a.slug.clone()).await;
            check_same(&unknown, "qq", &foreign, &a.slug);
            let by_id = ask(a.id.clone()).await;
            check_same(&unknown, "qq", &by_id, &a.id);
        }
    }
    let workspaces = setup.admin.list_workspaces().unwrap();
    assert_eq!(workspaces.len(), 2, "nothing was deleted");
}

/// The same answer but for the name that was asked for.
#[track_caller]
fn check_same(unknown: &Reply, unknown_name: &str, foreign: &Reply, foreign_name: &str) {
    let text =
        |reply: &Reply, name: &str| String::from_utf8_lossy(&reply.body).replace(name, "NAME");
    assert_eq!(unknown.status, foreign.status);
    assert_eq!(text(unknown, unknown_name), text(foreign, foreign_name));
    let headers = |reply: &Reply| {
        let mut headers = reply.headers.clone();
        headers.remove("content-length");
        headers.remove("date");
        headers
    };
    assert_eq!(headers(unknown), headers(foreign));
}

/// Ids of things of A, asked for inside B, read as ids that never existed.
#[tokio::test]
async fn s45_things_of_another_workspace_are_not_found_in_ones_own() {
    let setup = Setup::new().await;
    let (a, b) = (setup.team("Aa"), setup.team("Bb"));
    let scope = setup.admin.scope(&a.slug).unwrap();
    let token = setup.admin.list_tokens(&scope).unwrap().remove(1).id;
    for (id, name) in [
        (token.as_str(), "A's"),
        ("tok_0000000000000000000000", "nobody's"),
    ] {
        let path = of(&b.slug, &format!("/tokens/{id}"));
        for method in ["GET", "DELETE"] {
            let reply = setup.by(&b.admin).at(&path).request(method).await;
            assert_eq!(reply.status, 404, "{method} {name}");
            assert_eq!(
                reply.json()["error"]["message"],
                format!("no token `{id}` in workspace `{}`", b.slug)
            );
        }
    }
    let tokens = setup.admin.list_tokens(&scope).unwrap();
    assert!(tokens.iter().all(|token| token.status == "active"));
}

/// Lists show a token's own workspace alone.
#[tokio::test]
async fn s45_lists_show_only_ones_own() {
    let setup = Setup::new().await;
    let (a, b) = (setup.team("Aa"), setup.team("Bb"));
    let slugs = |reply: &Reply| {
        let body = reply.json();
        let all = body["workspaces"].as_array().unwrap().iter();
        all.map(|one| one["slug"].clone()).collect::<Vec<_>>()
    };
    let list = async |team: &Team| {
        let client = setup.by(&team.admin).at(crate::support::BASE);
        client.request("GET").await
    };
    assert_eq!(slugs(&list(&a).await), [json!(a.slug)]);
    assert_eq!(slugs(&list(&b).await), [json!(b.slug)]);
    let audit = setup
        .by(&a.admin)
        .at(&of(&a.slug, "/audit"))
        .request("GET")
        .await;
    let rows = audit.json()["audit"].as_array().unwrap().clone();
    assert!(!rows.is_empty());
    assert!(
        rows.iter().all(|row| row["workspace"] == a.slug),
        "{rows:?}"
    );
}

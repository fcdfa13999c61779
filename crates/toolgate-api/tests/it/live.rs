//! Calls as they happen, and when a stream ends.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::browser::Browser;
use crate::support::{Setup, code, of};

const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn s41_a_stream_ends_with_its_token() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    let client = setup.by(&team.developer).at(&of(&team.slug, "/calls/live"));
    let mut stream = client.get_stream(&[]).await;
    assert_eq!(stream.status, 200);
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    let scope = setup.admin.scope(&team.slug).unwrap();
    for token in setup.admin.list_tokens(&scope).unwrap() {
        setup.admin.revoke_token(&scope, &token.id).unwrap();
    }
    let rest = timeout(SOON, stream.rest()).await.expect("it ends");
    assert!(rest.is_empty(), "there were no calls");
}

/// Opens a stream, takes away what it stands on, and waits for its end.
async fn ends_with(
    setup: &Setup,
    client: toolgate_testkit::Client,
    take_away: impl Future<Output = ()>,
) {
    let team = setup.team("Team");
    let path = of(&team.slug, "/calls/live");
    let mut stream = client.clone().at(&path).get_stream(&[]).await;
    assert_eq!(stream.status, 200);
    take_away.await;
    timeout(SOON, stream.rest()).await.expect("it ends");
    assert_eq!(client.at(&path).request("GET").await.status, 401);
}

#[tokio::test]
async fn s77_a_stream_ends_with_the_session_of_its_browser() {
    let setup = Setup::new().await;
    let mut browser = Browser::sign_in(&setup, &json!({ "key": setup.key })).await;
    let client = browser.client();
    ends_with(&setup, client, async { browser.sign_out().await }).await;
}

#[tokio::test]
async fn s77_a_stream_of_a_session_ends_with_the_key_it_stands_on() {
    let setup = Setup::new().await;
    let made = setup.admin.create_operator_key("browser", None).unwrap();
    let browser = Browser::sign_in(&setup, &json!({ "key": made.key })).await;
    ends_with(&setup, browser.client(), async {
        setup.admin.revoke_operator_key(&made.id).unwrap();
    })
    .await;
}

#[tokio::test]
async fn s41_a_stream_ends_with_its_key() {
    let setup = Setup::new().await;
    let made = setup.admin.create_operator_key("program", None).unwrap();
    ends_with(&setup, setup.by(&made.key), async {
        setup.admin.revoke_operator_key(&made.id).unwrap();
    })
    .await;
}

/// S-38: nobody has to do anything for it.
#[tokio::test]
async fn s38_a_stream_ends_when_its_key_does() {
    let setup = Setup::new().await;
    let life = Some(Duration::from_secs(2));
    let made = setup.admin.create_operator_key("short", life).unwrap();
    ends_with(&setup, setup.by(&made.key), async {}).await;
}

#[tokio::test]
async fn r23_streams_end_with_the_process() {
    let mut setup = Setup::new().await;
    let team = setup.team("Team");
    let client = setup.operator().at(&of(&team.slug, "/calls/live"));
    let mut stream = client.get_stream(&[]).await;
    assert_eq!(stream.status, 200);
    setup.end().await;
    timeout(SOON, stream.rest()).await.expect("it ends");
}

/// What is wrong with the request shows as such, not in the middle of a stream.
#[tokio::test]
async fn a_stream_that_cannot_begin_is_refused() {
    let setup = Setup::new().await;
    let team = setup.team("Team");
    // Three tokens of this name.
    let path = of(&team.slug, "/calls/live?token=somebody");
    let reply = setup.operator().at(&path).request("GET").await;
    assert_eq!((reply.status, code(&reply).as_str()), (422, "invalid"));
}

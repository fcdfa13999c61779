//! Calls as they happen, and when a stream ends.

use std::time::Duration;

use tokio::time::timeout;

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

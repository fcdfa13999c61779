//! Live, ready and degraded are different things, and none of them tells more than a word.

use serde_json::{Value, json};
use toolgate_testkit::Client;

use crate::setup::Setup;

async fn ask(setup: &Setup, path: &str) -> (u16, Value) {
    let reply = Client::new(&setup.origin).at(path).request("GET").await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn r25_health_truth() {
    let setup = Setup::new().await;
    let live = json!({"status": "ok", "server": "toolgate", "version": env!("CARGO_PKG_VERSION")});
    assert_eq!(ask(&setup, "/health").await, (200, live.clone()));
    assert_eq!(ask(&setup, "/health/live").await, (200, live));
    assert_eq!(
        ask(&setup, "/health/ready").await,
        (200, json!({"status": "ready"}))
    );
    assert_eq!(ask(&setup, "/health/other").await.0, 404);
    assert_eq!(
        Client::new(&setup.origin)
            .at("/health/ready")
            .request("POST")
            .await
            .status,
        405
    );
    // It still answers, and says that it should not be asked for more.
    setup.gateway.begin_drain();
    assert_eq!(
        ask(&setup, "/health/ready").await,
        (503, json!({"status": "not_ready"}))
    );
    assert_eq!(ask(&setup, "/health/live").await.0, 200);
}

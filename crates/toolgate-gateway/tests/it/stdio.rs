//! Progress, watches and restarts over standard input and output (behaviours 6 and 12).

use serde_json::{Value, json};
use toolgate_namespace::{ChildSettings, Transport};
use toolgate_testkit::{Client, stdio_server_path};

use crate::setup::Setup;
use crate::wire::{TOOLS_CHANGED, UPDATED, acknowledged, call, kinds, listen, next, started};

const ERAS: [&str; 2] = ["legacy", "modern"];

/// A server of each era, named after it, on standard input and output.
async fn linked(setup: &Setup) {
    let scope = setup.scope("default");
    let path = stdio_server_path().display().to_string();
    for era in ERAS {
        let mut spec = setup.spec(&scope, era, "http://127.0.0.1");
        let argv = [&path, "--era", era].map(str::to_owned).to_vec();
        spec.transport = Transport::Stdio {
            argv,
            child: ChildSettings::default(),
        };
        spec.allowed_origin = None;
        setup.add(&scope, &spec).await;
    }
}

async fn modern_call(client: &mut Client, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    client.modern("tools/call", params).await.message()
}

#[tokio::test]
async fn b6_p9_38_progress_keeps_its_clients_token() {
    let setup = Setup::new().await;
    linked(&setup).await;
    let client = started(&setup, "2025-11-25").await;
    for era in ERAS {
        for token in [json!("mine"), json!(7)] {
            let message = call(1, &format!("{era}__progress"), token.clone());
            let messages = client.post(&message).await.messages();
            let (answer, progress) = messages.split_last().unwrap();
            assert_eq!(kinds(std::slice::from_ref(answer)), ["result"], "{era}");
            assert!(!progress.is_empty(), "{era}");
            for notice in progress {
                assert_eq!(notice["params"]["progressToken"], token, "{era}: {notice}");
            }
        }
        let mut client = client.clone();
        let quiet = client.call(&format!("{era}__progress"), json!({})).await;
        assert_eq!(
            kinds(&quiet.messages()),
            ["result"],
            "{era}: none without a token"
        );
    }
}

#[tokio::test]
async fn b12_p9_41_a_child_that_is_started_again_is_watched_again() {
    let setup = Setup::new().await;
    linked(&setup).await;
    for era in ERAS {
        let uri = format!("{era}+test://a");
        let filter = json!({"toolsListChanged": true, "resourceSubscriptions": [uri]});
        let mut stream = listen(&setup.client(), era, filter.clone()).await;
        assert_eq!(acknowledged(&mut stream).await, filter, "{era}");
        let mut client = setup.client();
        let touch = json!({"uri": "test://a"});
        modern_call(&mut client, &format!("{era}__touch"), touch.clone()).await;
        // The list becomes known by the first call, which is a change, too.
        while next(&mut stream).await["params"]["uri"] != uri {}
        let exit = modern_call(&mut client, &format!("{era}__exit"), json!({})).await;
        assert!(exit["error"].is_object(), "{era}: {exit}");
        let mut awaited = vec![TOOLS_CHANGED, UPDATED];
        while !awaited.is_empty() {
            let told = next(&mut stream).await;
            awaited.retain(|method| told["method"] != *method);
        }
        modern_call(&mut client, &format!("{era}__touch"), touch).await;
        while next(&mut stream).await["params"]["uri"] != uri {}
    }
}

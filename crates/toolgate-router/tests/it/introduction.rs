//! What a workspace says of itself.

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_namespace::{EraSetting, Prefix};
use toolgate_protocol::Json;
use toolgate_testkit::{Script, Server};

use crate::support::{Rig, patient};

const LONG: Duration = Duration::from_secs(20);

fn capabilities(json: &Json) -> Value {
    serde_json::from_str(json.as_str()).unwrap()
}

#[tokio::test]
async fn p9_27_p9_30_servers_are_introduced_by_what_they_said() {
    let notes = Server::new()
        .capabilities(json!({"tools": {}, "resources": {"subscribe": true}}))
        .instructions("Take notes.")
        .start()
        .await;
    let other = Server::new()
        .modern()
        .capabilities(json!({"prompts": {}, "completions": {}}))
        .instructions("Be kind.")
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes), ("other", &other)]);
    let before = rig.workspace.introduction();
    let known = capabilities(&before.capabilities);
    assert!(
        known["tools"].is_object(),
        "something can be called: {known}"
    );
    assert_eq!(
        notes.requests().len() + other.requests().len(),
        0,
        "nobody was asked"
    );

    let after = patient(rig.workspace.introduced(LONG)).await;
    let known = capabilities(&after.capabilities);
    for feature in ["tools", "prompts", "resources", "completions"] {
        assert!(known[feature].is_object(), "{feature}: {known}");
    }
    assert_eq!(known["resources"]["subscribe"], json!(true));
    let instructions = after.instructions.as_deref().unwrap();
    let places = ["Take notes.", "Be kind."].map(|text| instructions.find(text));
    assert!(
        places[0].is_some() && places[0] < places[1],
        "{instructions}"
    );

    let link = rig.link("notes");
    assert!(link.offers("resources") && !link.offers("prompts"));
    let seen = notes.requests().len() + other.requests().len();
    let again = patient(rig.workspace.introduced(LONG)).await;
    assert!(std::sync::Arc::ptr_eq(&after, &again), "kept ready");
    assert_eq!(
        notes.requests().len() + other.requests().len(),
        seen,
        "once is enough"
    );
}

#[tokio::test]
async fn p9_30_a_new_word_of_a_server_changes_the_introduction() {
    let notes = Server::new().start().await;
    let rig = Rig::over(&[("notes", &notes)]);
    patient(rig.workspace.introduced(LONG)).await;
    let mut snapshot = (*rig.link("notes").snapshot().unwrap()).clone();
    assert!(
        !rig.link("notes").learn_snapshot(snapshot.clone()),
        "nothing new"
    );
    snapshot.instructions = Some("Take notes.".to_owned());
    assert!(rig.link("notes").learn_snapshot(snapshot));
    let instructions = rig.workspace.introduction().instructions.clone().unwrap();
    assert!(instructions.contains("Take notes."), "{instructions}");
}

#[tokio::test]
async fn p9_31_a_transparent_workspace_says_what_its_server_says() {
    let notes = Server::new().instructions("Take notes.").start().await;
    let rig = Rig::with(&[("notes", &notes)], |spec| spec.prefix = Prefix::None);
    let introduction = patient(rig.workspace.introduced(LONG)).await;
    assert_eq!(introduction.instructions.as_deref(), Some("Take notes."));
}

#[tokio::test]
async fn p6_2_a_slow_contact_goes_on_behind_the_answer() {
    let slow = Script::new()
        .delay(Duration::from_millis(600))
        .result(json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"],
            "capabilities": {"prompts": {}}, "ttlMs": 0, "cacheScope": "private",
        }));
    let notes = Server::new()
        .modern()
        .method("server/discover", slow)
        .start()
        .await;
    let rig = Rig::with(&[("notes", &notes)], |spec| spec.era = EraSetting::Modern);
    let early = patient(rig.workspace.introduced(Duration::from_millis(1))).await;
    assert!(capabilities(&early.capabilities)["prompts"].is_null());
    let late = patient(rig.workspace.introduced(LONG)).await;
    assert!(capabilities(&late.capabilities)["prompts"].is_object());
    assert_eq!(
        notes.requests_for("server/discover").len(),
        1,
        "one contact for both"
    );
}

#[tokio::test]
async fn p9_30_listing_tools_is_enough_to_get_acquainted_once() {
    let modern = Server::new().modern().instructions("Modern.").start().await;
    let legacy = Server::new().instructions("Legacy.").start().await;
    let rig = Rig::with(&[("modern", &modern), ("legacy", &legacy)], |spec| {
        if spec.slug.as_str() == "modern" {
            spec.era = EraSetting::Modern;
        }
    });
    rig.tools().await;
    let acquainted = async {
        while rig
            .workspace
            .links()
            .iter()
            .any(|link| link.snapshot().is_none())
        {
            tokio::task::yield_now().await;
        }
    };
    patient(acquainted).await;
    rig.tools().await;
    rig.tools().await;
    assert_eq!(modern.requests_for("server/discover").len(), 1);
    assert_eq!(
        legacy.requests_for("initialize").len(),
        1,
        "the session was there"
    );
    let instructions = rig.workspace.introduction().instructions.clone().unwrap();
    assert!(instructions.contains("Modern.") && instructions.contains("Legacy."));
}

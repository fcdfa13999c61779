//! Servers that hang, refuse or answer something else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use toolgate_policy::permit_list;
use toolgate_protocol::{Json, Object};
use toolgate_router::{Bulkhead, LinkCall, Part, RouteError, Routed, call};
use toolgate_testkit::{Script, Server};
use toolgate_upstream::{Call, IsolationKey, ListKind};

use crate::support::{
    Rig, advance, missing, patient, principal, prompts, resources, server, shown, texts,
};

/// Far more than anything here should take, far less than the sum of all limits.
const SOON: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_millis(300);

/// Behaviour 20.
#[tokio::test]
async fn p9_14_one_hanging_one_refusing_and_one_html_server_shrink_the_lists() {
    let lists = |server: Server| {
        server
            .method("prompts/list", prompts(&["write"]))
            .method("resources/list", resources(&["file:///a"]))
    };
    let good = lists(server().tool("read", "x"))
        .instructions("Read first.")
        .start()
        .await;
    let hanging = server().delay(Duration::from_hours(1)).start().await;
    let refusing = server().refuse(503, "no").start().await;
    let html = server()
        .refuse(200, "<html><body>Hello</body></html>")
        .start()
        .await;
    let rig = Rig::with(
        &[
            ("hanging", &hanging),
            ("refusing", &refusing),
            ("good", &good),
            ("html", &html),
        ],
        |spec| spec.timeouts.list = LIMIT,
    );
    let bad = json!(["hanging", "refusing", "html"]);

    let begun = Instant::now();
    let introduction = patient(rig.workspace.introduced(LIMIT)).await;
    assert!(begun.elapsed() < SOON);
    let instructions = introduction.instructions.clone().unwrap();
    assert!(instructions.contains("Read first."), "{instructions}");

    let begun = Instant::now();
    let tools = rig.tools().await;
    assert!(begun.elapsed() < SOON);
    assert_eq!(texts(&tools["tools"], "name"), ["good__read"]);
    assert_eq!(tools["_meta"]["io.toolgate/missingServers"], bad);
    assert_eq!(tools["ttlMs"], 0);

    let begun = Instant::now();
    let prompts = rig.prompts().await;
    assert!(begun.elapsed() < SOON);
    assert_eq!(texts(&prompts["prompts"], "name"), ["good__write"]);
    assert_eq!(prompts["_meta"]["io.toolgate/missingServers"], bad);

    let begun = Instant::now();
    let page = rig.resources().await;
    assert!(begun.elapsed() < SOON);
    assert_eq!(shown(&page), ["file:///a"]);
    assert_eq!(missing(&page), ["hanging", "refusing", "html"]);
    assert_eq!((page.ttl_ms, page.next), (0, None));
}

#[tokio::test]
async fn p9_14_all_servers_failing_is_a_success() {
    let refusing = server().refuse(503, "no").start().await;
    let rig = Rig::over(&[("refusing", &refusing)]);
    assert_eq!(rig.tools().await["tools"], json!([]));
    assert_eq!(rig.prompts().await["prompts"], json!([]));
    assert!(rig.resources().await.items.is_empty());
    let introduction = patient(rig.workspace.introduced(LIMIT)).await;
    assert!(
        introduction
            .capabilities
            .object()
            .unwrap()
            .contains("tools")
    );
}

#[tokio::test]
async fn p9_14_p9_66_a_server_that_went_down_contributes_what_was_known_for_a_day() {
    let notes = server()
        .method("prompts/list", prompts(&["write"]))
        .method("resources/list", resources(&["file:///a"]))
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes)]);
    assert_eq!(rig.prompt_names().await, ["notes__write"]);
    assert_eq!(shown(&rig.resources().await), ["file:///a"]);

    let broken = || Script::new().error(-32603, "no");
    notes.set_method("prompts/list", broken());
    notes.set_method("resources/list", broken());
    advance(Duration::from_hours(23)).await;
    assert_eq!(rig.prompt_names().await, ["notes__write"]);
    let page = rig.resources().await;
    assert_eq!(shown(&page), ["file:///a"]);
    assert_eq!(missing(&page), ["notes"]);

    advance(Duration::from_hours(2)).await;
    let forgotten = async {
        while !rig.resources().await.items.is_empty() {
            tokio::task::yield_now().await;
        }
        while !rig.prompt_names().await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    patient(forgotten).await;
    assert_eq!(missing(&rig.resources().await), ["notes"]);
    let list = rig.prompts().await;
    assert_eq!(
        list["_meta"]["io.toolgate/missingServers"],
        json!(["notes"])
    );
}

#[tokio::test]
async fn r18_nobody_waits_for_a_server_that_failed_just_now() {
    let notes = server().refuse(503, "no").start().await;
    let rig = Rig::over(&[("notes", &notes)]);
    rig.resources().await;
    rig.prompts().await;
    rig.tools().await;
    let seen = notes.requests().len();
    for _ in 0..3 {
        rig.resources().await;
        rig.first_page(ListKind::Resources).await;
        rig.prompts().await;
        rig.tools().await;
    }
    // Contacting it to learn what it is may have been under way.
    assert!(
        notes.requests().len() <= seen + 2,
        "{}",
        notes.requests().len()
    );
}

#[tokio::test]
async fn p9_27_a_server_that_has_no_tools_and_refuses_the_question_is_not_missing() {
    let notes = Server::new()
        .capabilities(json!({"prompts": {}}))
        .method(
            "tools/list",
            Script::new().error(-32601, "Method not found"),
        )
        .method("prompts/list", prompts(&["write"]))
        .start()
        .await;
    let rig = Rig::over(&[("notes", &notes)]);
    patient(rig.workspace.introduced(Duration::from_secs(20))).await;
    let tools = rig.tools().await;
    assert_eq!(tools["tools"], json!([]));
    assert_eq!(tools["_meta"]["io.toolgate/missingServers"], Value::Null);
}

#[tokio::test]
async fn r17_a_call_that_waits_for_a_person_gives_its_turn_back() {
    let notes = server().tool("slow", Script::new().hang()).start().await;
    let rig = Rig::over(&[("notes", &notes)]);
    let mut held = Vec::new();
    for _ in 0..256 {
        held.push(route(&rig).await.unwrap());
    }
    match route(&rig).await {
        Err(RouteError::Overloaded { server, .. }) => assert_eq!(server.as_str(), "notes"),
        other => panic!("there is no room: {other:?}"),
    }
    held[0].yield_turn();
    route(&rig).await.unwrap();
}

#[tokio::test]
async fn r17_the_queue_of_a_full_server_is_bounded() {
    let notes = server().tool("slow", Script::new().hang()).start().await;
    let rig = Rig::over(&[("notes", &notes)]);
    let mut held = Vec::new();
    for _ in 0..256 {
        held.push(route(&rig).await.unwrap());
    }
    // Each waits, and is polled once so that it stands in the queue.
    let mut waiting: Vec<_> = (0..128).map(|_| Box::pin(route(&rig))).collect();
    for call in &mut waiting {
        assert!(futures::poll!(call).is_pending());
    }
    assert_eq!(rig.link("notes").bulkhead().waiting(), 128);
    let began = Instant::now();
    match route(&rig).await {
        Err(RouteError::Overloaded { part, .. }) => assert_eq!(part, Part::Server),
        other => panic!("the queue is full: {other:?}"),
    }
    assert!(began.elapsed() < Duration::from_secs(2), "refused at once");
    // Who gives up leaves the queue, and the first in it is the first served.
    waiting.pop();
    assert_eq!(rig.link("notes").bulkhead().waiting(), 127);
    held.pop();
    assert!(waiting.remove(0).await.is_ok());
}

async fn route(rig: &Rig) -> Result<Routed, RouteError> {
    let request = Call {
        method: "tools/call".into(),
        params: Object::empty(),
        name: Some("slow".into()),
        tool: None,
        capabilities: Json::empty_object(),
        log_level: None,
        wants_progress: false,
        isolation: IsolationKey {
            principal: "alice".into(),
            session: None,
        },
        deadline: Instant::now() + Duration::from_mins(1),
        extra: Vec::new(),
    };
    let routable = LinkCall {
        link: rig.link("notes").clone(),
        call: request,
        token: Arc::new(Bulkhead::new(Part::Token)),
        workspace: Arc::new(Bulkhead::new(Part::Workspace)),
    };
    patient(call(permit_list(principal("*"), routable))).await
}

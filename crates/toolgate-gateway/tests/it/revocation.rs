//! What is taken away ends at once, whatever is under way (S-41, S-42, S-15).
//!
//! How soon is measured by the trial `revoke-latency`; here it is only whether. There are no members yet.

use std::time::Duration;

use serde_json::json;
use toolgate_analytics::CallStatus;
use toolgate_namespace::{Injection, ServerSpec};
use toolgate_policy::{Role, ToolRules};
use toolgate_store::{TokenChange, WorkspaceScope};
use toolgate_testkit::{Client, EventStream, Running, Script, Server};

use crate::setup::Setup;
use crate::wire::{soon, until};

/// A tool that hangs after a first word, so that its call is known to be under way.
fn hanging() -> Script {
    Script::new().progress(1, 2).wait_for("go").text("too late")
}

async fn server() -> Running {
    let definition = |name: &str, reads: bool| json!({"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": reads}});
    Server::new()
        .streams()
        .tool_definition(definition("change", false), hanging())
        .tool_definition(definition("look", true), hanging())
        .start()
        .await
}

/// A client of that token with calls of both tools under way.
struct Busy {
    calls: Vec<EventStream>,
    general: EventStream,
    client: Client,
}

impl Busy {
    async fn new(setup: &Setup, slug: &str, token: &str) -> Self {
        let mut client = Client::new(&setup.url(slug)).bearer(token);
        client.initialize().await;
        let mut calls = Vec::new();
        for tool in ["s__change", "s__look"] {
            let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": tool}});
            let message = client.request_message("tools/call", &params);
            let mut call = client.post_stream(&message).await;
            assert!(soon("progress", call.next()).await.is_some());
            calls.push(call);
        }
        let mut general = client.get_stream(&[("accept", "text/event-stream")]).await;
        assert!(soon("the stream", general.next_event()).await.is_some());
        Self {
            calls,
            general,
            client,
        }
    }

    /// All of it ends without an answer, and so does what is asked from now on.
    async fn has_ended(mut self) {
        for call in &mut self.calls {
            assert_eq!(soon("the end of a call", call.next()).await, None);
        }
        soon("the end of the stream", self.general.rest()).await;
        let reply = self.client.rpc("ping", &json!({})).await;
        assert_eq!(reply.status, 401);
    }
}

async fn linked(setup: &Setup, server: &Running) -> (WorkspaceScope, ServerSpec) {
    let spec = setup.link("s", server).await;
    (setup.scope("default"), spec)
}

/// The statuses of so many calls, in any order.
async fn statuses(setup: &Setup, count: usize) -> Vec<CallStatus> {
    let records = setup.records(count).await;
    records.into_iter().map(|record| record.status).collect()
}

#[tokio::test]
async fn s41_s42_a_revocation_ends_calls_and_streams_cancels_upstream_and_is_recorded() {
    let setup = Setup::new().await;
    let server = server().await;
    let (scope, _) = linked(&setup, &server).await;
    let (text, token) = setup.token(&scope, |_| {}).await;
    let busy = Busy::new(&setup, "default", &text).await;
    setup.revoke(&scope, &token).await;
    busy.has_ended().await;
    let is_cancel = |seen: &[toolgate_testkit::Recorded]| {
        let cancels = seen.iter().filter(|r| r.rpc() == "notifications/cancelled");
        cancels.count() == 2
    };
    soon("cancels", server.until_requests(is_cancel)).await;
    assert_eq!(statuses(&setup, 2).await, [CallStatus::Revoked; 2]);
}

#[tokio::test]
async fn s41_a_deleted_workspace_ends_everything_in_it() {
    let setup = Setup::new().await;
    let server = server().await;
    let scope = setup.workspace("gone");
    setup
        .add(&scope, &setup.spec(&scope, "s", server.url()))
        .await;
    let (text, _) = setup.token(&scope, |_| {}).await;
    let busy = Busy::new(&setup, "gone", &text).await;
    setup.delete_workspace(&scope).await;
    busy.has_ended().await;
    assert_eq!(statuses(&setup, 2).await, [CallStatus::Revoked; 2]);
}

#[tokio::test]
async fn s41_the_guest_of_a_deleted_workspace_ends_with_it() {
    let setup = Setup::with(|config| config.anonymous = vec!["gone".try_into().unwrap()]).await;
    let server = server().await;
    let scope = setup.workspace("gone");
    setup
        .add(&scope, &setup.spec(&scope, "s", server.url()))
        .await;
    let mut client = Client::new(&setup.url("gone"));
    assert_eq!(client.initialize().await.status, 200);
    let mut general = client.get_stream(&[("accept", "text/event-stream")]).await;
    assert!(soon("the stream", general.next_event()).await.is_some());
    setup.delete_workspace(&scope).await;
    soon("the end of the stream", general.rest()).await;
    assert_eq!(client.rpc("ping", &json!({})).await.status, 401);
}

#[tokio::test]
async fn s41_a_revocation_is_followed_while_the_gateway_drains() {
    let setup = Setup::new().await;
    let server = server().await;
    let (scope, _) = linked(&setup, &server).await;
    let (text, token) = setup.token(&scope, |_| {}).await;
    let mut busy = Busy::new(&setup, "default", &text).await;
    setup.gateway.begin_drain();
    soon("the end of the stream", busy.general.rest()).await;
    setup.revoke_silently(&scope, &token);
    for call in &mut busy.calls {
        assert_eq!(soon("the end of a call", call.next()).await, None);
    }
}

/// A call that was taken from its token: an error that says so, and nothing of the server's.
async fn was_taken_away(call: &mut EventStream) {
    let end = soon("the end", call.next()).await.expect("an answer");
    assert_eq!(end["error"]["code"], -32602, "{end}");
    assert_eq!(end["error"]["data"]["outcome"], "unknown", "{end}");
    assert_eq!(soon("the end", call.next()).await, None);
}

/// The other call goes on to its result.
async fn goes_on(server: &Running, call: &mut EventStream) {
    server.signal("go");
    let end = soon("the result", call.next()).await.expect("an answer");
    assert_eq!(end["result"]["content"][0]["text"], "too late", "{end}");
}

#[tokio::test]
async fn s41_a_smaller_role_ends_the_calls_it_does_not_cover_and_no_others() {
    let setup = Setup::new().await;
    let server = server().await;
    let (scope, _) = linked(&setup, &server).await;
    let (text, token) = setup.token(&scope, |_| {}).await;
    let mut busy = Busy::new(&setup, "default", &text).await;
    let change = TokenChange {
        role: Some(Role::ReadOnly),
        rules: None,
    };
    setup.change(&scope, &token, change).await;
    was_taken_away(&mut busy.calls[0]).await;
    goes_on(&server, &mut busy.calls[1]).await;
    let refused = busy.client.call("s__change", json!({})).await;
    assert_eq!(refused.message()["error"]["code"], -32602);
    let mut statuses = statuses(&setup, 3).await;
    statuses.sort_by_key(|status| format!("{status:?}"));
    assert_eq!(
        statuses,
        [CallStatus::Ok, CallStatus::Refused, CallStatus::Revoked]
    );
}

#[tokio::test]
async fn s41_narrower_rules_end_the_calls_they_leave_out() {
    let setup = Setup::new().await;
    let server = server().await;
    let (scope, _) = linked(&setup, &server).await;
    let (text, token) = setup.token(&scope, |_| {}).await;
    let mut busy = Busy::new(&setup, "default", &text).await;
    let change = TokenChange {
        role: None,
        rules: Some(ToolRules::parse(["*", "!s__change"]).unwrap()),
    };
    setup.change(&scope, &token, change).await;
    was_taken_away(&mut busy.calls[0]).await;
    goes_on(&server, &mut busy.calls[1]).await;
}

#[tokio::test]
async fn s41_a_blocked_tool_ends_its_calls() {
    let setup = Setup::new().await;
    let server = server().await;
    let (scope, spec) = linked(&setup, &server).await;
    let (text, _) = setup.token(&scope, |_| {}).await;
    let mut busy = Busy::new(&setup, "default", &text).await;
    setup.switch_tool(&scope, &spec, "change", false).await;
    was_taken_away(&mut busy.calls[0]).await;
    goes_on(&server, &mut busy.calls[1]).await;
}

#[tokio::test]
async fn s41_a_removed_server_ends_its_calls() {
    let setup = Setup::new().await;
    let server = server().await;
    let (scope, spec) = linked(&setup, &server).await;
    let (text, _) = setup.token(&scope, |_| {}).await;
    let mut busy = Busy::new(&setup, "default", &text).await;
    setup.remove(&scope, &spec).await;
    for call in &mut busy.calls {
        was_taken_away(call).await;
    }
}

/// What a server takes off its list by itself is no block: the call that made it do so ends as it likes.
#[tokio::test]
async fn a_tool_that_its_server_withdrew_may_finish() {
    let setup = Setup::new().await;
    let server = server().await;
    let (scope, _) = linked(&setup, &server).await;
    let (text, _) = setup.token(&scope, |_| {}).await;
    let mut busy = Busy::new(&setup, "default", &text).await;
    server.set_tools([]);
    server.notify("notifications/tools/list_changed", &json!({}));
    setup
        .stored("the empty list", |all| {
            all.tools.iter().all(|tool| !tool.present)
        })
        .await;
    setup.knock().await;
    goes_on(&server, &mut busy.calls[0]).await;
}

/// A call that waits for its server's first word is no further than one that has it: it ends as well.
#[tokio::test]
async fn s41_a_request_that_waits_for_a_server_ends_with_its_token() {
    let setup = Setup::new().await;
    // The list is slow, and the tool is not known before it.
    let server = Server::new()
        .delay(Duration::from_secs(20))
        .tool("look", "seen")
        .start()
        .await;
    let (scope, _) = linked(&setup, &server).await;
    let (text, token) = setup.token(&scope, |_| {}).await;
    let url = setup.url("default");
    let waiting = tokio::spawn(async move {
        let mut client = Client::new(&url).bearer(&text);
        client.rpc("tools/list", &json!({})).await.status
    });
    let contacted = |seen: &[toolgate_testkit::Recorded]| !seen.is_empty();
    soon("contact", server.until_requests(contacted)).await;
    setup.revoke(&scope, &token).await;
    assert_eq!(soon("the end", waiting).await.unwrap(), 401);
}

/// S-15: with the old value nothing is written once the new one is in force, and no session of the old one is used.
#[tokio::test]
async fn s15_s41_a_rotated_secret_is_never_sent_again() {
    let setup = Setup::new().await;
    let ask = Script::new()
        .ask(
            "elicitation/create",
            json!({"message": "?", "requestedSchema": {"type": "object", "properties": {}}}),
        )
        .echo();
    let server = Server::new()
        .streams()
        .tool("ask", ask)
        .tool("look", "seen")
        .start()
        .await;
    let bearer = Injection::Bearer {
        secret: "API_TOKEN".into(),
    };
    let scope = setup.scope("default");
    let spec = setup.link_with("s", &server, vec![bearer]).await;
    setup
        .secret(&scope, &spec, "API_TOKEN", "first-value")
        .await;
    let mut client = setup.client();
    let capabilities = json!({"elicitation": {}});
    client.initialize_as("2025-11-25", &capabilities).await;
    assert_eq!(client.call("s__look", json!({})).await.text(), "seen");
    let params = json!({"name": "s__ask", "arguments": {}});
    let message = client.request_message("tools/call", &params);
    let mut call = client.post_stream(&message).await;
    let question = soon("the question", call.next()).await.unwrap();

    setup
        .secret(&scope, &spec, "API_TOKEN", "second-value")
        .await;
    let before = server.requests().len();
    // The answer would leave with the old value: it does not, and the call ends.
    let answer = json!({"result": {"action": "accept", "content": {}}});
    client.respond(&question["id"], answer).await;
    let end = soon("the end", call.next()).await.unwrap();
    assert_eq!(end["error"]["code"], -32012, "{end}");
    assert_eq!(client.call("s__look", json!({})).await.text(), "seen");
    until("the new value", || server.requests().len() > before).await;
    let after = server.requests().split_off(before);
    for request in after {
        let sent = request.headers.get("authorization").cloned();
        assert_eq!(sent.as_deref(), Some("Bearer second-value"), "{request:?}");
    }
}

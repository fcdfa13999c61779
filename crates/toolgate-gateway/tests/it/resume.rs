//! Streams that are cut and taken up again (P6.10 to P6.12, section 7, behaviour 24).

use std::time::Duration;

use serde_json::{Value, json};
use toolgate_testkit::{Client, Event, EventStream, Running, Script, Server};

use crate::setup::Setup;
use crate::wire::{
    LEGACY, at_once, call, event, general, kinds, leap, leaping, next, soon, started, until,
};

/// A server whose tool makes progress three times and waits for leave before the last; others wait for their own.
async fn worker(setup: &Setup) -> Running {
    let script = |leave: &str| {
        Script::new()
            .progress(1, 3)
            .progress(2, 3)
            .wait_for(leave)
            .progress(3, 3)
            .text("done")
    };
    let server = Server::new().streams().tool("work", script("end"));
    let server = server
        .tool("work1", script("end1"))
        .tool("work2", script("end2"));
    let server = server.tool("work3", script("end3")).start().await;
    setup.link("old", &server).await;
    server
}

/// Takes up a stream after an event.
async fn resumed(client: &Client, after: &Event) -> EventStream {
    let id = after.id.as_deref().unwrap_or_default();
    let extra = [("accept", "text/event-stream"), ("last-event-id", id)];
    client.get_stream(&extra).await
}

fn messages(events: &[Event]) -> Vec<Value> {
    let messages = events.iter().map(Event::message);
    messages.filter(|message| !message.is_null()).collect()
}

#[tokio::test]
async fn b24_p7_6_p7_7_every_event_once_after_a_cut_at_each_event() {
    let setup = Setup::new().await;
    let server = worker(&setup).await;
    let client = started(&setup, "2025-11-25").await;
    // Another stream of the same session, whose events must not appear.
    let mut other = client
        .post_stream(&call("other", "old__work", "other"))
        .await;
    next(&mut other).await;
    let whole = ["progress", "progress", "progress", "result"];
    // Up to here the server is not done, so the rest is replayed in part and live in part.
    for cut in 1..=3 {
        let id = format!("live-{cut}");
        let tool = format!("old__work{cut}");
        let mut stream = client.post_stream(&call(id.clone(), &tool, "t")).await;
        let mut events = Vec::new();
        while events.len() < cut {
            events.push(event(&mut stream).await);
        }
        drop(stream);
        let mut stream = resumed(&client, &events[cut - 1]).await;
        assert_eq!(stream.status, 200);
        if cut < 3 {
            events.push(event(&mut stream).await);
        }
        server.signal(&format!("end{cut}"));
        events.extend(soon("the rest", stream.rest()).await);
        check_whole(&events, &id, &whole);
    }
    server.signal("end");
    // From here it is, so everything is replayed.
    for cut in 1..=5 {
        let id = format!("over-{cut}");
        let message = call(id.clone(), "old__work", "t");
        let mut stream = client.post_stream(&message).await;
        let mut events = Vec::new();
        while events.len() < cut {
            events.push(event(&mut stream).await);
        }
        drop(stream);
        let mut stream = resumed(&client, &events[cut - 1]).await;
        assert_eq!(stream.status, 200);
        events.extend(soon("the rest", stream.rest()).await);
        check_whole(&events, &id, &whole);
    }
}

#[track_caller]
fn check_whole(events: &[Event], id: &str, whole: &[&str]) {
    let messages = messages(events);
    assert_eq!(kinds(&messages), whole, "{id}: {events:?}");
    let steps: Vec<&Value> = messages.iter().map(|m| &m["params"]["progress"]).collect();
    assert_eq!(steps[..3], [&json!(1), &json!(2), &json!(3)], "in order");
    assert_eq!(messages[3]["id"], id, "only of that stream");
    let mut ids: Vec<&str> = events.iter().filter_map(|e| e.id.as_deref()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count), (events.len(), events.len()), "P7.4");
}

#[tokio::test]
async fn b24_p7_6_a_stream_is_taken_up_again_and_again() {
    let setup = Setup::new().await;
    let server = worker(&setup).await;
    let client = started(&setup, "2025-11-25").await;
    let mut stream = client.post_stream(&call(1, "old__work", "t")).await;
    let mut events = vec![event(&mut stream).await];
    for at in 0..2 {
        drop(stream);
        stream = resumed(&client, &events[at]).await;
        events.push(event(&mut stream).await);
    }
    drop(stream);
    server.signal("end");
    stream = resumed(&client, &events[2]).await;
    events.extend(soon("the rest", stream.rest()).await);
    let whole = ["progress", "progress", "progress", "result"];
    assert_eq!(kinds(&messages(&events)), whole);
}

#[tokio::test]
async fn p7_4_p7_6_an_id_never_given_out_is_400_and_the_session_goes_on() {
    let setup = Setup::new().await;
    let server = worker(&setup).await;
    server.signal("end");
    let mut client = started(&setup, "2025-11-25").await;
    let mut stream = client.post_stream(&call(1, "old__work", "t")).await;
    let events = stream.rest().await;
    let last = events.last().unwrap().id.clone().unwrap();
    let (name, seq) = last.rsplit_once('.').unwrap();
    let beyond = format!("{name}.{}", seq.parse::<u64>().unwrap() + 1);
    for made_up in ["", "1", "x.1", name, &beyond, "0.1"] {
        let event = Event {
            id: Some(made_up.to_owned()),
            ..Event::default()
        };
        let status = resumed(&client, &event).await.status;
        assert_eq!(status, 400, "{made_up:?}");
    }
    let elsewhere = started(&setup, "2025-11-25").await;
    let status = resumed(&elsewhere, &events[1]).await.status;
    assert_eq!(status, 400, "an id of another session");
    assert_eq!(client.rpc("ping", &json!({})).await.status, 200);
}

#[tokio::test]
async fn p7_6_when_the_events_are_gone_the_request_is_answered_with_an_error() {
    let setup = Setup::new().await;
    let server = worker(&setup).await;
    server.signal("end");
    let client = started(&setup, "2025-11-25").await;
    let mut stream = client.post_stream(&call("mine", "old__work", "t")).await;
    let events = soon("the answer", stream.rest()).await;
    // The gateway has seen the end of the stream by the time it serves another request.
    soon("the end", resumed(&client, &events[1]).await.rest()).await;
    leap(Duration::from_mins(6)).await;
    let mut stream = resumed(&client, &events[1]).await;
    let rest = messages(&soon("one answer", stream.rest()).await);
    assert_eq!(
        kinds(&rest),
        ["error"],
        "so that the client does not wait for ever"
    );
    assert_eq!(rest[0]["id"], "mine");
}

#[tokio::test]
async fn p7_1_p7_4_p7_5_who_is_given_ids_and_who_is_primed() {
    let setup = Setup::new().await;
    let server = worker(&setup).await;
    server.signal("end");
    for revision in LEGACY {
        let client = started(&setup, revision).await;
        let mut stream = client.post_stream(&call(1, "old__work", "t")).await;
        let mut events = stream.rest().await;
        if revision == "2025-11-25" {
            let priming = events.remove(0);
            assert_eq!(priming.data.as_deref(), Some(""), "{revision}");
            assert_eq!(priming.retry.as_deref(), Some("3000"), "{revision}");
            assert!(priming.id.is_some(), "{revision}");
        }
        assert_eq!(events.len(), 4, "{revision}: {events:?}");
        for event in &events {
            assert!(event.id.is_some(), "P7.4: {revision}");
            assert_eq!(event.event, None, "P7.1: the default type suffices");
            assert!(event.message().is_object(), "one line of JSON");
        }
    }
    let params = json!({"name": "old__work", "arguments": {}, "_meta": {"progressToken": 1}});
    let mut stream = setup.client().modern_stream("tools/call", params).await;
    let events = stream.rest().await;
    assert_eq!(events.len(), 4, "no priming");
    assert!(events.iter().all(|event| event.id.is_none()), "P7.4");
}

#[tokio::test]
async fn p6_10_a_new_general_stream_replaces_the_old_one() {
    let setup = Setup::new().await;
    let server = Server::new().tool("t", "x").start().await;
    setup.link("old", &server).await;
    let client = started(&setup, "2025-11-25").await;
    let mut first = general(&client).await;
    let mut second = general(&client).await;
    assert!(soon("the end", first.next()).await.is_none());
    soon("the upstream stream", server.until_listening()).await;
    server.notify("notifications/tools/list_changed", &json!({}));
    let told = next(&mut second).await;
    assert_eq!(told["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn p7_6_the_general_stream_is_taken_up_where_it_was_cut() {
    let setup = Setup::new().await;
    let server = Server::new().tool("t", "x").start().await;
    setup.link("old", &server).await;
    let client = started(&setup, "2025-11-25").await;
    let mut stream = general(&client).await;
    soon("the upstream stream", server.until_listening()).await;
    server.notify("notifications/tools/list_changed", &json!({}));
    let seen = event(&mut stream).await;
    server.notify("notifications/prompts/list_changed", &json!({}));
    let missed = event(&mut stream).await;
    assert_eq!(seen.id.as_deref().map(|id| id.ends_with(".1")), Some(true));
    drop(stream);
    let mut stream = resumed(&client, &seen).await;
    let again = event(&mut stream).await;
    assert_eq!(again, missed, "after the given id, and nothing before");
    server.notify("notifications/resources/list_changed", &json!({}));
    let live = next(&mut stream).await;
    assert_eq!(live["method"], "notifications/resources/list_changed");
}

#[tokio::test]
async fn p6_12_a_call_nobody_comes_back_for_is_cancelled() {
    let setup = Setup::new().await;
    let script = Script::new().progress(1, 2).hang();
    let server = Server::new().streams().tool("hang", script).start().await;
    let scope = setup.scope("default");
    let mut spec = setup.spec(&scope, "old", server.url());
    // So that nothing but the client's absence ends it.
    spec.timeouts.call_idle = Duration::from_hours(9);
    spec.timeouts.call_max = Duration::from_hours(9);
    setup.add(&scope, &spec).await;
    let client = started(&setup, "2025-11-25").await;
    let mut stream = client.post_stream(&call(1, "old__hang", "t")).await;
    let primed = event(&mut stream).await;
    next(&mut stream).await;
    drop(stream);
    // Whoever reads it again keeps it alive.
    let mut stream = resumed(&client, &primed).await;
    next(&mut stream).await;
    leap(Duration::from_mins(5)).await;
    leap(Duration::from_mins(5)).await;
    assert!(server.requests_for("notifications/cancelled").is_empty());
    drop(stream);
    leaping("the cancel", Duration::from_secs(61), async || {
        at_once(server.saw("notifications/cancelled")).await
    })
    .await;
    let theirs = &server.requests_for("tools/call")[0].body["id"];
    let cancel = &server.requests_for("notifications/cancelled")[0];
    assert_eq!(&cancel.body["params"]["requestId"], theirs);
}

#[tokio::test]
async fn p7_2_open_streams_carry_a_comment_now_and_then() {
    let setup = Setup::new().await;
    let server = worker(&setup).await;
    let client = started(&setup, "2025-11-25").await;
    let mut answer = client.post_stream(&call(1, "old__work", "t")).await;
    for _ in 0..3 {
        event(&mut answer).await;
    }
    let mut quiet = general(&client).await;
    soon("the first comment", quiet.next_event()).await;
    let filter = json!({"notifications": {"toolsListChanged": true}});
    let mut listen = setup
        .client()
        .modern_stream("subscriptions/listen", filter)
        .await;
    event(&mut listen).await;
    let old = setup.client().at("/ws/default/sse");
    let mut old = general(&old).await;
    event(&mut old).await;
    for stream in [&mut answer, &mut quiet, &mut listen, &mut old] {
        leaping("a comment", Duration::from_secs(16), async || {
            let heard = at_once(stream.next_event()).await?;
            let heard = heard.expect("the stream goes on");
            let is_comment = heard.starts_with(':');
            assert!(
                is_comment || heard.contains("data: {"),
                "never an empty `data`: {heard}"
            );
            is_comment.then_some(())
        })
        .await;
    }
    until("still at work", || server.calls("work") == 1).await;
}

//! What is taken away is gone within 100 ms (p99), at the worst within 250 ms (S-41), and what was under way is not
//! delivered (S-42).
//!
//! Two gateways serve one store. Whoever takes away is a process of its own, as `toolgatectl` is: it knocks at the
//! first gateway, the second one sees the change for itself. Measured is from the acknowledgement to the effect.
//! There are no members yet whose removal could be measured.

mod scene;
mod spread;

use std::time::{Duration, Instant};

use toolgate_admin::{NewToken, Role, SecretOwner, WorkspaceScope};

use self::scene::{Held, Scene, TEAM};
use self::spread::Spread;
use crate::effort::Effort;
use crate::score::{Bar, Score};

/// The bars of S-41, milliseconds.
const P99: f64 = 100.0;
const WORST: f64 = 250.0;

/// Runs it.
pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let tokens = usize::try_from(effort.size(500, 10_000)).expect("a count");
        let streams = usize::try_from(effort.size(100, 1_000)).expect("a count");
        let scene = Scene::set(tokens).await;
        revocations(&scene, streams, score).await;
        let few = usize::try_from(effort.size(6, 40)).expect("a count");
        by_command(&scene, few, score).await;
        expiry(&scene, few, score).await;
        rights(&scene, few, score).await;
        blocked_tool(&scene, few, score).await;
        rotation(&scene, few, score).await;
        deleted_workspace(&scene, few, score).await;
    });
}

/// Streams, listens, calls in flight and new requests of tokens that are revoked one after another.
async fn revocations(scene: &Scene, streams: usize, score: &mut Score) {
    let mut held = Vec::new();
    for (number, token) in scene.tokens.iter().take(streams).enumerate() {
        held.push(scene.hold(number, &token.token, TEAM, number % 5 < 2).await);
    }
    let mut spread = Spread::default();
    let mut waiting = Vec::new();
    for (number, held) in held.into_iter().enumerate() {
        let id = scene.tokens[number].id.clone();
        let asked = Instant::now();
        let acknowledged =
            scene.admin(move |admin, scope| admin.revoke_token(scope, &id).map(drop));
        waiting.push((number, asked, acknowledged, held.probe(acknowledged)));
    }
    let mut calls = 0;
    for (number, asked, acknowledged, watched) in waiting {
        let ended = watched.ended().await;
        spread.add(number, "stream", ended.stream, acknowledged);
        // A thousand revocations may take longer than a silent call is allowed to.
        if let Some(call) = ended.call.filter(|call| *call >= asked) {
            calls += 1;
            spread.add(number, "call", call, acknowledged);
        }
        spread.add(number, "request", ended.last_admitted, acknowledged);
        spread.delivered += u64::from(ended.delivered);
    }
    spread.tell(score, "revoked");
    score.never(
        "an answer delivered after its token was revoked",
        spread.delivered,
    );
    let cancelled = scene.cancelled_upstream(calls).await;
    score.figure(
        "cancelled at the server",
        ratio(cancelled, calls),
        "of 1",
        Bar::AtLeast(1.0),
    );
    let recorded = scene.recorded_as_revoked(calls).await;
    score.figure(
        "recorded as revoked",
        ratio(recorded, calls),
        "of 1",
        Bar::AtLeast(1.0),
    );
}

/// The same by the program that people use, measured from its end.
async fn by_command(scene: &Scene, few: usize, score: &mut Score) {
    let mut spread = Spread::default();
    for number in 0..few {
        let token = scene.new_token(TEAM, None);
        let held = scene.hold(number, &token.token, TEAM, true).await;
        let args = ["workspace", "token", "revoke", TEAM, &token.id];
        scene.installation.done(&args);
        let acknowledged = Instant::now();
        let ended = held.probe(acknowledged).ended().await;
        spread.add(number, "stream", ended.stream, acknowledged);
        spread.add(number, "request", ended.last_admitted, acknowledged);
    }
    spread.tell(score, "revoked by toolgatectl");
}

async fn expiry(scene: &Scene, few: usize, score: &mut Score) {
    const LIFE: Duration = Duration::from_secs(3);
    let mut spread = Spread::default();
    let mut waiting = Vec::new();
    for number in 0..few {
        let before = Instant::now();
        let token = scene.new_token(TEAM, Some(LIFE));
        let over = before + LIFE;
        let held = scene.hold(number, &token.token, TEAM, true).await;
        waiting.push((number, over, held));
    }
    for (number, over, held) in waiting {
        tokio::time::sleep_until(over.into()).await;
        let ended = held.probe(over).ended().await;
        spread.add(number, "stream", ended.stream, over);
        if let Some(call) = ended.call {
            spread.add(number, "call", call, over);
        }
        spread.add(number, "request", ended.last_admitted, over);
    }
    spread.tell(score, "expired");
}

/// A smaller role, and narrower rules: the calls they do not cover end.
async fn rights(scene: &Scene, few: usize, score: &mut Score) {
    let mut spread = Spread::default();
    for number in 0..few {
        let token = scene.new_token(TEAM, None);
        let held = scene.hold(number, &token.token, TEAM, true).await;
        let (id, by_role) = (token.id.clone(), number % 2 == 0);
        let acknowledged = scene.admin(move |admin, scope| {
            let none = ["s__other".to_owned()];
            let (role, tools) = if by_role {
                (Some(Role::ReadOnly), None)
            } else {
                (None, Some(&none[..]))
            };
            admin.change_token(scope, &id, role, tools).map(drop)
        });
        let (call, _) = held.call_end().await;
        spread.add(number, "call", call, acknowledged);
    }
    spread.tell(score, "other rights");
}

async fn blocked_tool(scene: &Scene, few: usize, score: &mut Score) {
    let mut held = Vec::new();
    for number in 0..few {
        let token = scene.new_token(TEAM, None);
        held.push(scene.hold(number, &token.token, TEAM, true).await);
    }
    let switch =
        |on| scene.admin(move |admin, scope| admin.switch_tool(scope, "s", "hang", on).map(drop));
    let acknowledged = switch(false);
    let mut spread = Spread::default();
    for (number, held) in held.into_iter().enumerate() {
        let (call, _) = held.call_end().await;
        spread.add(number, "call", call, acknowledged);
    }
    spread.tell(score, "tool blocked");
    switch(true);
}

/// S-15: the old value of a secret is not sent any more.
async fn rotation(scene: &Scene, few: usize, score: &mut Score) {
    let token = scene.new_token(TEAM, None);
    let mut spread = Spread::default();
    for round in 0..few {
        let value = format!("value-number-{round}");
        let secret = toolgate_admin::Secret::new(value.clone());
        let acknowledged = scene.admin(move |admin, scope| {
            admin
                .set_secret(scope, SecretOwner::Server("s"), "API_TOKEN", &secret)
                .map(drop)
        });
        for number in 0..2 {
            let last_old = scene
                .last_call_without(number, &token.token, &value, acknowledged)
                .await;
            spread.add(number, "old value sent", last_old, acknowledged);
        }
    }
    spread.tell(score, "secret rotated");
}

async fn deleted_workspace(scene: &Scene, few: usize, score: &mut Score) {
    let gone = scene.workspace("gone");
    let mut held = Vec::new();
    for number in 0..few {
        let token = scene.token_of(&gone, &NewToken::named("x"));
        held.push(scene.hold(number, &token.token, "gone", true).await);
    }
    let acknowledged = delete(scene, &gone);
    let mut spread = Spread::default();
    let watched: Vec<_> = held
        .into_iter()
        .map(|held: Held| held.probe(acknowledged))
        .collect();
    for (number, watched) in watched.into_iter().enumerate() {
        let ended = watched.ended().await;
        spread.add(number, "stream", ended.stream, acknowledged);
        if let Some(call) = ended.call {
            spread.add(number, "call", call, acknowledged);
        }
        spread.add(number, "request", ended.last_admitted, acknowledged);
    }
    spread.tell(score, "workspace deleted");
}

fn delete(scene: &Scene, gone: &WorkspaceScope) -> Instant {
    let gone = gone.clone();
    scene.admin(move |admin, _| admin.delete_workspace(&gone).map(drop))
}

fn ratio(found: usize, of: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of a trial are small")]
    let ratio = found as f64 / of.max(1) as f64;
    ratio
}

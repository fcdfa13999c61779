//! `clock_back`: a clock that is set back revives nothing, one that jumped ahead can be forgiven (S-38).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use toolgate_gateway::{Gateway, WallClock};
use toolgate_testkit::Client;

use crate::setup::Setup;
use crate::wire::{soon, until};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const YEARS: u64 = 3_652 * DAY;
/// When these tests begin: 2026-11-21.
const START: u64 = 1_795_219_200_000;

/// A clock on the wall that stands still until it is set.
#[derive(Clone)]
struct Wall(Arc<AtomicU64>);

impl Wall {
    fn at(ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(ms)))
    }

    fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    fn clock(&self) -> WallClock {
        let now = self.0.clone();
        WallClock::new(move || now.load(Ordering::SeqCst))
    }
}

async fn on(wall: &Wall) -> Setup {
    Setup::with(|config| config.clock = wall.clock()).await
}

async fn status(url: &str, token: &str) -> u16 {
    let mut client = Client::new(url).bearer(token);
    client.rpc("ping", &json!({})).await.status
}

/// A gateway that follows the clock looks at it every few milliseconds.
async fn refuses(url: &str, token: &str) {
    let refused = async {
        while status(url, token).await != 401 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    soon("the end of the token", refused).await;
}

async fn stop(gateway: &Gateway) {
    gateway.shutdown().await;
}

/// A token expires; the clock is set back by `back`, while the gateway runs and across a restart.
async fn stays_dead(back: u64) {
    let wall = Wall::at(START);
    let setup = on(&wall).await;
    let scope = setup.scope("default");
    let (text, _) = setup
        .token(&scope, |token| token.expires_at = Some(START + HOUR))
        .await;
    let url = setup.url("default");
    assert_eq!(status(&url, &text).await, 200);
    wall.set(START + 2 * HOUR);
    refuses(&url, &text).await;

    wall.set(START + 2 * HOUR - back);
    for _ in 0..3 {
        assert_eq!(status(&url, &text).await, 401, "set back by {back} ms");
        setup.knock().await;
    }
    stop(&setup.gateway).await;
    let (_, origin) = setup.another(|config| config.clock = wall.clock()).await;
    let url = format!("{origin}/ws/default");
    assert_eq!(
        status(&url, &text).await,
        401,
        "after a restart, {back} ms back"
    );
    assert_eq!(status(&url, &setup.admin_token).await, 200);
}

#[tokio::test]
async fn s38_clock_back_by_two_hours() {
    stays_dead(2 * HOUR).await;
}

#[tokio::test]
async fn s38_clock_back_by_a_day() {
    stays_dead(DAY).await;
}

#[tokio::test]
async fn s38_clock_back_by_ten_years() {
    stays_dead(YEARS).await;
}

/// The mark outlives a gateway that was killed: it is raised when one starts, and now and then.
#[tokio::test]
async fn s38_the_mark_is_stored_at_the_start_and_at_the_end() {
    let wall = Wall::at(START);
    let setup = on(&wall).await;
    assert_eq!(setup.stored_clock(), START);
    wall.set(START + DAY);
    stop(&setup.gateway).await;
    let mark = setup.stored_clock();
    assert!((START + DAY..START + DAY + HOUR).contains(&mark), "{mark}");
    wall.set(0);
    setup.another(|config| config.clock = wall.clock()).await;
    assert_eq!(setup.stored_clock(), mark, "never lowered");
}

/// The wall clock is set back while a token still lives: it does not live longer for it. The monotonic clock of
/// this process is what moves on.
#[tokio::test]
async fn s38_a_clock_that_was_set_back_does_not_stand_still() {
    let wall = Wall::at(START);
    let setup = on(&wall).await;
    let scope = setup.scope("default");
    let (text, _) = setup
        .token(&scope, |token| token.expires_at = Some(START + 1_500))
        .await;
    wall.set(START - YEARS);
    let mut client = Client::new(&setup.url("default")).bearer(&text);
    client.initialize().await;
    let mut stream = client.get_stream(&[("accept", "text/event-stream")]).await;
    assert!(soon("the stream", stream.next_event()).await.is_some());
    soon("the end of the stream", stream.rest()).await;
    assert_eq!(client.rpc("ping", &json!({})).await.status, 401);
}

/// +10 years: what has an end ends, and stays ended when the clock is right again, also after a restart. A person
/// who says that it had been wrong brings back what did not really expire, and nothing else.
#[tokio::test]
async fn s38_clock_ahead_by_ten_years_ends_tokens_until_a_person_corrects_it() {
    let wall = Wall::at(START);
    let setup = on(&wall).await;
    let scope = setup.scope("default");
    let (soon_over, _) = setup
        .token(&scope, |token| token.expires_at = Some(START + DAY))
        .await;
    let (over, _) = setup
        .token(&scope, |token| token.expires_at = Some(START - 1))
        .await;
    let (revoked, row) = setup.token(&scope, |_| {}).await;
    setup.revoke(&scope, &row).await;
    let url = setup.url("default");
    let mut client = Client::new(&url).bearer(&soon_over);
    client.initialize().await;
    let mut stream = client.get_stream(&[("accept", "text/event-stream")]).await;
    assert!(soon("the stream", stream.next_event()).await.is_some());

    wall.set(START + YEARS);
    soon("the end of the stream", stream.rest()).await;
    refuses(&url, &soon_over).await;
    assert_eq!(status(&url, &setup.admin_token).await, 200, "it has no end");
    wall.set(START + HOUR);
    assert_eq!(status(&url, &soon_over).await, 401);
    stop(&setup.gateway).await;
    let (_, origin) = setup.another(|config| config.clock = wall.clock()).await;
    let url = format!("{origin}/ws/default");
    assert_eq!(status(&url, &soon_over).await, 401, "after a restart");

    setup.correct_clock(START + HOUR);
    let accepted = async {
        while status(&url, &soon_over).await != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    soon("the token works again", accepted).await;
    for dead in [&over, &revoked] {
        assert_eq!(status(&url, dead).await, 401);
    }
    until("the mark is right", || setup.stored_clock() < START + DAY).await;
    // And it is followed again from there.
    wall.set(START + 2 * DAY);
    refuses(&url, &soon_over).await;
}

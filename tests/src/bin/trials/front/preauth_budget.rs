//! S-82: what a request costs that is refused before anybody is known. CVE-2026-5807: a stranger could hold up an
//! operation of which there is only one.

use super::{Front, Kept, number, runtime};
use crate::effort::Effort;
use crate::score::{Bar, Score};

/// Microseconds of processor time for a refused request; an unoptimised build says nothing about it.
const BUDGET: Bar = if cfg!(debug_assertions) {
    Bar::Told
} else {
    Bar::AtMost(50.0)
};
const HELD: u64 = 500;

pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let rounds = effort.size(2_000, 50_000);
    let front = Front::new(&[]);
    let wrong = Front::ping(&format!("mwt_{}", "A".repeat(49)), "");
    let kinds = [
        (
            "no token",
            "POST /ws/team HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".to_owned(),
            &[401, 429][..],
        ),
        ("wrong token", wrong.clone(), &[401, 429]),
        (
            "unknown workspace",
            wrong.replace("/ws/team", "/ws/nowhere"),
            &[401, 429],
        ),
        (
            "unknown path",
            "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            &[404],
        ),
        (
            "foreign host",
            "GET /ws/team HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
            &[403],
        ),
        (
            "wrong method",
            "PUT /ws/team HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".to_owned(),
            &[405],
        ),
    ];
    runtime().block_on(async {
        for (kind, request, expected) in &kinds {
            let mut connection = Kept::connect(front.address()).await;
            let (began, mut odd) = (front.processor_time(), 0);
            for _ in 0..rounds {
                odd += u64::from(!expected.contains(&connection.ask(request).await));
            }
            let spent = front.processor_time().saturating_sub(began);
            score.never(
                &format!("{kind}: answered otherwise than {expected:?}"),
                odd,
            );
            let each = spent.as_secs_f64() * 1e6 / number(rounds);
            score.figure(&format!("{kind}: processor time"), each, "µs", BUDGET);
        }
        // What one of them holds while its client stays: many at once, since memory comes in pages.
        let before = front.resident_mib();
        let mut held = Vec::new();
        for _ in 0..HELD {
            let mut connection = Kept::connect(front.address()).await;
            connection.ask(&wrong).await;
            held.push(connection);
        }
        let each = (front.resident_mib() - before) * 1024.0 / number(HELD);
        score.figure(
            "memory held for each refused client",
            each,
            "KiB",
            Bar::AtMost(64.0),
        );
    });
}

//! Nearly ten thousand open streams: what each weighs, and how soon one ends whose token is revoked.

use std::time::{Duration, Instant};

use toolgate_benches::{
    Connection, Helper, House, Subject, initialize, initialized, listen, precise, resident_kib,
};

use crate::plan::Plan;
use crate::report::Report;

pub(crate) const NAMES: &[&str] = &["streams 2025-11-25", "streams 2026-07-28"];

pub(crate) fn run(plan: &Plan, report: &mut Report) {
    let wanted = [false, true].into_iter().zip(NAMES);
    let wanted: Vec<_> = wanted.filter(|(_, name)| plan.wants(name)).collect();
    if wanted.is_empty() {
        return;
    }
    // The gateway takes 10,000 connections (security.md section 17), and one more would wait until another ends.
    let count = if plan.quick { 1_000 } else { 9_900 };
    let server = Helper::upstream();
    println!(
        "| open streams | how many | KiB each | revoking one ms | revoking all others ms |\n|---|---:|---:|---:|---:|"
    );
    for (modern, name) in wanted {
        let house = House::with_servers(&server.url, 1);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let held = runtime.block_on(hold(&house, modern, count));
        let (kib, one, others) = held;
        println!("| {name} | {count} | {kib:.1} | {one:.1} | {others:.1} |");
        report.figure(&format!("{name} KiB each"), kib);
        report.figure(&format!("{name} revoked ms"), one);
        report.figure(&format!("{name} all revoked ms"), others);
    }
    println!();
}

/// KiB of each stream, and milliseconds from asking for a revocation until one stream, and all others, have ended.
async fn hold(house: &House, modern: bool, count: usize) -> (f64, f64, f64) {
    let (admin, scope) = house.admin();
    let new = toolgate_admin::NewToken::named("streams");
    let new = toolgate_admin::NewToken {
        rate_limit: Some("1000000".to_owned()),
        ..new
    };
    let [many, single] = [(); 2].map(|()| admin.create_token(&scope, &new).expect("a token"));
    let gateway = Subject::gateway(house);
    // One of them first, so that what is allocated once is not counted.
    let mut lone = open(&gateway, &single.token, modern, 0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = resident_kib(gateway.target.pid);
    let mut held = Vec::with_capacity(count);
    for number in 1..=count {
        held.push(open(&gateway, &many.token, modern, number).await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = resident_kib(gateway.target.pid);
    let kib = precise(after.saturating_sub(before)) / precise(count as u64);

    let lone = tokio::spawn(async move {
        lone.ended().await;
        Instant::now()
    });
    let began = Instant::now();
    let revoke = tokio::task::spawn_blocking(move || {
        let revoked = admin.revoke_token(&scope, &single.id);
        revoked.expect("an operator may");
        (admin, scope)
    });
    let ended = lone.await.expect("it watches");
    let one = ended.duration_since(began).as_secs_f64() * 1e3;
    let (admin, scope) = revoke.await.expect("it returns");

    let began = Instant::now();
    let revoke = tokio::task::spawn_blocking(move || {
        let revoked = admin.revoke_token(&scope, &many.id);
        revoked.expect("an operator may");
    });
    for stream in &mut held {
        stream.ended().await;
    }
    let others = began.elapsed().as_secs_f64() * 1e3;
    revoke.await.expect("it returns");
    (kib, one, others)
}

async fn open(gateway: &Subject, token: &str, modern: bool, number: usize) -> Connection {
    let target = &gateway.target;
    let opened = Connection::open(target, false).await;
    let mut connection = opened.expect("a descriptor is left");
    if !modern {
        let hello = connection.round(target, &initialize(token)).await;
        hello.expect("the gateway answers");
        let session = connection.session.clone();
        let ready = initialized(token, session.as_deref());
        connection
            .round(target, &ready)
            .await
            .expect("the gateway answers");
    }
    let session = connection.session.clone();
    let asked = listen(token, number as u64, modern, session.as_deref());
    connection
        .open_stream(target, &asked)
        .await
        .expect("the gateway answers");
    let said = connection.status;
    assert_eq!(said, 200, "stream {number} was refused");
    connection
}

//! Starting with 50 servers: how long until a call is answered, and what an idle gateway weighs.

use std::time::{Duration, Instant};

use toolgate_benches::{
    Connection, Helper, House, Subject, call, initialize, precise, resident_kib,
};

use crate::plan::Plan;
use crate::report::Report;

pub(crate) const NAMES: &[&str] = &["start and idle"];

const SERVERS: usize = 50;
/// Until what a start needs once has been given back.
const SETTLED: Duration = Duration::from_secs(3);

pub(crate) fn run(plan: &Plan, report: &mut Report) {
    if !plan.wants(NAMES[0]) {
        return;
    }
    let server = Helper::upstream();
    let house = House::with_servers(&server.url, SERVERS);
    let mut times = Vec::new();
    // The first start makes what later ones find.
    for number in 0..=plan.rounds * 2 {
        let began = Instant::now();
        let gateway = Subject::gateway(&house);
        let ready = began.elapsed().as_secs_f64() * 1e3;
        first_call(&gateway);
        if number > 0 {
            times.push((began.elapsed().as_secs_f64() * 1e3, ready));
        }
    }
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (first, ready) = times[times.len() / 2];
    let gateway = Subject::gateway(&house);
    std::thread::sleep(SETTLED);
    let idle = precise(resident_kib(gateway.target.pid)) / 1024.0;
    println!("| with {SERVERS} servers | |\n|---|---:|");
    println!("| start to ready | {ready:.0} ms |");
    println!("| start to first answered call | {first:.0} ms |");
    println!("| idle, resident | {idle:.1} MiB |\n");
    report.figure("first call ms", first);
    report.figure("idle MiB", idle);
}

fn first_call(gateway: &Subject) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (target, token) = (&gateway.target, &gateway.target.tokens[0]);
    runtime.block_on(async {
        let mut connection = Connection::open(target, false)
            .await
            .expect("the gateway listens");
        let hello = connection.round(target, &initialize(token)).await;
        hello.expect("the gateway answers");
        let session = connection.session.clone();
        let asked = call(
            token,
            &target.tool,
            1,
            r#""bytes":1024,"nonce":1"#,
            false,
            session.as_deref(),
        );
        let answered = connection.round(target, &asked).await;
        answered.expect("the gateway answers");
        let said = String::from_utf8_lossy(&connection.body);
        assert!(said.contains("answer to 1;"), "{said}");
    });
}

//! `tools/list` over 1, 10 and 50 servers: warm beside the same bytes from memory, cold, with servers slow and dead.

use std::time::Instant;

use toolgate_benches::{
    Ask, Connection, Helper, House, Load, Measured, Subject, initialize, list, target_dir,
};

use crate::calls::CALL;
use crate::plan::Plan;
use crate::report::{Report, head, row};

pub(crate) const NAMES: &[&str] = &["list of 1", "list of 10", "list of 50"];

/// Tools of each server.
const TOOLS: usize = 20;
const CONNECTIONS: usize = 8;
/// Of 50 servers, those that become slow and die.
const DOOMED: usize = 10;

pub(crate) fn run(plan: &Plan, report: &mut Report) {
    let sizes = [1, 10, 50].into_iter().zip(NAMES);
    let wanted = sizes.filter(|(_, name)| plan.wants(name));
    let mut first = Vec::new();
    for (number, (servers, name)) in wanted.enumerate() {
        if number == 0 {
            println!("{}", head("memory"));
        }
        let doomed = if servers == 50 { DOOMED } else { 0 };
        let mut fleet = Fleet::new(servers, doomed);
        let healthy = fleet.measure(plan, report, name, &mut first);
        if doomed > 0 {
            fleet.suffer(plan, report, name, &healthy, &mut first);
        }
    }
    if !first.is_empty() {
        println!("\n| first list after a start | ms | tools |\n|---|---:|---:|");
        for (name, (milliseconds, tools)) in first {
            println!("| {name} | {milliseconds:.1} | {tools} |");
            report.figure(&format!("first {name} ms"), milliseconds);
        }
        println!();
    }
}

/// Milliseconds and tools of first lists, by name.
type First = Vec<(String, (f64, usize))>;

struct Fleet {
    house: House,
    doomed: Helper,
    _server: Helper,
    tools: usize,
}

impl Fleet {
    fn new(servers: usize, doomed: usize) -> Self {
        let server = Helper::upstream();
        let other = Helper::upstream();
        let mut house = House::with_servers(&server.url, servers - doomed);
        for number in servers - doomed + 1..=servers {
            house.server(number, &other.url);
        }
        Self {
            house,
            doomed: other,
            _server: server,
            tools: servers * TOOLS,
        }
    }

    fn measure(&self, plan: &Plan, report: &mut Report, name: &str, first: &mut First) -> Measured {
        // Servers that were never seen are asked before the first list; afterwards their lists are remembered.
        let gateway = Subject::gateway(&self.house);
        let (took, body) = first_list(&gateway);
        first.push((format!("{name}, never seen"), (took, tools_in(&body))));
        let file = target_dir().join("list.json");
        std::fs::write(&file, body).expect("the target directory is ours");
        let memory = Subject::memory(file.to_str().expect("a plain path"));
        let [floor, ours] = plan.alternate([
            (&memory, &self.load(plan, true)),
            (&gateway, &self.load(plan, false)),
        ]);
        println!("{}", row(name, &floor, &ours));
        report.pair(name.to_owned(), floor, ours);
        drop(gateway);
        first.push((format!("{name}, known"), self.cold()));
        ours
    }

    /// The same lists while some servers are slow, and when they are gone. The floor is what it was in good health.
    fn suffer(
        &mut self,
        plan: &Plan,
        report: &mut Report,
        name: &str,
        healthy: &Measured,
        first: &mut First,
    ) {
        for state in ["2 s late", "dead"] {
            let gateway = Subject::gateway(&self.house);
            first_list(&gateway);
            if state == "dead" {
                self.doomed.process.signal("KILL");
            } else {
                self.doomed.delay(2_000);
            }
            let [ours] = plan.alternate([(&gateway, &self.load(plan, false))]);
            let name = format!("{name}, {DOOMED} of them {state}");
            println!(
                "{}",
                row(&format!("{name} (beside healthy)"), healthy, &ours)
            );
            report.pair(name.clone(), *healthy, ours);
            drop(gateway);
            first.push((format!("{name}, known"), self.cold()));
            if state != "dead" {
                self.doomed.delay(0);
            }
        }
    }

    fn load(&self, plan: &Plan, canned: bool) -> Load {
        let tools = self.tools;
        Load {
            ask: Ask::List { tools, canned },
            connections: CONNECTIONS,
            ..CALL.load(plan)
        }
    }

    /// The first list after a start.
    fn cold(&self) -> (f64, usize) {
        let (took, body) = first_list(&Subject::gateway(&self.house));
        (took, tools_in(&body))
    }
}

/// How long the first list takes in milliseconds, and the list.
fn first_list(gateway: &Subject) -> (f64, Vec<u8>) {
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
        let sent = Instant::now();
        let asked = list(token, 1, false, session.as_deref());
        connection
            .round(target, &asked)
            .await
            .expect("the gateway answers");
        (sent.elapsed().as_secs_f64() * 1e3, connection.body)
    })
}

fn tools_in(body: &[u8]) -> usize {
    memchr::memmem::find_iter(body, br#""inputSchema""#).count()
}

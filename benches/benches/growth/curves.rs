//! One curve for each thing that grows.

use std::time::{Duration, Instant};

use toolgate_benches::{
    Ask, Connection, Helper, House, Load, Measured, Subject, initialize, initialized, listen,
    median, precise, resident_kib,
};

use crate::plot::{Panel, Plot};
use crate::seeds;

/// How long and how far.
pub(crate) struct Effort {
    pub(crate) quick: bool,
}

/// Something that grows.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) measure: fn(&Effort) -> Vec<Point>,
}

/// The gateway at one size.
pub(crate) struct Point {
    size: u64,
    calls: Measured,
    /// Milliseconds from start to ready.
    start_ms: f64,
    /// Resident memory after the start, before any call, in MiB.
    idle_mib: f64,
}

pub(crate) const CURVES: &[Curve] = &[
    Curve {
        name: "connections",
        measure: connections,
    },
    Curve {
        name: "servers",
        measure: servers,
    },
    Curve {
        name: "tools",
        measure: tools,
    },
    Curve {
        name: "tokens",
        measure: tokens,
    },
    Curve {
        name: "workspaces",
        measure: workspaces,
    },
    Curve {
        name: "streams",
        measure: streams,
    },
];

impl Effort {
    /// All sizes, or those that a short run can afford.
    fn sizes<'a>(&self, sizes: &'a [u64], quick: usize) -> &'a [u64] {
        if self.quick { &sizes[..quick] } else { sizes }
    }

    /// Three rounds of calls, or a short one; medians.
    fn calls(&self, subject: &Subject, connections: usize) -> Measured {
        let (rounds, warmup_ms, measured_ms) = if self.quick {
            (1, 300, 1_000)
        } else {
            (3, 1_000, 4_000)
        };
        let load = Load {
            ask: Ask::Call {
                answer: 1024,
                argument: 0,
                sse: false,
                pause_ms: 0,
            },
            modern: false,
            http2: false,
            connections,
            warmup_ms,
            measured_ms,
        };
        let rounds: Vec<_> = (0..rounds).map(|_| subject.measure(&load)).collect();
        median(&rounds)
    }

    fn point(&self, house: &House, size: u64) -> Point {
        let started = Started::new(house);
        started.point(size, self.calls(&started.gateway, CONNECTIONS))
    }
}

const CONNECTIONS: usize = 32;
/// Tokens that the load uses.
const USED: u64 = 128;

/// A gateway and what its start cost.
struct Started {
    gateway: Subject,
    start_ms: f64,
    idle_mib: f64,
}

impl Started {
    fn new(house: &House) -> Self {
        let began = Instant::now();
        let gateway = Subject::gateway(house);
        let start_ms = began.elapsed().as_secs_f64() * 1e3;
        // What a start needs once has been given back by then.
        std::thread::sleep(Duration::from_secs(3));
        let idle_mib = precise(resident_kib(gateway.target.pid)) / 1024.0;
        Self {
            gateway,
            start_ms,
            idle_mib,
        }
    }

    fn point(&self, size: u64, calls: Measured) -> Point {
        Point {
            size,
            calls,
            start_ms: self.start_ms,
            idle_mib: self.idle_mib,
        }
    }
}

fn connections(effort: &Effort) -> Vec<Point> {
    let server = Helper::upstream();
    let started = Started::new(&House::with_servers(&server.url, 1));
    let sizes = effort.sizes(&[1, 4, 16, 64, 128, 256], 5);
    let point = |size: &u64| {
        let connections = usize::try_from(*size).expect("a small number");
        started.point(*size, effort.calls(&started.gateway, connections))
    };
    sizes.iter().map(point).collect()
}

fn servers(effort: &Effort) -> Vec<Point> {
    let server = Helper::upstream();
    let mut house = House::with_servers(&server.url, 1);
    let mut have = 1;
    let mut points = Vec::new();
    for size in effort.sizes(&[1, 5, 10, 25, 50], 3) {
        for number in have + 1..=*size {
            let number = usize::try_from(number).expect("a small number");
            house.server(number, &server.url);
        }
        have = *size;
        points.push(effort.point(&house, *size));
    }
    points
}

fn tools(effort: &Effort) -> Vec<Point> {
    let server = Helper::upstream();
    let sizes = effort.sizes(&[1, 20, 100, 250], 3);
    let point = |size: &u64| {
        let address = format!("{}/tools/{size}", server.url);
        effort.point(&House::with_servers(&address, 1), *size)
    };
    sizes.iter().map(point).collect()
}

fn tokens(effort: &Effort) -> Vec<Point> {
    let server = Helper::upstream();
    let house = House::with_servers(&server.url, 1);
    let mut have = USED;
    let mut points = Vec::new();
    for size in effort.sizes(&[USED, 1_000, 10_000, 100_000], 3) {
        seeds::tokens(&house, have, *size);
        have = *size;
        points.push(effort.point(&house, *size));
    }
    points
}

fn workspaces(effort: &Effort) -> Vec<Point> {
    let server = Helper::upstream();
    let house = House::with_servers(&server.url, 1);
    let url = format!("{}/s1/mcp", server.url);
    let mut have = 1;
    let mut points = Vec::new();
    for size in effort.sizes(&[1, 100, 1_000, 10_000], 3) {
        seeds::workspaces(&house, have, *size, &url);
        have = *size;
        points.push(effort.point(&house, *size));
    }
    points
}

/// Calls beside streams that stay open and say nothing.
fn streams(effort: &Effort) -> Vec<Point> {
    let server = Helper::upstream();
    let house = House::with_servers(&server.url, 1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let started = Started::new(&house);
    let mut held = Vec::new();
    let mut points = Vec::new();
    // With the connections of the load, as many as the gateway takes (security.md section 17).
    for size in effort.sizes(&[0, 100, 1_000, 5_000, 9_900], 3) {
        runtime.block_on(async {
            while (held.len() as u64) < *size {
                held.push(open(&started.gateway, held.len()).await);
            }
        });
        let idle_mib = precise(resident_kib(started.gateway.target.pid)) / 1024.0;
        let calls = effort.calls(&started.gateway, CONNECTIONS);
        points.push(Point {
            idle_mib,
            ..started.point(*size, calls)
        });
    }
    points
}

async fn open(gateway: &Subject, number: usize) -> Connection {
    let target = &gateway.target;
    let token = &target.tokens[number % target.tokens.len()];
    let opened = Connection::open(target, false).await;
    let mut connection = opened.expect("a descriptor is left");
    let hello = connection.round(target, &initialize(token)).await;
    hello.expect("the gateway answers");
    let session = connection.session.clone();
    let ready = initialized(token, session.as_deref());
    let done = connection.round(target, &ready).await;
    done.expect("the gateway answers");
    let asked = listen(token, 1, false, session.as_deref());
    let opened = connection.open_stream(target, &asked).await;
    opened.expect("the gateway answers");
    assert_eq!(connection.status, 200, "stream {number} was refused");
    connection
}

/// The points as Markdown.
pub(crate) fn print(curve: &Curve, points: &[Point]) {
    let name = curve.name;
    println!(
        "| {name} | calls/s | CPU µs a call | p50 µs | p99 µs | start ms | MiB before the calls |\n|---:|---:|---:|---:|---:|---:|---:|"
    );
    for Point {
        size,
        calls,
        start_ms,
        idle_mib,
    } in points
    {
        println!(
            "| {size} | {:.0} | {:.1} | {:.0} | {:.0} | {start_ms:.0} | {idle_mib:.1} |",
            calls.throughput, calls.cpu_us, calls.p50_us, calls.p99_us
        );
    }
    println!();
}

/// The points as a picture.
pub(crate) fn plot(curve: &Curve, points: &[Point]) -> Plot {
    let panel = |unit: &str, of: fn(&Point) -> f64| Panel {
        unit: unit.to_owned(),
        ys: points.iter().map(of).collect(),
    };
    Plot {
        label: curve.name.to_owned(),
        xs: points.iter().map(|point| precise(point.size)).collect(),
        panels: vec![
            panel("CPU µs a call", |point| point.calls.cpu_us),
            panel("calls a second", |point| point.calls.throughput),
            panel("MiB before the calls", |point| point.idle_mib),
            panel("ms from start to ready", |point| point.start_ms),
        ],
    }
}

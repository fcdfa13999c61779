//! Tool calls in every shape: revision, kind of answer, sizes, connections, version of HTTP; and to a child process.

use toolgate_benches::{Ask, Helper, House, Load, Subject};

use crate::plan::Plan;
use crate::report::{Report, head, row};

const KIB: usize = 1024;

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one of two values of an axis of the table"
)]
pub(crate) struct Shape {
    pub(crate) modern: bool,
    pub(crate) sse: bool,
    pub(crate) answer: usize,
    pub(crate) argument: usize,
    pub(crate) connections: usize,
    pub(crate) http2: bool,
    /// The server is a child process of the gateway; the floor is the relay's way to the one behind HTTP.
    pub(crate) stdio: bool,
}

/// What the first goal is about.
pub(crate) const CALL: Shape = Shape {
    modern: false,
    sse: false,
    answer: KIB,
    argument: 0,
    connections: 32,
    http2: false,
    stdio: false,
};

impl Shape {
    /// Every combination.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for http2 in [false, true] {
            for answer in [KIB, 64 * KIB, KIB * KIB] {
                for connections in [32, 1, 128] {
                    for (modern, sse) in ERAS_AND_KINDS {
                        all.push(Self {
                            modern,
                            sse,
                            answer,
                            connections,
                            http2,
                            ..CALL
                        });
                    }
                }
            }
        }
        for modern in [false, true] {
            let argument = 64 * KIB;
            all.push(Self {
                modern,
                argument,
                ..CALL
            });
        }
        all.push(Self {
            stdio: true,
            ..CALL
        });
        all
    }

    /// Whether it is measured without being asked for: everything at 32 connections, the rest where it tells
    /// something new.
    fn is_usual(self) -> bool {
        let plain = !self.sse && self.answer == KIB;
        match (self.http2, self.connections) {
            (false, 32) => true,
            (false, _) | (true, 32) => plain,
            (true, _) => false,
        }
    }

    pub(crate) fn name(self) -> String {
        let revision = if self.modern {
            "2026-07-28"
        } else {
            "2025-11-25"
        };
        let kind = if self.sse { "sse" } else { "json" };
        let size = match self.answer {
            1_048_576 => "1 MiB".to_owned(),
            bytes => format!("{} KiB", bytes / KIB),
        };
        let http = if self.http2 { "h2" } else { "h1" };
        let argument = if self.argument > 0 {
            " argument 64 KiB"
        } else {
            ""
        };
        let stdio = if self.stdio { " stdio" } else { "" };
        format!(
            "{revision} {kind} {size} {}c {http}{argument}{stdio}",
            self.connections
        )
    }

    pub(crate) fn load(self, plan: &Plan) -> Load {
        Load {
            ask: Ask::Call {
                answer: self.answer,
                argument: self.argument,
                sse: self.sse,
                pause_ms: 0,
            },
            modern: self.modern,
            http2: self.http2,
            connections: self.connections,
            warmup_ms: plan.warmup_ms,
            measured_ms: plan.measured_ms,
        }
    }
}

/// Both revisions, both kinds of answer.
pub(crate) const ERAS_AND_KINDS: [(bool, bool); 4] =
    [(false, false), (true, false), (false, true), (true, true)];

pub(crate) fn run(plan: &Plan, report: &mut Report) {
    let wanted =
        |shape: &Shape| plan.wants(&shape.name()) && (plan.all || plan.named() || shape.is_usual());
    let shapes: Vec<Shape> = Shape::all().into_iter().filter(wanted).collect();
    if shapes.is_empty() {
        return;
    }
    let server = Helper::upstream();
    let mut house = House::with_servers(&server.url, 1);
    let program = std::env::current_exe().expect("a running program has a path");
    let program = program.to_str().expect("a plain path");
    house.add("s2", &["--", program, "stdio-server"]);
    let relays = [false, true].map(|http2| Subject::relay(&server.url, http2));
    let mut gateway = Subject::gateway(&house);
    println!("{}", head("relay"));
    for shape in shapes {
        let relay = &relays[usize::from(shape.http2)];
        let tool = if shape.stdio { "s2__t0" } else { "s1__t0" };
        tool.clone_into(&mut gateway.target.tool);
        let load = shape.load(plan);
        let [bare, ours] = plan.alternate([(relay, &load), (&gateway, &load)]);
        println!("{}", row(&shape.name(), &bare, &ours));
        report.pair(shape.name(), bare, ours);
    }
    println!();
}

//! What is called, in which revision, by how many connections.

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// What it is called in the table.
    pub(crate) name: &'static str,
    /// Keep-alive connections, each with one call under way.
    pub(crate) connections: usize,
    /// 2026-07-28 instead of 2025-11-25.
    pub(crate) modern: bool,
    /// The server answers as an event stream.
    pub(crate) sse: bool,
    /// Length of the text that the tool returns.
    pub(crate) answer_bytes: usize,
    /// Length of an argument that only has to be carried.
    pub(crate) argument_bytes: usize,
}

const KIB: usize = 1024;

const CALL: Scenario = Scenario {
    name: "",
    connections: 32,
    modern: false,
    sse: false,
    answer_bytes: KIB,
    argument_bytes: 0,
};

/// The figures that `docs/performance.md` has goals for.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "call 1 KiB, 2025-11-25, json",
        ..CALL
    },
    Scenario {
        name: "call 1 KiB, 2026-07-28, json",
        modern: true,
        ..CALL
    },
    Scenario {
        name: "call 1 KiB, 2025-11-25, sse",
        sse: true,
        ..CALL
    },
    Scenario {
        name: "call 1 KiB, 2026-07-28, sse",
        sse: true,
        modern: true,
        ..CALL
    },
    Scenario {
        name: "call 1 KiB, 128 connections",
        connections: 128,
        ..CALL
    },
    Scenario {
        name: "call 1 KiB, 1 connection",
        connections: 1,
        ..CALL
    },
    Scenario {
        name: "answer of 1 MiB",
        answer_bytes: KIB * KIB,
        connections: 4,
        ..CALL
    },
    Scenario {
        name: "argument of 64 KiB",
        argument_bytes: 64 * KIB,
        ..CALL
    },
];

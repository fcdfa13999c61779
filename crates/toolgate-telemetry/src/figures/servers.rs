//! Figures of the servers behind the gateway. There are as many of each as servers, times a few fixed words.

use toolgate_store::control::LinkStatus;

use super::{Family, Sample, as_f64, count, counter, gauge, level};

/// How it can stand with a server, in the words of [`LinkStatus::state`].
const STATES: [&str; 6] = [
    "connected",
    "unknown",
    "reconnecting",
    "circuit_open",
    "probing",
    "crashed",
];

pub(super) fn figures(links: &[LinkStatus]) -> Vec<Family> {
    let levels = |of: fn(&LinkStatus) -> u64| -> Vec<Sample> {
        let one = |link| level(labels(link), as_f64(of(link)));
        links.iter().map(one).collect()
    };
    let counts = |of: fn(&LinkStatus) -> u64| -> Vec<Sample> {
        let one = |link| count(labels(link), of(link));
        links.iter().map(one).collect()
    };
    vec![
        gauge(
            "toolgate.server.state",
            "1 for the state a server is in, 0 for the others.",
            "",
            links.iter().flat_map(states).collect(),
        ),
        gauge(
            "toolgate.server.circuit_open",
            "1 while calls are not sent to a server since it fails.",
            "",
            levels(|link| u64::from(link.circuit != "closed")),
        ),
        gauge(
            "toolgate.server.calls_under_way",
            "Calls under way with a server.",
            "",
            levels(|link| link.under_way),
        ),
        gauge(
            "toolgate.server.calls_waiting",
            "Calls that wait for a turn at a server.",
            "",
            levels(|link| link.waiting),
        ),
        gauge(
            "toolgate.server.connections",
            "Open HTTP connections to a server: busy with an exchange, or idle.",
            "",
            links.iter().flat_map(connections).collect(),
        ),
        gauge(
            "toolgate.server.sessions",
            "Sessions, or child processes, open with a server.",
            "",
            levels(|link| link.sessions),
        ),
        gauge(
            "toolgate.server.streams",
            "Streams on which a server tells what changed.",
            "",
            levels(|link| link.streams),
        ),
        counter(
            "toolgate.server.crashes",
            "Child processes of a server that ended by themselves.",
            "",
            counts(|link| link.crashes),
        ),
        counter(
            "toolgate.server.messages_dropped",
            "Messages of a server that nobody could use.",
            "",
            counts(|link| link.messages_dropped),
        ),
    ]
}

fn labels(link: &LinkStatus) -> [(&'static str, &str); 2] {
    [("workspace", &link.workspace), ("server", &link.server)]
}

fn states(link: &LinkStatus) -> impl Iterator<Item = Sample> {
    let [workspace, server] = labels(link);
    let sample = move |state| {
        let is_so = f64::from(u8::from(link.state == state));
        level([workspace, server, ("state", state)], is_so)
    };
    STATES.into_iter().map(sample)
}

fn connections(link: &LinkStatus) -> [Sample; 2] {
    let [workspace, server] = labels(link);
    [
        ("busy", link.connections_busy),
        ("idle", link.connections_idle),
    ]
    .map(|(state, open)| level([workspace, server, ("state", state)], as_f64(open)))
}

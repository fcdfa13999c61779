//! Behaviour 19: the order of lists.

use std::time::Duration;

use serde_json::json;
use toolgate_router::Listed;
use toolgate_testkit::{Running, Script};

use crate::support::{Rig, server};

const SLUGS: [&str; 4] = ["zebra", "ant", "mole", "bee"];

/// Answers after a delay that depends on the round, so that servers overtake one another.
fn slow_list(server: &Running, round: u64) {
    let delay = Duration::from_micros(round.wrapping_mul(7919) % 3000);
    let names = ["z", "a", "m"];
    let tools = names.map(|name| json!({"name": name, "inputSchema": {"type": "object"}}));
    let prompts = names.map(|name| json!({"name": name}));
    let script = Script::new().delay(delay);
    server.set_method("tools/list", script.clone().result(json!({"tools": tools})));
    server.set_method("prompts/list", script.result(json!({"prompts": prompts})));
}

#[tokio::test]
async fn p9_7_a_thousand_lists_have_one_order_across_a_restart() {
    let mut servers = Vec::new();
    for _ in SLUGS {
        servers.push(server().start().await);
    }
    let links: Vec<_> = SLUGS.into_iter().zip(&servers).collect();
    let mut rig = Rig::over(&links);
    let expected: Vec<String> = SLUGS
        .iter()
        .flat_map(|slug| ["z", "a", "m"].map(|name| format!("{slug}__{name}")))
        .collect();
    for round in 0..500_u64 {
        if round % 10 == 0 {
            for (server, salt) in servers.iter().zip(1..) {
                slow_list(server, round * 4 + salt);
            }
            for link in rig.workspace.links() {
                link.invalidate(Listed::Tools);
                link.invalidate(Listed::Prompts);
            }
        }
        if round == 250 {
            rig = rig.restarted();
        }
        assert_eq!(rig.tool_names().await, expected, "round {round}");
        assert_eq!(rig.prompt_names().await, expected, "round {round}");
    }
}

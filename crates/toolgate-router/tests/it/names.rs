//! Behaviour 15: names that clients would refuse.

use std::collections::HashSet;

use serde_json::json;
use toolgate_testkit::Server;

use crate::support::{Rig, patient};

fn odd_names() -> Vec<String> {
    let shapes: [fn(usize) -> String; 10] = [
        |n| format!("plain_{n}"),
        |n| format!("dotted.name.{n}"),
        |n| format!("path/to/{n}"),
        |n| format!("größe_{n}"),
        |n| format!("two__parts__{n}"),
        |n| format!("Case_{n}"),
        |n| format!("case_{n}"),
        |n| format!("{}{n}", "long".repeat(20)),
        |n| format!("with space {n}"),
        |n| format!("__{n}"),
    ];
    (0..20).flat_map(|n| shapes.map(|shape| shape(n))).collect()
}

#[tokio::test]
async fn p9_3_p9_4_200_odd_names_stay_apart_and_callable() {
    let names = odd_names();
    let prompts: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    let server = names
        .iter()
        .fold(Server::new(), |server, name| server.tool(name, "x"))
        .capabilities(json!({"tools": {}, "prompts": {}}))
        .method("prompts/list", json!({"prompts": prompts}))
        .start()
        .await;
    let rig = Rig::over(&[("odd", &server)]);
    let tools = rig.tool_names().await;
    let prompts = rig.prompt_names().await;
    assert_eq!(tools, prompts, "one rule for both");
    assert_eq!(tools.len(), 200);
    assert_eq!(tools.iter().collect::<HashSet<_>>().len(), 200);
    for (exposed, own) in tools.iter().zip(&names) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        assert!(
            exposed.len() <= 64 && exposed.chars().all(plain),
            "{exposed}"
        );
        for asked in [exposed.clone(), format!("odd__{own}")] {
            let tool = patient(rig.workspace.find(&asked)).await.unwrap();
            assert_eq!(*tool.definition.name, **own, "{asked}");
            let prompt = patient(rig.workspace.find_prompt(&asked)).await.unwrap();
            assert_eq!(*prompt.name, **own, "{asked}");
        }
    }
}

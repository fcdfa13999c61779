//! The reviewed matrix of roles, annotations and pins, sampled through the gateway (S-40).

use serde_json::{Value, json};
use toolgate_policy::{Role, ToolRules};
use toolgate_store::ToolState;
use toolgate_testkit::{Client, Server};

use crate::setup::{Setup, names};

const MATRIX: &str = include_str!("../../../toolgate-policy/tests/data/role_matrix.txt");

/// Columns of the file, as its first line has them.
fn cells(line: &str) -> Vec<&str> {
    const STARTS: [usize; 9] = [0, 11, 24, 41, 54, 64, 75, 85, usize::MAX];
    STARTS
        .windows(2)
        .map(|ends| {
            line.get(ends[0]..ends[1].min(line.len()))
                .unwrap_or_default()
                .trim()
        })
        .collect()
}

fn annotations(name: &str) -> Option<Value> {
    Some(match name {
        "none" => return None,
        "read-only" => json!({"readOnlyHint": true}),
        "not read-only" => json!({"readOnlyHint": false}),
        "not destructive" => json!({"destructiveHint": false}),
        "destructive" => json!({"destructiveHint": true}),
        "both" => json!({"readOnlyHint": true, "destructiveHint": true}),
        other => panic!("no annotations are called {other}"),
    })
}

#[tokio::test]
async fn s40_the_gateway_decides_what_the_matrix_says() {
    let setup = Setup::new().await;
    let kinds = [
        "none",
        "read-only",
        "not read-only",
        "not destructive",
        "destructive",
        "both",
    ];
    let pins = ["approved", "held", "disabled"];
    let tool = |kind: &str, pin: &str| format!("{}_{pin}", kind.replace([' ', '-'], "_"));
    let mut server = Server::new();
    for kind in kinds {
        for pin in pins {
            let mut definition =
                json!({"name": tool(kind, pin), "inputSchema": {"type": "object"}});
            if let Some(annotations) = annotations(kind) {
                definition["annotations"] = annotations;
            }
            server = server.tool_definition(definition, "done");
        }
    }
    let server = server.start().await;
    let spec = setup.link("s", &server).await;
    setup.probe("s").await;
    let scope = setup.scope("default");
    let actor = toolgate_store::Actor::operator("test");
    let mut rows = setup.store().tools(&scope).unwrap();
    for row in &mut rows {
        if row.name.ends_with("_held") {
            row.state = ToolState::Held;
        }
    }
    setup
        .store()
        .save_tools(&scope, &actor, &spec.id, &rows)
        .unwrap();
    for kind in kinds {
        setup
            .switch_tool(&scope, &spec, &tool(kind, "disabled"), false)
            .await;
    }

    let mut sampled = 0;
    for role in Role::ALL {
        for (column, glob) in [(6, "s__*"), (7, "other__*")] {
            let (text, _) = setup
                .token(&scope, |token| {
                    token.role = role;
                    token.rules = ToolRules::parse([glob]).unwrap();
                })
                .await;
            let mut client = Client::new(&setup.url("default")).bearer(&text);
            client.initialize().await;
            let listed = names(&client.rpc("tools/list", &json!({})).await);
            let lines = MATRIX.lines().skip(1).map(cells);
            // The workspace leaves `read_only` as it is.
            let lines = lines.filter(|c| c[0] == role.as_str() && c[5] == "annotated");
            for line in lines {
                let name = format!("s__{}", tool(line[2], line[4]));
                let verdict = line[column];
                let found = match line[1] {
                    "list tools" if listed.contains(&name) => "yes",
                    "list tools" => "hidden",
                    _ => {
                        let answer = client.call(&name, json!({})).await.message();
                        if answer.get("result").is_some() {
                            "yes"
                        } else {
                            "refused"
                        }
                    }
                };
                let expected = match verdict {
                    "held" | "disabled" | "role" | "rules" => "refused",
                    other => other,
                };
                assert_eq!(found, expected, "{line:?} {glob}");
                sampled += 1;
            }
        }
    }
    assert_eq!(sampled, 3 * 2 * 6 * 3 * 2);
}

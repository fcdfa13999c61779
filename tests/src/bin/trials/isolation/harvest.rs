//! Everything that has a name in the first workspace.

use serde_json::{Value, json};
use toolgate_testkit::{Client, OldClient};

use super::world::World;

/// The names, each good for its own workspace at this moment.
pub(super) struct Names {
    pub(super) all: Vec<String>,
    pub(super) session: String,
    pub(super) cursor: String,
    /// Tools that asked, and the states they asked with.
    pub(super) states: Vec<(String, String)>,
}

/// Uses the first workspace as its own people do, and notes every name that comes by.
pub(super) async fn harvest(world: &World) -> Names {
    let side = &world.alpha;
    let token = &side.tokens[0].0;
    let mut all = vec![side.slug.clone()];
    all.extend(side.servers.iter().cloned());
    for (text, id) in &side.tokens {
        all.extend([text.clone(), id.clone()]);
    }
    let scope = world.admin.scope(&side.slug).expect("it is there");
    all.push(scope.workspace().as_str().to_owned());
    for server in world.admin.list_servers(&scope).expect("a list") {
        let shown = serde_json::to_value(&server).expect("a report");
        all.extend(shown["id"].as_str().map(str::to_owned));
    }

    let mut client = Client::new(&side.url).bearer(token);
    client
        .initialize_as("2025-11-25", &json!({"elicitation": {}}))
        .await;
    let session = client.session().expect("a session").to_owned();
    all.push(session.clone());
    for (list, member, key) in [
        ("tools/list", "tools", "name"),
        ("prompts/list", "prompts", "name"),
        (
            "resources/templates/list",
            "resourceTemplates",
            "uriTemplate",
        ),
    ] {
        let reply = client.rpc(list, &json!({})).await.message();
        let items = reply["result"][member]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.extend(
            items
                .iter()
                .filter_map(|item| Some(item[key].as_str()?.to_owned())),
        );
    }
    let page = client.rpc("resources/list", &json!({})).await.message();
    let cursor = page["result"]["nextCursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    all.push(cursor.clone());
    all.extend(
        (0..2).filter_map(|n| Some(page["result"]["resources"][n]["uri"].as_str()?.to_owned())),
    );

    // A question in the middle of a call, with its id and the id of its event.
    let params = json!({"name": format!("{}__ask", side.servers[0]), "arguments": {}});
    let message = client.request_message("tools/call", &params);
    let mut call = client.post_stream(&message).await;
    let question = loop {
        let event = call.event().await.expect("a question");
        all.extend(event.id.clone());
        let data: Option<Value> = event.data.and_then(|data| serde_json::from_str(&data).ok());
        if let Some(question) = data.filter(|data| data["method"] == "elicitation/create") {
            break question;
        }
    };
    all.extend(question["id"].as_str().map(str::to_owned));
    let mut general = client.get_stream(&[("accept", "text/event-stream")]).await;
    general.next_event().await;

    // States: of a parked call, and of a server's own.
    let mut states = Vec::new();
    for server in &side.servers {
        let tool = format!("{server}__ask");
        let claim = json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}});
        let params = json!({"name": tool, "arguments": {}, "_meta": claim});
        let asked = client.clone().modern("tools/call", params).await.message();
        let state = asked["result"]["requestState"].as_str().map(str::to_owned);
        states.push((tool, state.unwrap_or_else(|| panic!("no state in {asked}"))));
    }
    all.extend(states.iter().map(|(_, state)| state.clone()));

    let old = OldClient::connect(&format!("{}/sse", side.url), token).await;
    all.push(old.connection().to_owned());
    // What a failed call is called.
    let listen = json!({"notifications": {"toolsListChanged": true}});
    let mut listening = client
        .clone()
        .modern_stream("subscriptions/listen", listen)
        .await;
    listening.next_event().await;
    world
        .heard
        .lock()
        .await
        .extend([call, general, old.stream, listening]);
    all.sort();
    all.dedup();
    Names {
        all,
        session,
        cursor,
        states,
    }
}

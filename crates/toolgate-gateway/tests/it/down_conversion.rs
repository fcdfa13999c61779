//! One catalogue of 2026-07-28 that has everything, as clients of each revision get it (section 1.1, 6.3, P6.15,
//! P9.8 to P9.12, P9.71, behaviour 22). The gateway's own members aside, every answer is compared as a whole.

use serde_json::{Value, json};
use toolgate_testkit::{Script, Server};

use crate::everything::{
    KINDS, blocks, everything, messages, modern, prompt, resource, structured, tool,
};
use crate::setup::Setup;
use crate::wire::{LEGACY, started};

/// Those of the icons that are safe to show.
fn safe_icons() -> Value {
    json!([
        {"src": "https://example.com/i.png", "sizes": ["48x48"]},
        {"src": "data:image/png;base64,AA=="},
    ])
}

/// The same as a client of that revision gets it.
fn blocks_for(revision: &str) -> Value {
    let mut blocks = blocks();
    let text = |text: &str| json!({"type": "text", "text": text});
    if revision <= "2025-03-26" {
        blocks[3] = text("[resource: test://a, text/plain]");
        blocks[5] = text("[hologram: left out, this protocol version has no such content]");
    }
    if revision == "2024-11-05" {
        blocks[2] = text("[audio: audio/wav, 3 bytes]");
    }
    blocks
}

/// The same to an older client.
fn older(mut result: Value) -> Value {
    result["_meta"] = json!({"com.example/own": {"n": 1}});
    result
}

fn remove(value: &mut Value, members: &[&str]) {
    for member in members {
        value.as_object_mut().unwrap().remove(*member);
    }
}

/// A definition of that revision: without what came later, and with icons that are safe.
fn definition_for(revision: &str, mut definition: Value) -> Value {
    definition["icons"] = safe_icons();
    if revision <= "2025-03-26" {
        remove(&mut definition, &["title", "icons", "_meta"]);
    }
    definition
}

fn tool_for(revision: &str, name: &str, output: &Value) -> Value {
    let has_object = output["type"] == "object";
    let mut tool = definition_for(revision, tool(&format!("new__{name}"), output));
    remove(&mut tool, &["execution"]);
    if revision <= "2025-03-26" || !has_object && revision != "2026-07-28" {
        remove(&mut tool, &["outputSchema"]);
    }
    if revision == "2024-11-05" {
        remove(&mut tool, &["annotations"]);
    }
    tool
}

fn tools_for(revision: &str) -> Value {
    let mut tools = vec![tool_for(revision, "blocks", &json!({"type": "object"}))];
    for kind in KINDS {
        tools.push(tool_for(revision, kind, &json!({"type": kind})));
        let said = format!("{kind}-said");
        tools.push(tool_for(revision, &said, &json!({"anyOf": []})));
    }
    tools.into()
}

#[tokio::test]
async fn b22_p9_8_definitions_have_what_the_revision_knows() {
    let setup = Setup::new().await;
    let _server = everything(&setup).await;
    for revision in LEGACY {
        let mut client = started(&setup, revision).await;
        let list = client.rpc("tools/list", &json!({})).await.message();
        assert_eq!(
            list["result"],
            json!({"tools": tools_for(revision)}),
            "{revision}"
        );

        let mut prompt = definition_for(revision, prompt());
        prompt["name"] = json!("new__p");
        if revision <= "2025-03-26" {
            remove(&mut prompt["arguments"][0], &["title"]);
        }
        let list = client.rpc("prompts/list", &json!({})).await.message();
        assert_eq!(list["result"], json!({"prompts": [prompt]}), "{revision}");

        let list = client.rpc("resources/list", &json!({})).await.message();
        let expected = definition_for(revision, resource("uri"));
        assert_eq!(
            list["result"],
            json!({"resources": [expected]}),
            "{revision}"
        );
        let list = client
            .rpc("resources/templates/list", &json!({}))
            .await
            .message();
        let expected = definition_for(revision, resource("uriTemplate"));
        assert_eq!(
            list["result"],
            json!({"resourceTemplates": [expected]}),
            "{revision}"
        );
    }
    let mut client = setup.client();
    let list = client.modern("tools/list", json!({})).await.message();
    assert_eq!(list["result"]["tools"], tools_for("2026-07-28"));
}

#[tokio::test]
async fn b22_p9_12_results_have_the_blocks_the_revision_knows() {
    let setup = Setup::new().await;
    let _server = everything(&setup).await;
    for revision in LEGACY {
        let mut client = started(&setup, revision).await;
        let reply = client.call("new__blocks", json!({})).await.message();
        let mut expected = json!({"content": blocks_for(revision)});
        if revision >= "2025-06-18" {
            expected["structuredContent"] = json!({"n": 1});
        }
        assert_eq!(reply["result"], older(expected), "{revision}");

        let params = json!({"name": "new__p", "arguments": {"a": "x"}});
        let reply = client.rpc("prompts/get", &params).await.message();
        let expected = json!({"description": "d", "messages": messages(&blocks_for(revision))});
        assert_eq!(reply["result"], older(expected), "{revision}");

        let reply = client
            .rpc("resources/read", &json!({"uri": "test://a"}))
            .await
            .message();
        let expected = json!({"contents": [{"uri": "test://a", "text": "x", "_meta": {"k": 1}}]});
        assert_eq!(reply["result"], older(expected), "{revision}");

        let params = json!({"ref": {"type": "ref/prompt", "name": "new__p"}, "argument": {"name": "a", "value": ""}});
        let reply = client.rpc("completion/complete", &params).await.message();
        let expected = json!({"completion": {"values": ["v"], "total": 1}});
        assert_eq!(reply["result"], older(expected), "{revision}");
    }
}

#[tokio::test]
async fn b22_p9_11_structured_results_are_objects_or_text() {
    let setup = Setup::new().await;
    let _server = everything(&setup).await;
    for revision in LEGACY {
        let mut client = started(&setup, revision).await;
        for kind in KINDS {
            let structured = structured(kind);
            let is_kept = kind == "object" && revision >= "2025-06-18";
            let text = json!([{"type": "text", "text": structured.to_string()}]);
            let mut expected = if is_kept {
                json!({"content": [], "structuredContent": structured})
            } else {
                json!({ "content": text })
            };
            let reply = client
                .call(&format!("new__{kind}"), json!({}))
                .await
                .message();
            assert_eq!(
                reply["result"],
                older(expected.clone()),
                "{revision} {kind}"
            );
            expected["content"] = json!([{"type": "text", "text": "said"}]);
            let reply = client
                .call(&format!("new__{kind}-said"), json!({}))
                .await
                .message();
            assert_eq!(
                reply["result"],
                older(expected),
                "{revision} {kind}: no text is added"
            );
        }
    }
    let mut client = setup.client();
    for kind in KINDS {
        let params = json!({"name": format!("new__{kind}"), "arguments": {}});
        let reply = client.modern("tools/call", params).await.message();
        let expected = modern(json!({"content": [], "structuredContent": structured(kind)}));
        assert_eq!(reply["result"], expected, "{kind}: as the server sent it");
    }
}

#[tokio::test]
async fn b22_p6_1_the_handshake_has_no_word_of_the_new_revision() {
    let setup = Setup::new().await;
    let server = everything(&setup).await;
    for revision in LEGACY {
        let mut client = setup.client();
        let hello = client.initialize_as(revision, &json!({})).await;
        let result = &hello.message()["result"];
        assert_eq!(result["protocolVersion"], revision);
        for member in [
            "resultType",
            "ttlMs",
            "cacheScope",
            "supportedVersions",
            "_meta",
        ] {
            assert!(
                result.get(member).is_none(),
                "{revision}: {member} in {result}"
            );
        }
        let capabilities = &result["capabilities"];
        assert!(capabilities["prompts"].is_object(), "{capabilities}");
        assert!(capabilities.get("extensions").is_none(), "{capabilities}");
    }
    assert!(server.requests_for("initialize").is_empty());
}

#[tokio::test]
async fn b22_p4_3_errors_have_the_codes_the_era_knows() {
    let setup = Setup::new().await;
    let data = json!({"uri": "test://x"});
    let server = Server::new()
        .modern()
        .capabilities(json!({"tools": {}, "resources": {}}))
        .tool(
            "reserved",
            Script::new().error_with(-32050, "odd", json!({"k": 1})),
        )
        .tool(
            "own",
            Script::new().error_with(-4711, "own", json!({"k": 1})),
        )
        .method("resources/list", json!({"resources": []}))
        .method(
            "resources/read",
            Script::new().error_with(-32602, "no", data.clone()),
        )
        .start()
        .await;
    setup.link("new", &server).await;
    for revision in LEGACY {
        let mut client = started(&setup, revision).await;
        let read = client
            .rpc("resources/read", &json!({"uri": "test://x"}))
            .await;
        let error = &read.message()["error"];
        assert_eq!(
            (&error["code"], &error["data"]),
            (&json!(-32002), &data),
            "{revision}"
        );
        let reply = client.call("new__own", json!({})).await.message();
        let expected = json!({"code": -4711, "message": "own", "data": {"k": 1}});
        assert_eq!(reply["error"], expected, "{revision}");
        let reply = client.call("new__reserved", json!({})).await.message();
        let data = json!({"code": -32050, "data": {"k": 1}});
        let expected = json!({"code": -32603, "message": "odd", "data": data});
        assert_eq!(reply["error"], expected, "{revision}");
    }
}

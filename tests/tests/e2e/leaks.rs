//! How other MCP software logged credentials, and that this one does not (S-19, S-20). Both log formats, at `trace`.

use serde_json::json;
use tokio::sync::OnceCell;
use toolgate_testkit::{Client, Script, Server};
use toolgate_tests::{Gateway, Installation};

use crate::world::add;

const SECRET: &str = "fake-Qz7secretXw-0123456789";

/// What a run of ordinary and broken calls leaves in the log, and the credentials that were in play.
struct Story {
    log: String,
    token: String,
    session: String,
}

/// Told once for each format.
async fn story(format: &str) -> &'static Story {
    static TEXT: OnceCell<Story> = OnceCell::const_new();
    static JSON: OnceCell<Story> = OnceCell::const_new();
    let told = if format == "json" { &JSON } else { &TEXT };
    told.get_or_init(|| tell(format)).await
}

async fn tell(format: &str) -> Story {
    let server = Server::new()
        .tool("echo", Script::new().echo())
        .tool(
            "garbage",
            Script::new().raw(200, "application/json", format!("{{\"key\": {SECRET}")),
        )
        .start()
        .await;
    let refusing = Server::new().refuse(401, SECRET).start().await;
    let installation = Installation::new();
    installation.workspace("team");
    let token = installation.unlimited("team").token;
    for (slug, server) in [("s", &server), ("refusing", &refusing)] {
        add(
            &installation,
            slug,
            server,
            &["--header", "X-Api-Key: {KEY}"],
        );
        installation.secret("team", slug, "KEY", SECRET);
    }
    let gateway =
        installation.start_under(&["env", "TOOLGATE_LOG=trace"], &["--log-format", format]);
    let session = calls(&gateway, &token).await;
    let Gateway { mut process, .. } = gateway;
    process.signal("TERM");
    process.wait();
    let log = process.stderr();
    assert!(
        log.contains("refusing"),
        "the log says that a server failed: {log}"
    );
    Story {
        log,
        token,
        session,
    }
}

/// Calls that succeed and calls that fail; the session they were made in.
async fn calls(gateway: &Gateway, token: &str) -> String {
    let url = gateway.workspace("team");
    let mut client = Client::new(&url).bearer(token);
    client.initialize().await;
    for tool in ["s__echo", "s__garbage", "refusing__echo"] {
        client.call(tool, json!({})).await;
    }
    client.rpc("tools/list", &json!({})).await;
    // A token that was cut while it was copied, in a header and in a body that does not parse.
    let cut = &token[..token.len() - 3];
    let broken =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"token":"{token}","#);
    Client::new(&url)
        .bearer(cut)
        .post(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}))
        .await;
    client.post_raw(broken).await;
    client.session().expect("a session was opened").to_owned()
}

#[track_caller]
fn never(log: &str, what: &str, text: &str) {
    assert!(!log.contains(text), "{what} in {log}");
}

fn hex(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// github/gh-aw 50930: the bearer of agents, as `session=…`, hundreds of times in diagnostic logs.
#[tokio::test(flavor = "multi_thread")]
async fn gh_aw_50930_neither_bearer_nor_session_is_logged() {
    for format in ["text", "json"] {
        let story = story(format).await;
        for text in [
            &story.token,
            &story.session,
            &hex(&story.token),
            &hex(&story.session),
        ] {
            never(&story.log, "a credential", text);
        }
    }
}

/// cherry-studio 18648: "only the first characters" of a token.
#[tokio::test(flavor = "multi_thread")]
async fn cherry_studio_18648_no_part_of_a_token_is_logged() {
    for format in ["text", "json"] {
        let story = story(format).await;
        for secret in [&story.token[4..], SECRET] {
            for part in secret.as_bytes().windows(8) {
                never(
                    &story.log,
                    "a part of a credential",
                    std::str::from_utf8(part).expect("ASCII"),
                );
            }
        }
    }
}

/// agenticos 1626: a parse error that repeated its input, whether a client's or a server's.
#[tokio::test(flavor = "multi_thread")]
async fn agenticos_1626_a_parse_error_does_not_repeat_its_input() {
    let story = story("json").await;
    never(&story.log, "a body", "params");
    never(&story.log, "an answer", SECRET);
}

/// grafana/mcp-grafana 919: debug logs with the headers and the configuration of requests.
#[tokio::test(flavor = "multi_thread")]
async fn mcp_grafana_919_debug_logs_have_no_headers_and_no_configuration() {
    for format in ["text", "json"] {
        let log = story(format).await.log.to_lowercase();
        for word in [
            "x-api-key",
            "authorization",
            "bearer",
            "serverspec",
            "injection",
            "headermap",
        ] {
            never(&log, "a header or a whole object", word);
        }
    }
}

//! Nothing is configured: the gateway makes what it needs, says it once, and serves.

use std::fs;

use serde_json::{Value, json};
use toolgate_testkit::{Client, Script, Server};
use toolgate_tests::Installation;

use crate::world::{World, list, soon};

/// The paste-ready block between the other lines: the first JSON object in the text.
fn pasted(text: &str) -> Value {
    let start = text
        .find("{\n")
        .unwrap_or_else(|| panic!("no block to paste in:\n{text}"));
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter();
    values
        .next()
        .expect("one object")
        .expect("JSON that an editor accepts")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_prints_a_block_that_works_in_a_client() {
    let installation = Installation::new();
    let gateway = installation.start();
    let said = gateway.process.stdout();

    let ready: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("ready "))
        .collect();
    assert_eq!(ready, [format!("ready {}", gateway.url)]);
    let server = &pasted(&said)["mcpServers"]["default"];
    assert_eq!(server["url"], gateway.workspace("default"));
    let authorization = server["headers"]["Authorization"]
        .as_str()
        .expect("a header to paste");

    let mut client =
        Client::new(&gateway.workspace("default")).header("authorization", authorization);
    assert_eq!(
        client.initialize().await.message()["result"]["protocolVersion"],
        "2025-11-25"
    );
    assert_eq!(list(&mut client).await, Vec::<String>::new());
}

/// S-34: `mwt_`, 43 characters from 32 random bytes, 6 of a checksum, all base62. S-35: shown once.
#[test]
fn the_admin_token_is_shown_once() {
    let installation = Installation::new();
    let first = installation.start();
    let said = first.process.stdout();
    let token = &said[said.find("mwt_").expect("a token")..];
    let token: String = token
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    assert_eq!(token.len(), 4 + 43 + 6, "{token}");

    assert!(first.stop().success());
    let second = installation.start();
    assert!(
        !second.process.stdout().contains("mwt_"),
        "{}",
        second.process.stdout()
    );
    assert!(
        !second.process.stderr().contains("mwt_"),
        "{}",
        second.process.stderr()
    );
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_what_it_made() {
    use std::os::unix::fs::PermissionsExt;
    let installation = Installation::new();
    let _gateway = installation.start();
    let data = installation.data_dir();
    let mode = |path: &std::path::Path| {
        fs::metadata(path)
            .expect("it was made")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&data), 0o700);
    for entry in fs::read_dir(&data).expect("readable to us").flatten() {
        assert_eq!(mode(&entry.path()) & 0o077, 0, "{}", entry.path().display());
    }
}

/// S-01: a key that does not fit, or is gone, is a reason to stop; never a reason to make a new one.
#[test]
fn a_wrong_or_missing_key_refuses_to_start() {
    let (ours, theirs) = (Installation::new(), Installation::new());
    for installation in [&ours, &theirs] {
        assert!(installation.start().stop().success());
    }
    let key = ours.data_dir().join("master.key");

    fs::copy(theirs.data_dir().join("master.key"), &key).expect("both have a key");
    let mut refused = ours.launch(&[]);
    assert!(!refused.wait().success());
    assert!(refused.stderr().contains("key"), "{}", refused.stderr());
    assert!(!refused.stdout().contains("ready "), "{}", refused.stdout());

    fs::remove_file(&key).expect("it was there");
    let mut refused = ours.launch(&[]);
    assert!(!refused.wait().success());
    assert!(
        refused.stderr().contains("master.key"),
        "{}",
        refused.stderr()
    );
    assert!(
        !key.exists(),
        "a new key would make every secret unreadable"
    );
}

#[test]
fn an_address_in_use_is_named() {
    let installation = Installation::new();
    let gateway = installation.start();
    let address = gateway.url.strip_prefix("http://").expect("plain http");
    let other = Installation::new();
    let mut refused = other.launch(&["--listen", address]);
    assert!(!refused.wait().success());
    assert!(refused.stderr().contains(address), "{}", refused.stderr());
}

#[test]
fn logs_for_programs_are_one_json_object_a_line() {
    let installation = Installation::new();
    let gateway = installation.start_with(&["--log-format", "json"]);
    let mut process = gateway.process;
    process.signal("TERM");
    assert!(process.wait().success());
    let log = process.stderr();
    assert!(!log.is_empty());
    for line in log.lines() {
        let entry: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry.is_object(), "{line}");
    }
}

/// a call that has begun is finished, then the process exits with 0.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_drains_and_exits_with_zero() {
    let slow = Script::new()
        .delay(std::time::Duration::from_millis(600))
        .text("finished");
    let server = Server::new().tool("slow", slow).start().await;
    let mut world = World::new(&[("s", &server)]);
    let mut client = world.legacy().await;

    let call = tokio::spawn(async move { client.call("s__slow", json!({})).await });
    soon(
        "the call arrives",
        server.until_requests(|seen| seen.iter().any(|one| one.rpc() == "tools/call")),
    )
    .await;
    world.gateway.process.signal("TERM");
    assert_eq!(
        soon("the answer", call)
            .await
            .expect("the client lives")
            .text(),
        "finished"
    );
    assert!(world.gateway.process.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_names_secrets_and_records() {
    let installation = Installation::new();
    let gateway = installation.start_with(&["--demo"]);
    let server = &pasted(&gateway.process.stdout())["mcpServers"]["default"];
    let authorization = server["headers"]["Authorization"]
        .as_str()
        .expect("a header to paste");
    let mut client =
        Client::new(&gateway.workspace("default")).header("authorization", authorization);
    client.initialize().await;

    let tools = list(&mut client).await;
    for tool in [
        "notes__add_note",
        "notes__list_notes",
        "notes__search_notes",
        "weather__forecast",
    ] {
        assert!(
            tools.contains(&tool.to_owned()),
            "{tool} is not in {tools:?}"
        );
    }
    let kept = client
        .call("notes__add_note", json!({ "text": "hello" }))
        .await;
    assert_eq!(kept.text(), "Kept as note 1.");
    installation.secret("default", "weather", "WEATHER_API_KEY", "not-a-real-key");
    let forecast = client
        .call("weather__forecast", json!({ "city": "Lisbon" }))
        .await;
    assert!(
        forecast.text().starts_with("Lisbon: today"),
        "{}",
        forecast.message()
    );

    toolgate_tests::eventually("both calls are recorded", || {
        let calls = installation.lines(&["calls", "--workspace", "default"]);
        (calls.len() == 2).then_some(())
    });
}

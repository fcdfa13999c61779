//! Both servers, driven through pipes as a gateway drives them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::io::{BufReader, Cursor, Read, Write};

use serde_json::{Value, json};
use toolgate_demo::Demo;

/// Sends the messages, one a line, and returns what came back.
#[track_caller]
fn converse(demo: Demo, secret: Option<&str>, messages: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = messages.iter().map(Value::to_string).collect();
    let input = lines.join("\n") + "\n";
    answers(demo, secret, input.as_bytes())
}

#[track_caller]
fn answers(demo: Demo, secret: Option<&str>, input: &[u8]) -> Vec<Value> {
    let mut output = Vec::new();
    demo.serve(Cursor::new(input), &mut output, secret.map(str::to_owned))
        .unwrap();
    let output = String::from_utf8(output).unwrap();
    output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn call(id: u64, tool: &str, arguments: &Value) -> Value {
    request(
        id,
        "tools/call",
        &json!({ "name": tool, "arguments": arguments }),
    )
}

/// The text of a tool's answer and whether it is an error.
fn said(answer: &Value) -> (&str, bool) {
    let result = &answer["result"];
    (
        result["content"][0]["text"].as_str().unwrap(),
        result["isError"].as_bool().unwrap(),
    )
}

#[test]
fn initialize_agrees_on_the_revision_both_know() {
    #[track_caller]
    fn check(asked: &str, answered: &str) {
        let hello = request(
            1,
            "initialize",
            &json!({ "protocolVersion": asked, "capabilities": {} }),
        );
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let answers = converse(Demo::Notes, None, &[hello, ready]);
        assert_eq!(answers.len(), 1, "a notification is not answered");
        assert_eq!(answers[0]["result"]["protocolVersion"], answered);
        assert_eq!(
            answers[0]["result"]["serverInfo"]["name"],
            "toolgate-demo-notes"
        );
    }
    check("2024-11-05", "2024-11-05");
    check("2025-06-18", "2025-06-18");
    check("2025-11-25", "2025-06-18");
    check("2026-07-28", "2025-06-18");
}

#[test]
fn tools_say_whether_they_only_read() {
    let hints = |demo| -> Vec<(String, bool)> {
        let answers = converse(demo, None, &[request(1, "tools/list", &json!({}))]);
        let tools = answers[0]["result"]["tools"].as_array().unwrap();
        let hint = |tool: &Value| tool["annotations"]["readOnlyHint"].as_bool().unwrap();
        tools
            .iter()
            .map(|tool| (tool["name"].as_str().unwrap().to_owned(), hint(tool)))
            .collect()
    };
    let named = |pairs: &[(&str, bool)]| -> Vec<(String, bool)> {
        pairs
            .iter()
            .map(|(name, reads)| ((*name).to_owned(), *reads))
            .collect()
    };
    assert_eq!(
        hints(Demo::Notes),
        named(&[
            ("add_note", false),
            ("list_notes", true),
            ("search_notes", true)
        ])
    );
    assert_eq!(hints(Demo::Weather), named(&[("forecast", true)]));
}

#[test]
fn notes_are_kept_listed_and_found() {
    let answers = converse(
        Demo::Notes,
        None,
        &[
            call(1, "list_notes", &json!({})),
            call(2, "add_note", &json!({ "text": "Buy milk" })),
            call(3, "add_note", &json!({ "text": "Call Ünal" })),
            call(4, "list_notes", &json!({})),
            call(5, "search_notes", &json!({ "query": "ünal" })),
            call(6, "search_notes", &json!({ "query": "tea" })),
        ],
    );
    let texts: Vec<(&str, bool)> = answers.iter().map(said).collect();
    assert_eq!(
        texts,
        [
            ("No notes.", false),
            ("Kept as note 1.", false),
            ("Kept as note 2.", false),
            ("1. Buy milk\n2. Call Ünal", false),
            ("2. Call Ünal", false),
            ("No notes.", false),
        ]
    );
}

#[test]
fn a_bad_argument_is_the_models_business_not_the_protocols() {
    #[track_caller]
    fn check(tool: &str, arguments: &Value, wanted: &str) {
        let answers = converse(Demo::Notes, None, &[call(1, tool, arguments)]);
        assert_eq!(said(&answers[0]), (wanted, true));
    }
    check(
        "add_note",
        &json!({}),
        "the argument text is missing: give it some text",
    );
    check(
        "add_note",
        &json!({ "text": 7 }),
        "the argument text is missing: give it some text",
    );
    check(
        "search_notes",
        &json!({ "query": " " }),
        "the argument query is missing: give it some text",
    );
    check(
        "add_note",
        &json!({ "text": "x".repeat(10_001) }),
        "a note holds at most 10000 bytes, this one has 10001",
    );
}

#[test]
fn the_notebook_does_not_grow_for_ever() {
    let many: Vec<Value> = (1..=1_001)
        .map(|id| call(id, "add_note", &json!({ "text": "again" })))
        .collect();
    let answers = converse(Demo::Notes, None, &many);
    assert_eq!(said(&answers[999]), ("Kept as note 1000.", false));
    assert_eq!(
        said(&answers[1_000]),
        ("the notebook is full with 1000 notes", true)
    );
}

#[test]
fn a_forecast_needs_the_key_and_never_changes() {
    let ask = [call(1, "forecast", &json!({ "city": "Lisbon" }))];
    for missing in [None, Some("")] {
        let answers = converse(Demo::Weather, missing, &ask);
        let (text, is_error) = said(&answers[0]);
        assert!(
            is_error && text.contains("toolgatectl secrets set weather WEATHER_API_KEY"),
            "{text}"
        );
    }
    let answers = converse(Demo::Weather, Some("not-a-real-key"), &ask);
    let wanted = "Lisbon: today clear, 3 °C; tomorrow clear, 18 °C; the day after foggy, 30 °C.";
    assert_eq!(said(&answers[0]), (wanted, false));
}

#[test]
fn what_is_not_understood_is_refused_with_its_code() {
    #[track_caller]
    fn check(line: &str, id: &Value, code: i64) {
        let answers = answers(Demo::Weather, None, format!("{line}\n").as_bytes());
        assert_eq!(
            (&answers[0]["id"], answers[0]["error"]["code"].as_i64()),
            (id, Some(code)),
            "{line}"
        );
    }
    check("{\"jsonrpc\":\"2.0\",", &Value::Null, -32700);
    check("[]", &Value::Null, -32600);
    check(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
        &Value::Null,
        -32600,
    );
    check(
        "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"server/discover\"}",
        &json!("a"),
        -32601,
    );
    check(
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{}}",
        &json!(2),
        -32602,
    );
    check(
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}",
        &json!(3),
        -32602,
    );
}

#[test]
fn blank_lines_are_skipped_and_endless_ones_end_it() {
    assert_eq!(
        answers(
            Demo::Notes,
            None,
            b"\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"
        )
        .len(),
        1
    );
    let endless = vec![b' '; 1024 * 1024 + 1];
    let error = Demo::Notes
        .serve(Cursor::new(endless), Vec::new(), None)
        .unwrap_err();
    assert_eq!(error.to_string(), "a line longer than 1 MiB");
}

#[test]
fn each_answer_is_on_the_pipe_before_the_next_question() {
    let (question, mut asking) = std::io::pipe().unwrap();
    let (mut answer, answering) = std::io::pipe().unwrap();
    let server =
        std::thread::spawn(move || Demo::Notes.serve(BufReader::new(question), answering, None));
    for id in 1..=3 {
        writeln!(asking, "{}", request(id, "ping", &json!({}))).unwrap();
        let wanted = format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "result": {} }));
        let mut got = vec![0; wanted.len()];
        answer.read_exact(&mut got).unwrap();
        assert_eq!(String::from_utf8(got).unwrap(), wanted);
    }
    drop(asking);
    server.join().unwrap().unwrap();
}

#[test]
fn names_lead_back_to_their_servers() {
    for demo in Demo::ALL {
        assert_eq!(Demo::parse(demo.name()), Some(demo));
    }
    assert_eq!(Demo::parse("nonsense"), None);
}

//! The control socket's client against scripted gateways.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use toolgate_policy::Classification;
use toolgate_store::DataDir;
use toolgate_store::control::{
    self, ControlError, ControlReply, ControlRequest, MAX_LINE_BYTES, ProbedTool,
};

use crate::fixtures::{server_slug, workspace_slug};

const LONG: Duration = Duration::from_secs(30);

/// A gateway that treats one connection as the closure says.
fn gateway(script: impl FnOnce(UnixStream) + Send + 'static) -> (TempDir, DataDir, JoinHandle<()>) {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path());
    let listener = UnixListener::bind(dir.socket()).unwrap();
    let thread = thread::spawn(move || script(listener.accept().unwrap().0));
    (temporary, dir, thread)
}

fn read_request(stream: &UnixStream) -> ControlRequest {
    let mut line = Vec::new();
    BufReader::new(stream).read_until(b'\n', &mut line).unwrap();
    control::decode_request(&line).unwrap()
}

#[track_caller]
fn round_trip(request: &ControlRequest, reply: &ControlReply) {
    let (expected_request, sent) = (request.clone(), reply.clone());
    let (_temporary, dir, thread) = gateway(move |mut stream| {
        assert_eq!(read_request(&stream), expected_request);
        stream.write_all(&control::encode_reply(&sent)).unwrap();
    });
    assert_eq!(control::ask(&dir, request, LONG).unwrap(), *reply);
    thread.join().unwrap();
}

#[test]
fn every_question_has_its_answer() {
    round_trip(
        &ControlRequest::Changed,
        &ControlReply::Done { generation: 7 },
    );
    let url = "http://127.0.0.1:8080".to_owned();
    round_trip(&ControlRequest::Ping, &ControlReply::Pong { url });

    let probe = ControlRequest::Probe {
        workspace: workspace_slug("acme"),
        server: server_slug("github"),
    };
    let tool = ProbedTool {
        name: "search".to_owned(),
        exposed: "github__search".to_owned(),
        classification: Classification::ReadOnly,
        held: false,
        description: Some("two\nlines".to_owned()),
    };
    let probed = ControlReply::Probed {
        revision: "2025-11-25".to_owned(),
        server_info: json!({ "name": "x" }),
        tools: vec![tool; 2_000],
    };
    round_trip(&probe, &probed);
    let failed = ControlReply::Failed {
        error: "connecting".to_owned(),
        hint: None,
    };
    round_trip(&probe, &failed);
}

#[test]
fn the_wire_form_is_one_json_object_a_line() {
    assert_eq!(
        control::decode_request(b"{\"ask\":\"ping\"}\n").unwrap(),
        ControlRequest::Ping
    );
    let line = control::encode_reply(&ControlReply::Done { generation: 3 });
    assert_eq!(line, b"{\"reply\":\"done\",\"generation\":3}\n");
    for bad in [
        &b"{}"[..],
        b"",
        b"{\"ask\":\"format\"}",
        b"{\"ask\":\"probe\",\"workspace\":\"A B\"}",
    ] {
        assert!(matches!(
            control::decode_request(bad),
            Err(ControlError::Malformed)
        ));
    }
}

#[test]
fn nobody_there_is_told_apart_from_nobody_answering() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path());
    let ask = |dir| control::ask(dir, &ControlRequest::Ping, LONG);
    assert!(matches!(ask(&dir), Err(ControlError::NotRunning)));
    // A socket that a killed gateway left behind.
    drop(UnixListener::bind(dir.socket()).unwrap());
    assert!(matches!(ask(&dir), Err(ControlError::NotRunning)));
}

#[test]
fn a_gateway_that_does_not_answer_is_given_up() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temporary.path());
    let _listener = UnixListener::bind(dir.socket()).unwrap();
    let outcome = control::ask(&dir, &ControlRequest::Ping, Duration::from_millis(20));
    assert!(
        matches!(outcome, Err(ControlError::TimedOut(_))),
        "{outcome:?}"
    );
}

#[test]
fn broken_answers_are_errors() {
    let ask = |answer: Vec<u8>| {
        let (_temporary, dir, thread) = gateway(move |mut stream| {
            read_request(&stream);
            // The client may hang up before it was sent all of this.
            stream.write_all(&answer).ok();
        });
        let outcome = control::ask(&dir, &ControlRequest::Ping, LONG);
        thread.join().unwrap();
        outcome.unwrap_err()
    };
    assert!(matches!(
        ask(b"not json\n".to_vec()),
        ControlError::Malformed
    ));
    assert!(matches!(ask(b"{\"reply\":".to_vec()), ControlError::Io(_)));
    assert!(matches!(ask(Vec::new()), ControlError::Io(_)));
    assert!(matches!(
        ask(vec![b' '; MAX_LINE_BYTES + 1]),
        ControlError::TooLong
    ));
}

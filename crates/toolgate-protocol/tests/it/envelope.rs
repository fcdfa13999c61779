//! JSON-RPC envelopes (section 3).

use proptest::prelude::*;
use toolgate_protocol::{
    Body, Era, Json, JsonLimits, Message, Outcome, RequestId, RpcError, codes, parse_body,
    parse_message, write,
};

use crate::{json, request, text};

fn parse(body: &str) -> Message {
    parse_message(body.to_owned().into(), &JsonLimits::UPSTREAM).unwrap()
}

#[test]
fn three_kinds_of_message() {
    let Message::Request(call) =
        parse(r#"{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}}"#)
    else {
        panic!("a request");
    };
    assert_eq!(
        (call.id.as_json(), &*call.method, text(call.params.bytes())),
        ("\"a\"", "m", r#"{"x":1}"#.into())
    );
    let Message::Notification(notice) = parse(r#"{"method":"n","jsonrpc":"2.0"}"#) else {
        panic!("a notification");
    };
    assert!(notice.params.is_empty());
    let Message::Response(response) =
        parse(r#"{"jsonrpc":"2.0","id":3,"result":{"isError":true}}"#)
    else {
        panic!("a response");
    };
    assert_eq!(response.id, Some(RequestId::number(3)));
    let Outcome::Result(result) = response.outcome else {
        panic!("a result")
    };
    assert_eq!(result.as_str(), r#"{"isError":true}"#);
}

#[test]
fn errors_are_read_whole() {
    let Message::Response(response) = parse(
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"a\nb","data":{"uri": "x"},"more":1}}"#,
    ) else {
        panic!("a response");
    };
    assert_eq!(response.id, None);
    let Outcome::Error(error) = response.outcome else {
        panic!("an error")
    };
    assert_eq!(
        error,
        RpcError::new(-32602, "a\nb").with_data(json(r#"{"uri": "x"}"#))
    );
}

/// A message keeps its escapes, half a surrogate pair among them; one that was changed since is spelt anew.
#[test]
fn p3_17_the_message_of_an_error_is_written_as_it_was_spelt() {
    let spelt = r#""\u0041\/\ud800.""#;
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":1,"message":{spelt}}}}}"#);
    let parsed = toolgate_protocol::parse_message(body.clone().into(), &JsonLimits::UPSTREAM);
    let Ok(Message::Response(response)) = parsed else {
        panic!("a response")
    };
    let Outcome::Error(mut error) = response.outcome else {
        panic!("an error")
    };
    let id = RequestId::number(1);
    assert_eq!(text(write::error(Some(&id), &error, Era::Modern)), body);
    error.message = "hidden".to_owned();
    assert_eq!(
        text(write::error(Some(&id), &error, Era::Modern)),
        body.replace(spelt, "\"hidden\"")
    );
}

/// P3.3: `1`, `"1"` and big integers come back as they were; spellings of one string are one id.
#[test]
fn ids_keep_type_and_text() {
    for id in [
        "1",
        "\"1\"",
        "-0",
        "9007199254740993",
        "123456789012345678901234567890",
        "\"\\u0061\"",
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let Message::Request(request) = parse(&body) else {
            panic!("a request")
        };
        let answer = text(write::result(&request.id, b"{}"));
        assert_eq!(
            answer,
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
        );
    }
    assert_ne!(RequestId::number(1), RequestId::text("1"));
    assert_eq!(
        RequestId::from_json(&json(r#""\u0061""#)).unwrap(),
        RequestId::text("a")
    );
    assert_eq!(RequestId::number(7).as_u64(), Some(7));
    assert_eq!(RequestId::text("7").as_u64(), None);
    assert_eq!(RequestId::text("gw-1").as_text().unwrap(), "gw-1");
    let long = "x".repeat(100);
    assert_eq!(RequestId::text(&long).as_json(), format!("\"{long}\""));
}

/// P3.4: the error of a request whose id could not be read.
#[test]
fn errors_without_an_id_differ_by_era() {
    let error = RpcError::new(codes::PARSE_ERROR, "not \"JSON\"");
    let body = r#""error":{"code":-32700,"message":"not \"JSON\""}}"#;
    assert_eq!(
        text(write::error(None, &error, Era::Legacy)),
        format!(r#"{{"jsonrpc":"2.0","id":null,{body}"#)
    );
    assert_eq!(
        text(write::error(None, &error, Era::Modern)),
        format!(r#"{{"jsonrpc":"2.0",{body}"#)
    );
    let id = RequestId::number(4);
    assert_eq!(
        text(write::error(Some(&id), &error, Era::Modern)),
        format!(r#"{{"jsonrpc":"2.0","id":4,{body}"#)
    );
}

#[test]
fn messages_are_written() {
    let id = RequestId::number(4);
    assert_eq!(
        text(write::request(&id, "tools/call", Some(b"{\"name\":\"t\"}"))),
        r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"t"}}"#
    );
    assert_eq!(
        text(write::request(&id, "ping", None)),
        r#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#
    );
    assert_eq!(
        text(write::notification("notifications/initialized", None)),
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#
    );
    let result = json(r#"{"content":[]}"#);
    let parts = write::result_parts(&id, result.bytes());
    assert_eq!(parts.concat(), write::result(&id, result.bytes()));
    assert_eq!(parts[1].as_ptr(), result.bytes().as_ptr());
    assert_eq!(
        write::response(&id, &Outcome::Result(result), Era::Legacy),
        parts.concat()
    );
    assert_eq!(text(write::batch(&[])), "[]");
    assert_eq!(text(write::batch(&["1".into(), "2".into()])), "[1,2]");
}

/// P3.8: each element is judged alone; an empty batch is none.
#[test]
fn batches_are_read_element_by_element() {
    let body =
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}, 7, {"jsonrpc":"2.0","id":2,"method":3}]"#;
    let Body::Batch(elements) = parse_body(body.into(), &JsonLimits::CLIENT).unwrap() else {
        panic!("a batch");
    };
    assert!(matches!(elements[0], Ok(Message::Request(_))));
    assert_eq!(
        elements[1].as_ref().unwrap_err().error.code,
        codes::INVALID_REQUEST
    );
    assert_eq!(
        elements[2].as_ref().unwrap_err().id,
        Some(RequestId::number(2))
    );
    let empty = parse_body("[]".into(), &JsonLimits::CLIENT).unwrap_err();
    assert_eq!(empty.error.code, codes::INVALID_REQUEST);
}

/// P3.4, P3.7: the id is told where it could be read, so that the right call fails.
#[test]
fn malformed_messages_tell_their_id_where_it_was_read() {
    #[track_caller]
    fn check(body: &str, id: Option<u64>) {
        let malformed = parse_message(body.to_owned().into(), &JsonLimits::UPSTREAM).unwrap_err();
        assert_eq!(malformed.id, id.map(RequestId::number), "{body}");
    }
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[]}"#,
        Some(1),
    );
    check(r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#, Some(1));
    check(
        r#"{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}"#,
        Some(1),
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
        Some(1),
    );
    check(r#"{"jsonrpc":"2.0","result":{"a":1,"a":2},"id":1}"#, None); // The scan had not come to it.
    check(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, None); // Which of the two?
    check(r#"{"jsonrpc":"2.0","id":1,"method":"m""#, None); // Not JSON.
    check(r#"{"jsonrpc":"2.0","id":1.5,"method":"m"}"#, None);
}

/// The scan indexes params and result; looking at them finds what is there, wherever they stand.
#[test]
fn inner_members_are_found_wherever_they_stand() {
    for body in [
        r#"{"params":{"name":"t","arguments":{"k":[{"name":"no"}]}},"jsonrpc":"2.0","id":1,"method":"m"}"#,
        r#"{"extra":{"name":"no"},"jsonrpc":"2.0","id":1,"method":"m","params" : { "name" : "t" , "arguments" : {} } }"#,
        r#"{"other":[{"name":"no"}],"jsonrpc":"2.0","id":1,"method":"m","para\u006ds":{"name":"t"}}"#,
    ] {
        let Message::Request(request) = parse(body) else {
            panic!("a request")
        };
        assert_eq!(request.params.text("name").as_deref(), Some("t"), "{body}");
    }
}

#[test]
fn a_request_keeps_its_params_as_they_came() {
    let params = r#"{"arguments":{"n":1e400, "z":-0},"name":"t","x":[ ]}"#;
    assert_eq!(text(request("tools/call", params).params.bytes()), params);
}

proptest! {
    /// Nothing that arrives panics, and what is accepted is written back as the same message.
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_body(bytes.into(), &JsonLimits::CLIENT);
    }

    #[test]
    fn what_is_written_is_read_back(method in any::<String>(), id in any::<String>(), value in any::<String>()) {
        prop_assume!(id.len() <= 256);
        let params = format!("{{\"v\":{}}}", Json::from_text(&value).as_str());
        let body = write::request(&RequestId::text(&id), &method, Some(params.as_bytes()));
        let Message::Request(request) = parse_message(body, &JsonLimits::CLIENT).unwrap() else {
            panic!("a request");
        };
        prop_assert_eq!(request.id.as_text().unwrap(), id);
        prop_assert_eq!(&*request.method, method.as_str());
        prop_assert_eq!(request.params.text("v").unwrap(), value);
    }
}

//! F-01: of a message that the strict scan accepts, two other parsers read the same; or it was refused.
#![no_main]

use serde_json::Value;
use serde_json::value::RawValue;
use toolgate_protocol::{Body, JsonLimits, Message, Outcome, parse_body};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    for limits in [JsonLimits::CLIENT, JsonLimits::UPSTREAM] {
        if let Ok(read) = parse_body(body.to_vec().into(), &limits) {
            let text = std::str::from_utf8(body).expect("accepted text is UTF-8");
            serde_json::from_str::<&RawValue>(text).expect("accepted text is JSON");
            if let Body::One(message) = read {
                agrees(text, &message);
            }
        }
    }
});

/// Both others read the members that decide what happens as we do, unless a number or a lone surrogate is beyond them.
fn agrees(text: &str, message: &Message) {
    let Ok(second) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let third: Option<Value> = simd_json::serde::from_slice(&mut text.as_bytes().to_vec()).ok();
    for other in std::iter::once(&second).chain(&third) {
        match message {
            Message::Request(request) => {
                assert_eq!(other["method"], *request.method);
                assert!(!other["id"].is_null());
                same(&other["params"], request.params.bytes());
            }
            Message::Notification(notification) => {
                assert_eq!(other["method"], *notification.method);
                assert!(other.get("id").is_none());
                same(&other["params"], notification.params.bytes());
            }
            Message::Response(response) => {
                assert!(other.get("method").is_none());
                match &response.outcome {
                    Outcome::Result(result) => same(&other["result"], result.bytes()),
                    Outcome::Error(error) => {
                        assert_eq!(other["error"]["code"].as_i64(), Some(error.code));
                        assert_eq!(other["error"]["message"], *error.message);
                    }
                }
            }
        }
    }
}

/// Absent parameters are an empty object to us.
fn same(other: &Value, ours: &[u8]) {
    let ours: Value = serde_json::from_slice(ours).expect("a slice of the message is JSON");
    let is_absent = other.is_null() && ours.as_object().is_some_and(serde_json::Map::is_empty);
    // Floats may differ in their last bit between parsers; their text is what we send on.
    assert!(is_absent || shape(other) == shape(&ours));
}

/// The value with its numbers left out.
fn shape(value: &Value) -> Value {
    match value {
        Value::Number(_) => Value::Null,
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
        other => other.clone(),
    }
}

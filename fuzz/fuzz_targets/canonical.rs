//! F-09: the canonical form of a definition is idempotent, free of order, and injective.
//!
//! Run with `cargo +nightly fuzz run canonical`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use toolgate_protocol::trust::{Change, judge};
use toolgate_protocol::{Json, JsonLimits, Revision, ToolDefinition};

fuzz_target!(|input: (&str, &str)| {
    let [Some(one), Some(other)] = [input.0, input.1].map(read) else {
        return;
    };
    let (form, other_form) = (one.canonical(), other.canonical());
    let again =
        read(std::str::from_utf8(&form).expect("a form is text")).expect("and a definition");
    assert_eq!(again.canonical(), form, "idempotent");
    assert_eq!(judge(&one.raw, &again.raw), Change::None);

    // Equal forms are equal values, for a reader that keeps every digit and every escape.
    let equal = form == other_form;
    assert_eq!(judge(&one.raw, &other.raw) == Change::None, equal);
    let values = [&one, &other].map(|tool| serde_json::from_str::<Value>(tool.raw.as_str()));
    if let [Ok(one_value), Ok(other_value)] = values
        && equal
    {
        assert_eq!(one_value, other_value, "injective");
    }
    if let Ok(value) = serde_json::from_str::<Value>(one.raw.as_str()) {
        // Written again members come in another order and escapes in another spelling.
        let rewritten = value.to_string();
        let numbers_kept = !one.raw.as_str().bytes().any(|b| b.is_ascii_digit());
        if let Some(rewritten) = read(&rewritten).filter(|_| numbers_kept) {
            assert_eq!(rewritten.canonical(), form, "free of order");
        }
    }
});

fn read(text: &str) -> Option<ToolDefinition> {
    let json = Json::parse(text.to_owned().into(), &JsonLimits::UPSTREAM).ok()?;
    ToolDefinition::parse(json, Revision::LATEST).ok()
}

//! F-01: a message that the strict scan accepts is one that a second parser accepts, too.
#![no_main]
libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if toolgate_protocol::parse_body(body.to_vec().into(), &toolgate_protocol::JsonLimits::CLIENT)
        .is_ok()
    {
        let body = std::str::from_utf8(body).expect("accepted text is UTF-8");
        serde_json::from_str::<&serde_json::value::RawValue>(body).expect("accepted text is JSON");
    }
});

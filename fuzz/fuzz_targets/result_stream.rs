//! A result in chunks: any cut gives the same bytes or a refusal, and what passes means what it means when it is whole.
#![no_main]

use bytes::Bytes;
use serde_json::Value;
use toolgate_protocol::mcp::{adapt_result, is_error, linked_uris};
use toolgate_protocol::stream::{Audience, PassEnd, ResultPass, StreamScan};
use toolgate_protocol::{Body, Json, JsonLimits, Message, Outcome, Revision, parse_body};

const ID: u64 = 7;
const METHODS: [&str; 3] = ["tools/call", "resources/read", "prompts/get"];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&[who, size], text)) = input.split_first_chunk() else {
        return;
    };
    let (size, whole) = (usize::from(size) + 1, text.len().max(1));

    let read = Json::parse(Bytes::copy_from_slice(text), &JsonLimits::UPSTREAM);
    for size in [size, whole] {
        assert_eq!(is_json(text, size), read.is_ok());
    }

    let pass = Pass::of(who);
    let at_once = pass.run(text, whole);
    assert_eq!(pass.run(text, size), at_once);
    if let Some((out, end)) = at_once
        && pass.suits(text)
    {
        pass.means_the_same(text, &out, &end);
    }
});

fn is_json(text: &[u8], size: usize) -> bool {
    let mut scan = StreamScan::new(&JsonLimits::UPSTREAM);
    text.chunks(size).all(|chunk| scan.push(chunk).is_ok()) && scan.end().is_ok()
}

/// From whom to whom a result goes.
struct Pass {
    method: &'static str,
    from: Revision,
    to: Revision,
}

impl Pass {
    fn of(who: u8) -> Self {
        let who = usize::from(who);
        let revision = |at: usize| Revision::ALL[at % Revision::ALL.len()];
        Self {
            method: METHODS[who % METHODS.len()],
            from: revision(who / 3),
            to: revision(who / 16),
        }
    }

    fn begin(&self) -> ResultPass {
        let audience = Audience {
            method: self.method.into(),
            to: self.to,
            server_info: server_info(),
        };
        ResultPass::new(ID, self.from, audience)
    }

    fn suits(&self, text: &[u8]) -> bool {
        let mut pass = self.begin();
        pass.push(&Bytes::copy_from_slice(text), &mut Vec::new())
            .is_ok()
            && pass.suits()
    }

    /// All that comes out, and what was noticed, if the result passes.
    fn run(&self, text: &[u8], size: usize) -> Option<(Vec<u8>, PassEnd)> {
        let (mut pass, mut out) = (self.begin(), Vec::new());
        for chunk in text.chunks(size) {
            pass.push(&Bytes::copy_from_slice(chunk), &mut out).ok()?;
        }
        let end = pass.end().ok()?;
        out.push(end.rest.clone());
        Some((out.concat(), end))
    }

    fn means_the_same(&self, text: &[u8], out: &[u8], end: &PassEnd) {
        let body = parse_body(Bytes::copy_from_slice(text), &JsonLimits::UPSTREAM);
        let Ok(Body::One(Message::Response(response))) = body else {
            panic!("what passes is a response");
        };
        let Outcome::Result(result) = response.outcome else {
            panic!("what passes is a result");
        };
        let whole = adapt_result(self.method, &result, self.from, self.to, &server_info());
        // Numbers and lone surrogates may be beyond the other parser.
        if let Ok(whole) = serde_json::from_slice::<Value>(&whole) {
            assert_eq!(serde_json::from_slice::<Value>(out).expect("JSON"), whole);
        }
        assert_eq!(end.is_error, is_error(&result));
        // Whoever has the whole looks for the words as they are usually spelt, and takes an empty URI for one.
        if !text.windows(2).any(|pair| pair == b"\\u") {
            let mut linked = linked_uris(&result);
            linked.retain(|uri| !uri.is_empty());
            assert_eq!(end.uris, linked);
        }
    }
}

fn server_info() -> Json {
    Json::literal(r#"{"name":"gateway"}"#)
}

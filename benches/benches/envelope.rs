//! What the envelope costs: reading a call, writing it for a server, reading the answer and finding its
//! result. Bytes per second are those of the message.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use toolgate_protocol::mcp::{adapt_result, is_error, result_type};
use toolgate_protocol::upstream::{Forwarded, OwnMeta, modern_headers};
use toolgate_protocol::{
    Json, JsonLimits, Message, Outcome, Request, RequestId, Revision, parse_message, write,
};

criterion_group!(benches, call, response);
criterion_main!(benches);

/// A call of about 1 KiB, in and out.
fn call(criterion: &mut Criterion) {
    let body = bytes::Bytes::from(call_body());
    let mut group = criterion.benchmark_group("call");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| parse_message(black_box(body.clone()), &JsonLimits::CLIENT));
    });
    let Ok(Message::Request(request)) = parse_message(body.clone(), &JsonLimits::CLIENT) else {
        panic!("the call is a request");
    };
    let info = Json::literal(r#"{"name":"toolgate","version":"0.1.0"}"#);
    group.bench_function("rewrite", |bencher| {
        bencher.iter(|| rewrite(black_box(&request), &info));
    });
    group.finish();
}

/// The request as it goes to a modern server, headers included.
fn rewrite(request: &Request, info: &Json) -> (usize, usize) {
    let headers = modern_headers(&request.method, &request.params, Some("search"), None);
    let forwarded = Forwarded {
        id: &RequestId::number(7),
        method: &request.method,
        params: &request.params,
        bare_name: Some("search"),
        own_meta: Some(OwnMeta {
            revision: Revision::LATEST,
            capabilities: &Json::empty_object(),
            client_info: info,
            log_level: None,
        }),
        wants_progress: true,
        extra: &[],
    };
    (headers.len(), forwarded.write().len())
}

/// Answers of three sizes: one long text with a line end every 64 bytes, and many small records.
fn response(criterion: &mut Criterion) {
    let info = Json::literal(r#"{"name":"toolgate","version":"0.1.0"}"#);
    for (shape, body) in [
        ("text", text_body as fn(usize) -> String),
        ("records", record_body),
    ] {
        let mut group = criterion.benchmark_group(format!("response/{shape}"));
        for size in [1 << 10, 64 << 10, 1 << 20] {
            let body = bytes::Bytes::from(body(size));
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_with_input(
                BenchmarkId::new("find_result", size),
                &body,
                |bencher, body| {
                    bencher.iter(|| find_result(black_box(body.clone()), &info));
                },
            );
        }
        group.finish();
    }
}

/// Everything between the bytes of an answer and the parts of ours.
fn find_result(body: bytes::Bytes, info: &Json) -> [bytes::Bytes; 3] {
    let Ok(Message::Response(response)) = parse_message(body, &JsonLimits::UPSTREAM) else {
        panic!("the answer is a response");
    };
    let Outcome::Result(result) = response.outcome else {
        panic!("the answer has a result");
    };
    black_box((result_type(&result), is_error(&result)));
    let (from, to) = (Revision::V2025_11_25, Revision::V2025_11_25);
    let adapted = adapt_result("tools/call", &result, from, to, info);
    write::result_parts(&RequestId::number(1), &adapted)
}

fn call_body() -> String {
    let text = "Find me the three most recent issues about streaming. ".repeat(12);
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"github__search","arguments":{{"query":"{text}","limit":3,"labels":["bug","transport"],"filter":{{"open":true,"since":"2026-01-01"}}}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{"elicitation":{{}}}},"progressToken":1}}}}}}"#
    )
}

fn text_body(size: usize) -> String {
    let line = "The quick brown fox jumps over the lazy dog, again and again.\\n";
    let text = line.repeat(size / line.len());
    format!(
        r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":[{{"type":"text","text":"{text}"}}],"isError":false}}}}"#
    )
}

fn record_body(size: usize) -> String {
    let record = r#"{"id":12345,"name":"record","score":0.75,"tags":["a","b"],"open":true}"#;
    let records = vec![record; size / (record.len() + 1)].join(",");
    format!(
        r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":[],"structuredContent":{{"records":[{records}]}}}}}}"#
    )
}

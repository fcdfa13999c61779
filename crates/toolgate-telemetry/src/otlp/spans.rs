//! Calls as spans, and failed ones as log records: attributes by the conventions for MCP, GenAI and RPC.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use toolgate_analytics::{CallRecord, CallStatus, CallTrace, Outcome, call_id};

use crate::Watched;

/// What is exported of some calls.
pub(super) struct Batch {
    pub(super) spans: Vec<Span>,
    pub(super) logs: Vec<LogRecord>,
}

/// Whether there is anything to export of a call.
pub(super) fn concerns(call: &CallRecord) -> bool {
    call.trace.is_some() || severity(call.status).is_some()
}

impl Batch {
    pub(super) fn of(calls: &[CallRecord], boot: &str, watched: Option<&dyn Watched>) -> Self {
        let mut batch = Self {
            spans: Vec::new(),
            logs: Vec::new(),
        };
        for call in calls {
            let attributes = attributes(call, boot, watched);
            if let Some(severity) = severity(call.status) {
                batch.logs.push(log(call, severity, attributes.clone()));
            }
            if let Some(trace) = &call.trace {
                batch.spans.extend(at_server(call, trace));
                batch.spans.push(at_gateway(call, trace, attributes));
            }
        }
        batch
    }
}

/// The call as the gateway served it.
fn at_gateway(call: &CallRecord, trace: &CallTrace, attributes: Vec<KeyValue>) -> Span {
    let start = start(call);
    Span {
        trace_id: trace.trace_id.into(),
        span_id: trace.span_id.into(),
        parent_span_id: trace.parent.map_or_else(Vec::new, Into::into),
        flags: 1,
        name: name(call),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + trace.ended,
        attributes,
        status: Some(status(call.status)),
        ..Span::default()
    }
}

/// The part of it that its server took.
fn at_server(call: &CallRecord, trace: &CallTrace) -> Option<Span> {
    let (from, until) = trace.at_server?;
    let start = start(call);
    let mut attributes = vec![text("mcp.method.name", "tools/call")];
    attributes.extend(
        call.tool
            .as_ref()
            .map(|tool| text("gen_ai.tool.name", tool)),
    );
    let server = call.server_slug.as_ref();
    attributes.extend(server.map(|server| text("toolgate.server", server.as_str())));
    Some(Span {
        trace_id: trace.trace_id.into(),
        span_id: trace.server_span_id.into(),
        parent_span_id: trace.span_id.into(),
        flags: 1,
        name: name(call),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: start + from,
        end_time_unix_nano: start + until.max(from),
        attributes,
        status: Some(status(call.status)),
        ..Span::default()
    })
}

fn start(call: &CallRecord) -> u64 {
    call.time_ms.saturating_mul(1_000_000)
}

fn name(call: &CallRecord) -> String {
    match &call.tool {
        Some(tool) => format!("tools/call {tool}"),
        None => "tools/call".to_owned(),
    }
}

fn status(status: CallStatus) -> Status {
    let code = if status.outcome() == Outcome::Failed {
        StatusCode::Error
    } else {
        StatusCode::Unset
    };
    Status {
        message: String::new(),
        code: code.into(),
    }
}

fn attributes(call: &CallRecord, boot: &str, watched: Option<&dyn Watched>) -> Vec<KeyValue> {
    let workspace = watched.and_then(|watched| watched.slug(&call.workspace));
    let workspace = workspace.unwrap_or_else(|| call.workspace.to_string());
    let mut attributes = vec![
        text("mcp.method.name", "tools/call"),
        text("mcp.protocol.version", call.revision),
        text("gen_ai.operation.name", "execute_tool"),
        text("rpc.system.name", "jsonrpc"),
        text("toolgate.workspace", &workspace),
        text("toolgate.call.id", &call_id(boot, call.number)),
        text("toolgate.token.id", &call.token_id),
        text("toolgate.status", call.status.as_str()),
        number("toolgate.request.size", call.bytes_in),
        number("toolgate.response.size", call.bytes_out),
    ];
    attributes.extend(
        call.tool
            .as_ref()
            .map(|tool| text("gen_ai.tool.name", tool)),
    );
    let server = call.server_slug.as_ref();
    attributes.extend(server.map(|server| text("toolgate.server", server.as_str())));
    if let Some(code) = call.error_code {
        attributes.push(text("rpc.response.status_code", &code.to_string()));
    }
    if call.status != CallStatus::Ok {
        attributes.push(text("error.type", call.status.as_str()));
    }
    attributes
}

/// Which calls are worth a line of log.
fn severity(status: CallStatus) -> Option<SeverityNumber> {
    match status {
        CallStatus::Internal => Some(SeverityNumber::Error),
        CallStatus::TimedOut | CallStatus::Unreachable | CallStatus::Overloaded => {
            Some(SeverityNumber::Warn)
        }
        _ => None,
    }
}

fn log(call: &CallRecord, severity: SeverityNumber, attributes: Vec<KeyValue>) -> LogRecord {
    let sentence = match call.status {
        CallStatus::TimedOut => "a server did not answer a call in time",
        CallStatus::Unreachable => "a server could not be reached for a call",
        CallStatus::Overloaded => "a call was not tried, since there was too much to do",
        _ => "the gateway failed at a call",
    };
    let trace = call.trace.as_ref();
    let ended = call.time_ms.saturating_add(call.duration_ms);
    LogRecord {
        time_unix_nano: ended.saturating_mul(1_000_000),
        observed_time_unix_nano: ended.saturating_mul(1_000_000),
        severity_number: severity.into(),
        severity_text: if severity == SeverityNumber::Error {
            "ERROR".to_owned()
        } else {
            "WARN".to_owned()
        },
        body: Some(any(Value::StringValue(sentence.to_owned()))),
        attributes,
        trace_id: trace.map_or_else(Vec::new, |trace| trace.trace_id.into()),
        span_id: trace.map_or_else(Vec::new, |trace| trace.span_id.into()),
        ..LogRecord::default()
    }
}

pub(super) fn trace_request(boot: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource(boot)),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope()),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

pub(super) fn log_request(boot: &str, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource(boot)),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope()),
                log_records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

/// Who exports.
pub(super) fn resource(boot: &str) -> Resource {
    Resource {
        attributes: vec![
            text("service.name", "toolgate"),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("service.instance.id", boot),
        ],
        ..Resource::default()
    }
}

pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "toolgate".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: u64) -> KeyValue {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(any(value)),
        ..KeyValue::default()
    }
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

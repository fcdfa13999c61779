//! The modern ladder (section 5.3): each step, and the first failure wins.

use toolgate_protocol::client::{HeaderList, Methods, check_modern, check_modern_with};
use toolgate_protocol::codes;

use crate::{request, text};

const ENVELOPE: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;

/// A request line under test, sound in every respect until something is changed.
struct Case {
    method: &'static str,
    meta: String,
    params: &'static str,
    headers: Vec<(&'static str, &'static str)>,
}

impl Case {
    fn sound() -> Self {
        Self {
            method: "tools/call",
            meta: ENVELOPE.into(),
            params: r#","name":"t""#,
            headers: vec![
                ("MCP-Protocol-Version", "2026-07-28"),
                ("Mcp-Method", "tools/call"),
                ("Mcp-Name", "t"),
            ],
        }
    }

    fn method(mut self, method: &'static str, params: &'static str) -> Self {
        self.method = method;
        self.params = params;
        self.header("Mcp-Method", Some(method))
    }

    fn meta(mut self, meta: &str) -> Self {
        meta.clone_into(&mut self.meta);
        self
    }

    fn header(mut self, name: &'static str, value: Option<&'static str>) -> Self {
        self.headers.retain(|(header, _)| *header != name);
        self.headers.extend(value.map(|value| (name, value)));
        self
    }

    #[track_caller]
    fn check(&self, step: &str, expected: Result<(), (u16, i64)>) {
        let params = format!(r#"{{"_meta":{{{}}}{}}}"#, self.meta, self.params);
        let request = request(self.method, &params);
        let checked = check_modern(&request, &HeaderList(&self.headers))
            .map(drop)
            .map_err(|rejection| {
                assert_eq!(rejection.id.as_ref(), Some(&request.id), "{step}");
                (rejection.status, rejection.error.code)
            });
        assert_eq!(checked, expected, "{step}");
    }
}

const BAD_META: Result<(), (u16, i64)> = Err((400, codes::INVALID_PARAMS));
const MISMATCH: Result<(), (u16, i64)> = Err((400, codes::HEADER_MISMATCH));
const UNSUPPORTED: Result<(), (u16, i64)> = Err((400, codes::UNSUPPORTED_VERSION));
const UNKNOWN: Result<(), (u16, i64)> = Err((404, codes::METHOD_NOT_FOUND));

#[test]
fn a_sound_request_climbs() {
    Case::sound().check("all", Ok(()));
    Case::sound()
        .method("tools/list", "")
        .header("Mcp-Name", None)
        .check("no name", Ok(()));
    // P5.11: names of headers in odd case; P5.12: white space around values.
    Case::sound()
        .header("Mcp-Name", None)
        .header("mCP-nAME", Some(" \tt "))
        .check("odd case", Ok(()));
}

#[test]
fn step_1_envelope() {
    let version = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
    let capabilities = r#""io.modelcontextprotocol/clientCapabilities":{}"#;
    let info = |info: &str| format!(r#"{ENVELOPE},"io.modelcontextprotocol/clientInfo":{info}"#);
    Case::sound().meta("").check("P5.8 empty", BAD_META);
    Case::sound()
        .meta(version)
        .check("P5.8 no capabilities", BAD_META);
    Case::sound()
        .meta(capabilities)
        .check("P5.8 no version", BAD_META);
    Case::sound()
        .meta(&format!(
            r#""io.modelcontextprotocol/protocolVersion":20260728,{capabilities}"#
        ))
        .check("P5.8 version of wrong type", BAD_META);
    Case::sound()
        .meta(&format!(
            r#"{version},"io.modelcontextprotocol/clientCapabilities":[]"#
        ))
        .check("P5.8 capabilities of wrong type", BAD_META);
    Case::sound()
        .meta(&info(r#"{"name":"n"}"#))
        .check("P5.8 info without version", BAD_META);
    Case::sound()
        .meta(&info(r#"{"version":"1"}"#))
        .check("P5.8 info without name", BAD_META);
    Case::sound()
        .meta(&info("7"))
        .check("P5.8 info of wrong type", BAD_META);
    Case::sound()
        .meta(&info(r#"{"name":"n","version":"1","x":2}"#))
        .check("P5.8 info", Ok(()));

    let bare = request("tools/list", "{}");
    assert_eq!(
        check_modern(&bare, &HeaderList(&[]))
            .unwrap_err()
            .error
            .code,
        codes::INVALID_PARAMS
    );
}

#[test]
fn step_2_version() {
    let of = |version: &str| {
        format!(
            r#""io.modelcontextprotocol/protocolVersion":"{version}","io.modelcontextprotocol/clientCapabilities":{{}}"#
        )
    };
    let header = "MCP-Protocol-Version";
    Case::sound()
        .header(header, None)
        .check("P5.9 missing", MISMATCH);
    Case::sound()
        .header(header, Some("2025-11-25"))
        .check("P5.9 differs", MISMATCH);
    Case::sound()
        .header(header, Some("2026-07-2\u{661}"))
        .check("P5.9 not ASCII", MISMATCH);
    Case::sound()
        .meta(&of("2099-01-01"))
        .check("P5.9 body differs", MISMATCH);
    Case::sound()
        .meta(&of("2099-01-01"))
        .header(header, Some("2099-01-01"))
        .check("P5.9 unknown", UNSUPPORTED);
    Case::sound()
        .meta(&of("2025-11-25"))
        .header(header, Some("2025-11-25"))
        .check(
            "P5.9 a legacy version is not served by modern rules",
            UNSUPPORTED,
        );
    let mut twice = Case::sound();
    twice.headers.push(("mcp-protocol-version", "2026-07-28"));
    twice.check("P5.9 twice", MISMATCH);
}

#[test]
fn step_3_method() {
    for method in [
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "completion/complete",
        "subscriptions/listen",
    ] {
        Case::sound().method(method, "").check("P5.10", Ok(()));
    }
    for method in [
        "ping",
        "logging/setLevel",
        "initialize",
        "Tools/List",
        "resources/subscribe",
        "tasks/get",
        "x",
    ] {
        Case::sound().method(method, "").check("P5.10", UNKNOWN);
    }
    // P3.10: a workspace without prefix forwards what it does not know; the other steps hold.
    let params = format!(r#"{{"_meta":{{{ENVELOPE}}}}}"#);
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "x/y"),
    ];
    let any = check_modern_with(
        &request("x/y", &params),
        &HeaderList(&headers),
        Methods::Any,
    );
    assert!(any.is_ok());
    let any = check_modern_with(
        &request("x/z", &params),
        &HeaderList(&headers),
        Methods::Any,
    );
    assert_eq!(any.unwrap_err().error.code, codes::HEADER_MISMATCH);
}

#[test]
fn step_4_mirrors() {
    Case::sound()
        .header("Mcp-Method", None)
        .check("P5.11 no method", MISMATCH);
    Case::sound()
        .header("Mcp-Method", Some("Tools/Call"))
        .check("P5.11 case", MISMATCH);
    Case::sound()
        .header("Mcp-Method", Some("tools/list"))
        .check("P5.11 differs", MISMATCH);
    Case::sound()
        .header("Mcp-Name", None)
        .check("P5.11 no name", MISMATCH);
    Case::sound()
        .header("Mcp-Name", Some("T"))
        .check("P5.11 name in other case", MISMATCH);
    Case::sound()
        .header("Mcp-Name", Some("=?base64?dA==?="))
        .check("P5.12 base64", Ok(()));
    Case::sound()
        .header("Mcp-Name", Some("=?base64?dA?="))
        .check("P5.12 no padding", MISMATCH);
    Case::sound()
        .header("Mcp-Name", Some("=?base64?!!!!?="))
        .check("P5.12 alphabet", MISMATCH);
    Case::sound()
        .header("Mcp-Name", Some("=?BASE64?dA==?="))
        .check("P5.12 marker case", MISMATCH);
    Case::sound()
        .method("resources/read", r#","uri":"x://ü""#)
        .header("Mcp-Name", Some("=?base64?eDovL8O8?="))
        .check("P5.12 UTF-8", Ok(()));
    Case::sound()
        .method("prompts/get", r#","name":"p""#)
        .check("P5.11 prompts are named too", MISMATCH);
    // Nothing to repeat: the method will say that the name is missing.
    Case::sound()
        .method("tools/call", "")
        .header("Mcp-Name", None)
        .check("no name at all", Ok(()));
    Case::sound()
        .method("tools/call", "")
        .check("a name in the header only", MISMATCH);
    // A header that nothing mirrors is not looked at.
    Case::sound()
        .method("tools/list", "")
        .check("superfluous name", Ok(()));
}

#[test]
fn the_first_failure_wins() {
    // Everything is wrong; repaired step by step from below.
    let mut case = Case::sound().meta("").method("ping", "");
    case.headers.clear();
    case.check("1 before all", BAD_META);
    let case = case.meta(ENVELOPE);
    case.check("2 before 3 and 4", MISMATCH);
    let case = case.header("MCP-Protocol-Version", Some("2026-07-28"));
    case.check("3 before 4", UNKNOWN);
    let mut case = case;
    case.method = "tools/call";
    case.params = r#","name":"t""#;
    case.check("4 method", MISMATCH);
    let case = case.header("Mcp-Method", Some("tools/call"));
    case.check("4 name", MISMATCH);
    case.header("Mcp-Name", Some("t")).check("all", Ok(()));
}

#[test]
fn what_the_meta_says() {
    let meta = format!(
        r#"{ENVELOPE},"io.modelcontextprotocol/logLevel":"warning","io.modelcontextprotocol/clientInfo":{{"name":"n","version":"1"}},"progressToken":"p","traceparent":"t""#
    );
    let request = request("tools/list", &format!(r#"{{"_meta":{{{meta}}}}}"#));
    let headers = HeaderList(&[
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ]);
    let read = check_modern(&request, &headers).unwrap();
    assert_eq!(read.revision.as_str(), "2026-07-28");
    assert_eq!(text(read.capabilities.bytes()), "{}");
    assert_eq!(read.log_level.as_deref(), Some("warning"));
    assert_eq!(read.progress_token.unwrap().as_str(), "\"p\"");
    assert_eq!(
        read.client_info.unwrap().as_str(),
        r#"{"name":"n","version":"1"}"#
    );
    assert_eq!(read.meta.text("traceparent").as_deref(), Some("t"));

    // Table 4.1: a bad level is an ordinary error of params.
    let bad = format!(r#"{ENVELOPE},"io.modelcontextprotocol/logLevel":"loud""#);
    Case::sound()
        .meta(&bad)
        .check("log level", Err((200, codes::INVALID_PARAMS)));
}

//! `initialize`, `server/discover` and lists (P6.1, P8.5, P9.27–P9.32, P9.54–P9.62).

use toolgate_protocol::mcp::{
    InitializeParams, InvalidSnapshot, ListPage, ListResult, ServerSnapshot, discover_result,
    initialize_result,
};
use toolgate_protocol::{Json, Revision, codes};

use crate::{json, object, text};

#[test]
fn initialize_params() {
    let params = object(
        r#"{"protocolVersion":"2025-06-18","capabilities":{"roots":{}},"clientInfo":{"name":"c","version":"1"}}"#,
    );
    let read = InitializeParams::parse(&params).unwrap();
    assert_eq!(read.protocol_version, "2025-06-18");
    assert_eq!(text(read.capabilities.bytes()), r#"{"roots":{}}"#);
    assert_eq!(read.client_name().as_deref(), Some("c"));
    for missing in ["protocolVersion", "capabilities", "clientInfo"] {
        let error = InitializeParams::parse(&params.edit().remove(missing).object()).unwrap_err();
        assert_eq!(error.code, codes::INVALID_PARAMS);
        assert!(error.message.contains(missing));
    }
}

#[test]
fn handshake_results_are_read_back() {
    let capabilities = json(r#"{"tools":{"listChanged":true},"tasks":{},"extensions":{}}"#);
    let info = json(r#"{"name":"toolgate","version":"1"}"#);
    let initialized = initialize_result(
        Revision::V2025_06_18,
        &capabilities,
        &info,
        Some("Use \"it\"."),
    );
    assert_eq!(
        text(&initialized),
        r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true},"tasks":{}},"serverInfo":{"name":"toolgate","version":"1"},"instructions":"Use \"it\"."}"#
    );
    let snapshot = ServerSnapshot::from_initialize(&json(&text(initialized))).unwrap();
    assert_eq!(snapshot.revision, Revision::V2025_06_18);
    assert_eq!(snapshot.server_info, info);
    assert_eq!(snapshot.instructions.as_deref(), Some("Use \"it\"."));

    // P9.31: no instructions, no member. P9.32: no legacy-only capability.
    let discovered = discover_result(&capabilities, &info, None);
    assert_eq!(
        text(&discovered),
        r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"extensions":{}},"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"toolgate","version":"1"}}}"#
    );
    let snapshot = ServerSnapshot::from_discover(&json(&text(discovered))).unwrap();
    assert_eq!(snapshot.revision, Revision::V2026_07_28);
    assert_eq!((snapshot.server_info, snapshot.instructions), (info, None));
}

/// P8.5, P8.1: another answer is a clear error.
#[test]
fn snapshots_that_say_too_little() {
    let initialize = |result: &str| ServerSnapshot::from_initialize(&json(result)).unwrap_err();
    assert_eq!(
        initialize(r#"{"protocolVersion":"2026-07-28","capabilities":{},"serverInfo":{}}"#),
        InvalidSnapshot::NoCommonRevision
    );
    assert_eq!(
        initialize(r#"{"protocolVersion":"2024-10-07","capabilities":{},"serverInfo":{}}"#),
        InvalidSnapshot::NoCommonRevision
    );
    assert_eq!(initialize("{}"), InvalidSnapshot::Member("protocolVersion"));
    assert_eq!(
        initialize(r#"{"protocolVersion":"2025-06-18","serverInfo":{}}"#),
        InvalidSnapshot::Member("capabilities")
    );
    assert_eq!(initialize("[]"), InvalidSnapshot::Member("result"));

    let discover = |result: &str| ServerSnapshot::from_discover(&json(result));
    assert_eq!(
        discover("{}").unwrap_err(),
        InvalidSnapshot::Member("supportedVersions")
    );
    assert_eq!(
        discover(r#"{"supportedVersions":["2025-11-25","2099-01-01"],"capabilities":{}}"#)
            .unwrap_err(),
        InvalidSnapshot::NoCommonRevision
    );
    let nameless =
        discover(r#"{"supportedVersions":["2099-01-01","2026-07-28"],"capabilities":{}}"#);
    assert_eq!(nameless.unwrap().server_info, Json::empty_object());
}

#[test]
fn list_pages() {
    let page = json(r#"{"tools":[{"name":"a"},{"name":"b"}],"nextCursor":"","ttlMs":7}"#);
    let page = ListPage::parse(&page, "tools").unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!(page.next_cursor.as_deref(), Some("")); // P9.56: an empty string is a cursor.
    assert_eq!(page.ttl_ms, Some(7));
    assert!(ListPage::parse(&json("{}"), "tools").is_none());
    assert!(ListPage::parse(&json(r#"{"tools":{}}"#), "tools").is_none());
    assert_eq!(
        ListPage::parse(&json(r#"{"tools":[]}"#), "tools")
            .unwrap()
            .next_cursor,
        None
    );
}

#[test]
fn list_results() {
    let info = json(r#"{"name":"g"}"#);
    let list = ListResult {
        member: "tools",
        next_cursor: None,
        ttl_ms: 90_000,
        server_info: &info,
        meta: &[],
    };
    let items = ["{\"name\":\"a\"}".into(), "{\"name\":\"b\"}".into()];
    assert_eq!(
        text(list.write(&items, Revision::V2026_07_28)),
        r#"{"resultType":"complete","ttlMs":60000,"cacheScope":"private","tools":[{"name":"a"},{"name":"b"}],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"g"}}}"#
    );
    assert_eq!(
        text(list.write(&items, Revision::V2025_11_25)),
        r#"{"tools":[{"name":"a"},{"name":"b"}]}"#
    );
    // P9.14: the servers that are missing are named, in every revision.
    let marked = ListResult {
        next_cursor: Some("c"),
        meta: &[("com.example/missing", Json::list(&[Json::from_text("s")]))],
        ..list
    };
    assert_eq!(
        text(marked.write(&[], Revision::V2024_11_05)),
        r#"{"tools":[],"nextCursor":"c","_meta":{"com.example/missing":["s"]}}"#
    );
}

//! Error codes (tables 4.1 and 4.2, P4.1, P4.3).

use toolgate_protocol::mcp::{adapt_error, adapt_error_for};
use toolgate_protocol::{Era, GatewayFault, Revision, RpcError, codes};

use crate::json;

/// Table 4.2.
#[test]
fn the_gateways_own_codes() {
    let table = [
        (GatewayFault::Unauthorized, -32001, -33001),
        (GatewayFault::RateLimited, -32029, -33029),
        (GatewayFault::Quota, -32030, -33030),
        (GatewayFault::UpstreamUnreachable, -32010, -33010),
        (GatewayFault::UpstreamTimedOut, -32011, -33011),
        (GatewayFault::SecretMissing, -32012, -33012),
        (GatewayFault::Overloaded, -32013, -33013),
    ];
    assert_eq!(table.len(), GatewayFault::ALL.len());
    for (fault, legacy, modern) in table {
        assert_eq!(fault.code(Era::Legacy), legacy, "{fault:?}");
        assert_eq!(fault.code(Era::Modern), modern, "{fault:?}");
        // P4.1: outside the range that JSON-RPC and 2026-07-28 reserve.
        assert!(!(-32768..=-32000).contains(&modern), "{fault:?}");
    }
}

#[track_caller]
fn check(
    method: &str,
    code: i64,
    data: Option<&str>,
    eras: (Era, Era),
    expected: (i64, Option<&str>),
) {
    let error = RpcError::new(code, "m");
    let error = match data {
        Some(data) => error.with_data(json(data)),
        None => error,
    };
    let adapted = adapt_error(method, error, eras.0, eras.1);
    let data = adapted.data.as_ref().map(toolgate_protocol::Json::as_str);
    assert_eq!((adapted.code, data), expected, "{method} {code} {eras:?}");
    assert_eq!(adapted.message, "m");
}

/// P4.3 and the rows of section 10.
#[test]
fn errors_of_servers() {
    use Era::{Legacy, Modern};
    let uri = Some(r#"{"uri":"x://y"}"#);
    for eras in [
        (Legacy, Legacy),
        (Legacy, Modern),
        (Modern, Legacy),
        (Modern, Modern),
    ] {
        // Ordinary errors keep code and data.
        check("tools/call", -32602, None, eras, (-32602, None));
        check("tools/call", -32603, uri, eras, (-32603, uri));
        check("tools/call", 42, None, eras, (42, None));
        check("tools/call", -32010, None, eras, (-32010, None));
    }
    // Unknown resource.
    check(
        "resources/read",
        -32002,
        uri,
        (Legacy, Modern),
        (-32602, uri),
    );
    check(
        "resources/read",
        -32002,
        uri,
        (Modern, Modern),
        (-32602, uri),
    );
    check(
        "resources/read",
        -32002,
        uri,
        (Legacy, Legacy),
        (-32002, uri),
    );
    check(
        "resources/read",
        -32602,
        uri,
        (Modern, Legacy),
        (-32002, uri),
    );
    check(
        "resources/read",
        -32602,
        None,
        (Modern, Legacy),
        (-32602, None),
    );
    check("tools/call", -32602, uri, (Modern, Legacy), (-32602, uri));
    check(
        "resources/read",
        -32602,
        uri,
        (Modern, Modern),
        (-32602, uri),
    );
    // The modern range.
    check("tools/call", -32021, uri, (Modern, Modern), (-32021, uri));
    check(
        "tools/call",
        -32020,
        None,
        (Modern, Modern),
        (-32603, Some(r#"{"code":-32020}"#)),
    );
    check(
        "tools/call",
        -32022,
        None,
        (Modern, Legacy),
        (-32603, Some(r#"{"code":-32022}"#)),
    );
    check(
        "tools/call",
        -32050,
        None,
        (Modern, Modern),
        (-32603, Some(r#"{"code":-32050}"#)),
    );
    check(
        "tools/call",
        -32099,
        Some("[1]"),
        (Legacy, Modern),
        (-32603, Some(r#"{"code":-32099,"data":[1]}"#)),
    );
    check("tools/call", -32100, None, (Legacy, Modern), (-32100, None));
    check(
        "tools/call",
        codes::URL_ELICITATION_REQUIRED,
        uri,
        (Legacy, Legacy),
        (-32042, uri),
    );
}

/// Table 4.1: -32042 exists in one revision.
#[test]
fn an_error_that_wants_urls_is_for_2025_11_25_only() {
    let data = r#"{"elicitations":[]}"#;
    for from in [Era::Legacy, Era::Modern] {
        for to in Revision::ALL {
            let error = RpcError::new(codes::URL_ELICITATION_REQUIRED, "m").with_data(json(data));
            let adapted = adapt_error_for("tools/call", error, from, to);
            let data_out = adapted.data.unwrap();
            let expected = if (from, to) == (Era::Legacy, Revision::V2025_11_25) {
                (codes::URL_ELICITATION_REQUIRED, data.to_owned())
            } else {
                let wrapped = format!(r#"{{"code":-32042,"data":{data}}}"#);
                (codes::INTERNAL_ERROR, wrapped)
            };
            assert_eq!(
                (adapted.code, data_out.as_str().to_owned()),
                expected,
                "{from:?} to {to}"
            );
            assert_eq!(adapted.message, "m");
        }
    }
}

/// All other codes go by era.
#[test]
fn other_errors_are_adapted_by_era() {
    for code in [-32602, -32603, -32002, -32020, -32021, -32050, 42] {
        for from in [Era::Legacy, Era::Modern] {
            for to in Revision::ALL {
                let error = RpcError::new(code, "m").with_data(json(r#"{"uri":"x://y"}"#));
                assert_eq!(
                    adapt_error_for("resources/read", error.clone(), from, to),
                    adapt_error("resources/read", error, from, to.era()),
                    "{code} {from:?} to {to}"
                );
            }
        }
    }
}

//! Which era is this request? Every row of table 5.2, and the batches of P3.8.

use toolgate_protocol::client::{ClientEra, HeaderList, decide, negotiate};
use toolgate_protocol::{Era, JsonLimits, RequestId, Revision, codes, parse_body};

const CLAIM: &str = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;

/// What is expected: an era, or the status and code of the refusal.
type Verdict = Result<ClientEra, (u16, i64)>;

#[track_caller]
fn check(row: &str, body: &str, headers: &[(&str, &str)], has_session: bool, expected: Verdict) {
    let body = parse_body(body.to_owned().into(), &JsonLimits::CLIENT).unwrap();
    let decided = decide(&body, &HeaderList(headers), has_session)
        .map_err(|rejection| (rejection.status, rejection.error.code));
    assert_eq!(
        decided, expected,
        "row {row}, {headers:?}, session {has_session}"
    );
}

fn call(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{params}}}"#)
}

fn initialize(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{params}}}"#)
}

const NOTICE: &str = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":"gw-1","result":{}}"#;
const NONE: &[(&str, &str)] = &[];
const MODERN: &[(&str, &str)] = &[("MCP-Protocol-Version", "2026-07-28")];
const LEGACY: &[(&str, &str)] = &[("mcp-protocol-version", " 2025-06-18\t")];
const FUTURE: &[(&str, &str)] = &[("MCP-Protocol-Version", "2099-01-01")];
const EMPTY: &[(&str, &str)] = &[("MCP-Protocol-Version", "")];
const TWICE: &[(&str, &str)] = &[
    ("MCP-Protocol-Version", "2025-06-18"),
    ("mcp-protocol-version", "2025-06-18"),
];

#[test]
fn every_row_of_the_table() {
    let header_mismatch = Err((400, codes::HEADER_MISMATCH));
    let unsupported = Err((400, codes::UNSUPPORTED_VERSION));
    let invalid = Err((400, codes::INVALID_REQUEST));

    // 2: the claim in the body decides, whatever the header says.
    for headers in [NONE, MODERN, LEGACY, FUTURE, TWICE] {
        for has_session in [false, true] {
            check(
                "1",
                &format!("[{}]", call(CLAIM)),
                headers,
                has_session,
                invalid,
            );
            check(
                "2",
                &call(CLAIM),
                headers,
                has_session,
                Ok(ClientEra::Modern),
            );
            check(
                "2",
                &initialize(CLAIM),
                headers,
                has_session,
                Ok(ClientEra::Modern),
            );
        }
    }
    // A claim of the wrong type is a claim; P5.8 refuses it.
    let odd = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}"#;
    check("2", &call(odd), NONE, false, Ok(ClientEra::Modern));

    for has_session in [false, true] {
        check("3", &initialize("{}"), MODERN, has_session, header_mismatch);
        check(
            "4",
            &initialize("{}"),
            NONE,
            has_session,
            Ok(ClientEra::Legacy),
        );
        check(
            "4",
            &initialize("{}"),
            LEGACY,
            has_session,
            Ok(ClientEra::Legacy),
        );
        check("5", &call("{}"), MODERN, has_session, Ok(ClientEra::Modern));
        check(
            "5",
            &call(r#"{"_meta":{"progressToken":1}}"#),
            MODERN,
            has_session,
            Ok(ClientEra::Modern),
        );
        for body in [call("{}").as_str(), NOTICE, ANSWER] {
            check("6", body, LEGACY, has_session, Ok(ClientEra::Legacy));
        }
    }
    for body in [call("{}").as_str(), NOTICE, ANSWER] {
        check("6", body, NONE, true, Ok(ClientEra::Legacy));
    }
    check("7", &call("{}"), NONE, false, Ok(ClientEra::Bare));
    check("7", NOTICE, NONE, false, Ok(ClientEra::Bare));
    check("7", ANSWER, NONE, false, Err((400, codes::SESSION_NEEDED)));
    for has_session in [false, true] {
        check("8", NOTICE, MODERN, has_session, Ok(ClientEra::Modern));
        check("9", ANSWER, MODERN, has_session, invalid);
        for headers in [FUTURE, EMPTY, TWICE] {
            for body in [
                call("{}").as_str(),
                initialize("{}").as_str(),
                NOTICE,
                ANSWER,
            ] {
                check("10", body, headers, has_session, unsupported);
            }
        }
    }
}

/// P3.8: what may stand in a batch does not depend on the session; whether it may come at all does.
#[test]
fn batches() {
    let invalid = Err((400, codes::INVALID_REQUEST));
    let batch = |bodies: &[&str]| format!("[{}]", bodies.join(","));
    let ping = call("{}");
    check(
        "6",
        &batch(&[&ping, NOTICE]),
        LEGACY,
        true,
        Ok(ClientEra::Legacy),
    );
    check(
        "6",
        &batch(&[ANSWER, NOTICE]),
        NONE,
        true,
        Ok(ClientEra::Legacy),
    );
    check("7", &batch(&[&ping]), NONE, false, Ok(ClientEra::Bare));
    check("5", &batch(&[&ping]), MODERN, true, invalid);
    check(
        "10",
        &batch(&[&ping]),
        FUTURE,
        true,
        Err((400, codes::UNSUPPORTED_VERSION)),
    );
    check("P3.8 mix", &batch(&[&ping, ANSWER]), LEGACY, true, invalid);
    check(
        "P3.8 initialize",
        &batch(&[&initialize("{}")]),
        LEGACY,
        true,
        invalid,
    );
    check(
        "P3.8 32",
        &batch(&[&*ping; 32]),
        LEGACY,
        true,
        Ok(ClientEra::Legacy),
    );
    check("P3.8 33", &batch(&[&*ping; 33]), LEGACY, true, invalid);
}

/// P5.6: the refusal names what is served and what was asked for; P3.4: and the request's id.
#[test]
fn an_unserved_version_is_told_what_is_served() {
    let body = parse_body(call("{}").into(), &JsonLimits::CLIENT).unwrap();
    let rejection = decide(&body, &HeaderList(FUTURE), false).unwrap_err();
    assert_eq!(rejection.id, Some(RequestId::number(1)));
    assert_eq!(
        rejection.error.data.unwrap().as_str(),
        r#"{"supported":["2026-07-28"],"requested":"2099-01-01"}"#
    );
}

/// P6.1.
#[test]
fn initialize_negotiates_a_legacy_version() {
    for revision in Revision::ALL {
        let expected = match revision.era() {
            Era::Legacy => revision,
            Era::Modern => Revision::V2025_11_25,
        };
        assert_eq!(negotiate(revision.as_str()), expected);
    }
    for unknown in ["", "2024-10-07", "2099-01-01", "DRAFT"] {
        assert_eq!(negotiate(unknown), Revision::LATEST_LEGACY);
    }
}

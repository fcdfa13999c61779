//! Questions of servers, their results and answers (section 11, table 4.1, P9.29).

use toolgate_protocol::mcp::{
    InputRequired, Question, answer_fits, forwarded_capabilities, input_required_result, may_ask,
    question_for_client, required_capability, url_questions,
};
use toolgate_protocol::{Era, Json};

use crate::{json, object, text};

const ELICIT: &str = "elicitation/create";
const SAMPLE: &str = "sampling/createMessage";
const ROOTS: &str = "roots/list";

fn question(method: &str, params: &str) -> Question {
    Question {
        method: method.into(),
        params: object(params),
    }
}

/// What the questions ask, as text.
fn listed(requests: &[(String, Question)]) -> Vec<(&str, &str, &str)> {
    requests
        .iter()
        .map(|(key, asked)| (&**key, &*asked.method, asked.params.json().as_str()))
        .collect()
}

// === what a client must have declared ===

#[track_caller]
fn check_may_ask(capabilities: &str, method: &str, params: &str, expected: bool) {
    let may = may_ask(&json(capabilities), method, &object(params));
    assert_eq!(may, expected, "{capabilities} {method} {params}");
}

#[test]
fn p11_1_a_kind_that_was_not_declared_is_never_asked() {
    let all = r#"{"elicitation":{},"sampling":{},"roots":{}}"#;
    for (kind, method) in [
        ("elicitation", ELICIT),
        ("sampling", SAMPLE),
        ("roots", ROOTS),
    ] {
        check_may_ask(all, method, "{}", true);
        check_may_ask(&format!(r#"{{"{kind}":{{}}}}"#), method, "{}", true);
        check_may_ask("{}", method, "{}", false);
        check_may_ask(&format!(r#"{{"{kind}":null}}"#), method, "{}", false);
        check_may_ask(&format!(r#"{{"{kind}":true}}"#), method, "{}", false);
        check_may_ask("null", method, "{}", false);
        let without = json(all).object().unwrap().edit().remove(kind).json();
        check_may_ask(without.as_str(), method, "{}", false);
    }
    check_may_ask(all, "ping", "{}", false);
    check_may_ask(all, "elicitation", "{}", false);
}

#[test]
fn p11_1_elicitation_without_modes_is_forms_only() {
    let form = r#"{"mode":"form"}"#;
    let url = r#"{"mode":"url"}"#;
    for (declared, forms, urls) in [
        ("{}", true, false),
        (r#"{"form":{}}"#, true, false),
        (r#"{"url":{}}"#, false, true),
        (r#"{"form":{},"url":{}}"#, true, true),
        (r#"{"com.example/x":1}"#, true, false),
    ] {
        let capabilities = format!(r#"{{"elicitation":{declared}}}"#);
        check_may_ask(&capabilities, ELICIT, "{}", forms);
        check_may_ask(&capabilities, ELICIT, form, forms);
        check_may_ask(&capabilities, ELICIT, url, urls);
        check_may_ask(&capabilities, ELICIT, r#"{"mode":"voice"}"#, false);
        check_may_ask(&capabilities, ELICIT, r#"{"mode":7}"#, false);
    }
}

#[test]
fn p11_1_members_of_sampling_are_declared_one_by_one() {
    let tools = r#"{"tools":[]}"#;
    let choice = r#"{"toolChoice":{"mode":"auto"}}"#;
    let context = r#"{"includeContext":"thisServer"}"#;
    let none = r#"{"includeContext":"none"}"#;
    for (declared, with_tools, with_context) in [
        ("{}", false, false),
        (r#"{"tools":{}}"#, true, false),
        (r#"{"context":{}}"#, false, true),
        (r#"{"context":{},"tools":{}}"#, true, true),
    ] {
        let capabilities = format!(r#"{{"sampling":{declared}}}"#);
        check_may_ask(&capabilities, SAMPLE, "{}", true);
        check_may_ask(&capabilities, SAMPLE, none, true);
        check_may_ask(&capabilities, SAMPLE, tools, with_tools);
        check_may_ask(&capabilities, SAMPLE, choice, with_tools);
        check_may_ask(&capabilities, SAMPLE, context, with_context);
    }
}

#[test]
fn p11_23_what_is_missing_is_said_as_a_capability() {
    #[track_caller]
    fn check(method: &str, params: &str, expected: &str) {
        let required = required_capability(method, &object(params));
        assert_eq!(required.as_str(), expected, "{method} {params}");
        // Whoever declares what is missing may be asked.
        assert_eq!(
            may_ask(&required, method, &object(params)),
            expected != "{}"
        );
    }
    check(ROOTS, "{}", r#"{"roots":{}}"#);
    check(SAMPLE, "{}", r#"{"sampling":{}}"#);
    check(SAMPLE, r#"{"tools":[]}"#, r#"{"sampling":{"tools":{}}}"#);
    check(
        SAMPLE,
        r#"{"toolChoice":{},"includeContext":"allServers"}"#,
        r#"{"sampling":{"tools":{},"context":{}}}"#,
    );
    check(ELICIT, "{}", r#"{"elicitation":{"form":{}}}"#);
    check(ELICIT, r#"{"mode":"url"}"#, r#"{"elicitation":{"url":{}}}"#);
    check(ELICIT, r#"{"mode":7}"#, "{}");
    check("tools/list", "{}", "{}");
}

#[test]
fn p9_29_only_what_can_be_bridged_is_forwarded() {
    #[track_caller]
    fn check(client: &str, from: Era, expected: &str) {
        let forwarded = forwarded_capabilities(&object(client), from);
        assert_eq!(forwarded.as_str(), expected, "{client} {from:?}");
    }
    for era in [Era::Legacy, Era::Modern] {
        check("{}", era, "{}");
        check(
            r#"{"tasks":{},"experimental":{"x":1},"extensions":{"com.example/x":{}}}"#,
            era,
            "{}",
        );
        check(r#"{"elicitation":{}}"#, era, r#"{"elicitation":{}}"#);
        check(
            r#"{"sampling":true,"roots":null,"elicitation":[]}"#,
            era,
            "{}",
        );
    }
    let roots = r#"{"roots":{"listChanged":true}}"#;
    check(roots, Era::Legacy, roots);
    check(roots, Era::Modern, r#"{"roots":{}}"#);
}

#[test]
fn p11_2_equal_capabilities_are_equal_bytes() {
    let one = forwarded_capabilities(
        &object(
            r#"{"sampling":{ "tools":{},"context":{} },"roots":{},"elicitation":{"url":{},"form":{"b":1,"a":2}}}"#,
        ),
        Era::Legacy,
    );
    let other = forwarded_capabilities(
        &object(
            r#"{"elicitation":{"form":{"a":2,"b":1},"u\u0072l":{}},"x":1,"roots":{},"sampling":{"context":{},"tools":{}}}"#,
        ),
        Era::Legacy,
    );
    assert_eq!(one, other);
    assert_eq!(
        one.as_str(),
        r#"{"elicitation":{"form":{"a":2,"b":1},"url":{}},"roots":{},"sampling":{"context":{},"tools":{}}}"#
    );
}

// === results that ask ===

#[test]
fn p11_22_results_that_ask_are_read_in_order() {
    let read = InputRequired::parse(&json(
        r#"{"resultType":"input_required","requestState":"a\u0062/\"","inputRequests":{
            "z":{"method":"elicitation/create","params":{"message":"m"}},
            "a":{"method":"sampling/createMessage","params":{ "maxTokens":1e0 },"x":1},
            "r":{"method":"roots/list"}}}"#,
    ))
    .unwrap();
    assert_eq!(
        listed(&read.requests),
        [
            ("z", ELICIT, r#"{"message":"m"}"#),
            ("a", SAMPLE, r#"{ "maxTokens":1e0 }"#),
            ("r", ROOTS, "{}"),
        ]
    );
    let state = read.state.unwrap();
    assert_eq!(state.as_str(), r#""a\u0062/\"""#, "as it was spelt");

    let state_only = InputRequired::parse(&json(r#"{"requestState":""}"#)).unwrap();
    assert_eq!(
        (state_only.requests.len(), state_only.state),
        (0, Some(Json::from_text("")))
    );
    let empty = InputRequired::parse(&json(r#"{"requestState":"s","inputRequests":{}}"#)).unwrap();
    assert!(empty.requests.is_empty());
}

#[test]
fn p11_22_results_that_ask_nothing_break_the_protocol() {
    for broken in [
        "{}",
        "null",
        "[]",
        r#"{"inputRequests":{}}"#,
        r#"{"inputRequests":[],"requestState":"s"}"#,
        r#"{"inputRequests":{"a":{"method":"roots/list"}},"requestState":7}"#,
        r#"{"requestState":null}"#,
        r#"{"inputRequests":{"a":7}}"#,
        r#"{"inputRequests":{"a":{}}}"#,
        r#"{"inputRequests":{"a":{"method":7}}}"#,
        r#"{"inputRequests":{"a":{"method":"tools/call","params":{}}}}"#,
        r#"{"inputRequests":{"a":{"method":"roots/list","params":[]}}}"#,
        r#"{"inputRequests":{"a":{"method":"roots/list"},"b":{"method":"ping"}},"requestState":"s"}"#,
    ] {
        assert!(InputRequired::parse(&json(broken)).is_none(), "{broken}");
    }
}

#[test]
fn p5_18_p9_60_the_gateways_own_result_that_asks() {
    #[track_caller]
    fn check(requests: &[(String, Question)], state: Option<&str>, expected: &str) {
        let info = json(r#"{"name":"toolgate","version":"1"}"#);
        let own_meta =
            r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"toolgate","version":"1"}}"#;
        let written = text(input_required_result(requests, state, &info));
        assert_eq!(
            written,
            format!(r#"{{"resultType":"input_required",{expected},{own_meta}}}"#)
        );
        let read = InputRequired::parse(&json(&written)).unwrap();
        let expected = (requests, state.map(Json::from_text));
        assert_eq!((&*read.requests, read.state), expected);
    }
    let asked = [
        (
            "user \"name\"".to_owned(),
            question(ELICIT, r#"{"message":"m", "n":1.0}"#),
        ),
        ("r1".to_owned(), question(ROOTS, "{}")),
    ];
    check(
        &asked,
        Some("st/\"ate"),
        r#""inputRequests":{"user \"name\"":{"method":"elicitation/create","params":{"message":"m", "n":1.0}},"r1":{"method":"roots/list","params":{}}},"requestState":"st/\"ate""#,
    );
    check(
        &asked[1..],
        None,
        r#""inputRequests":{"r1":{"method":"roots/list","params":{}}}"#,
    );
    check(&[], Some("s"), r#""requestState":"s""#);
}

// === from one era to the other ===

#[track_caller]
fn check_shown(
    (method, params): (&str, &str),
    (from, to): (Era, Era),
    slug: Option<&str>,
    expected: &str,
) {
    let asked = question(method, params);
    let shown = question_for_client(&asked, from, to, slug, "id-1");
    assert_eq!(
        shown.params.json().as_str(),
        expected,
        "{method} {from:?} to {to:?}"
    );
    assert_eq!(shown.method, asked.method);
    if params == expected {
        // Nothing to change is nothing copied.
        assert_eq!(shown.params.bytes().as_ptr(), asked.params.bytes().as_ptr());
    }
}

#[test]
fn p3_17_a_message_keeps_its_spelling_behind_the_slug() {
    let eras = (Era::Modern, Era::Modern);
    check_shown(
        (ELICIT, r#"{"message":"\ud800\/\u0041"}"#),
        eras,
        Some("db"),
        r#"{"message":"[db] \ud800\/\u0041"}"#,
    );
}

#[test]
fn section_10_questions_of_the_same_era_pass_unchanged() {
    for eras in [(Era::Legacy, Era::Legacy), (Era::Modern, Era::Modern)] {
        for method in [ELICIT, SAMPLE, ROOTS] {
            let params =
                r#"{ "mode":"url","elicitationId":"e","task":{},"_meta":{"k":1},"message":"m" }"#;
            check_shown((method, params), eras, None, params);
        }
    }
}

#[test]
fn section_10_modern_clients_are_not_shown_legacy_members() {
    let eras = (Era::Legacy, Era::Modern);
    check_shown(
        (
            ELICIT,
            r#"{"mode":"url","url":"https://x","elicitationId":"e","message":"m","_meta":{"progressToken":1},"task":{"ttl":1}}"#,
        ),
        eras,
        None,
        r#"{"mode":"url","url":"https://x","message":"m"}"#,
    );
    // No mode is a form there too.
    let form = r#"{"message":"m","requestedSchema":{ "type":"object" }}"#;
    check_shown((ELICIT, form), eras, None, form);
    check_shown(
        (
            SAMPLE,
            r#"{"maxTokens":1.0,"task":{},"_meta":{},"metadata":{"task":1}}"#,
        ),
        eras,
        None,
        r#"{"maxTokens":1.0,"metadata":{"task":1}}"#,
    );
    check_shown(
        (ROOTS, r#"{"_meta":{"progressToken":1}}"#),
        eras,
        None,
        "{}",
    );
}

#[test]
fn section_10_an_elicitation_id_is_invented_for_url_mode_only() {
    let eras = (Era::Modern, Era::Legacy);
    check_shown(
        (ELICIT, r#"{"mode":"url","url":"https://x","message":"m"}"#),
        eras,
        None,
        r#"{"mode":"url","url":"https://x","message":"m","elicitationId":"id-1"}"#,
    );
    for (method, params) in [
        (ELICIT, r#"{"mode":"form","message":"m"}"#),
        (ELICIT, r#"{"message":"m"}"#),
        (SAMPLE, r#"{"mode":"url"}"#),
        (ROOTS, "{}"),
    ] {
        check_shown((method, params), eras, None, params);
    }
}

#[test]
fn p11_6_the_user_sees_which_server_asks() {
    for eras in [
        (Era::Legacy, Era::Legacy),
        (Era::Modern, Era::Modern),
        (Era::Legacy, Era::Modern),
        (Era::Modern, Era::Legacy),
    ] {
        check_shown(
            (ELICIT, r#"{"message":"Say \"hi\"","x":1}"#),
            eras,
            Some("files"),
            r#"{"message":"[files] Say \"hi\"","x":1}"#,
        );
        check_shown(
            (ELICIT, r#"{"message":7}"#),
            eras,
            Some("files"),
            r#"{"message":7}"#,
        );
        let sampling = r#"{"message":"m","systemPrompt":"s"}"#;
        check_shown((SAMPLE, sampling), eras, Some("files"), sampling);
    }
}

#[test]
fn section_11_2_an_error_that_wants_urls_becomes_questions() {
    let data = json(
        r#"{"elicitations":[
            {"mode":"url","url":"https://a","message":"A","elicitationId":"1"},
            {"url":"https://b","message":"B"},
            {"mode":"form","url":"https://c"}, {"mode":"url"}, 7,
            {"mode":"url","url":"https://d","message":"D","elicitationId":"4"}]}"#,
    );
    let questions = url_questions(Some(&data)).unwrap();
    assert_eq!(
        listed(&questions),
        [
            (
                "r1",
                ELICIT,
                r#"{"mode":"url","url":"https://a","message":"A","elicitationId":"1"}"#
            ),
            (
                "r2",
                ELICIT,
                r#"{"url":"https://b","message":"B","mode":"url"}"#
            ),
            (
                "r3",
                ELICIT,
                r#"{"mode":"url","url":"https://d","message":"D","elicitationId":"4"}"#
            ),
        ]
    );
    for nothing in [
        "{}",
        "[]",
        r#"{"elicitations":[]}"#,
        r#"{"elicitations":{}}"#,
        r#"{"elicitations":[{"mode":"url"}]}"#,
    ] {
        assert!(url_questions(Some(&json(nothing))).is_none(), "{nothing}");
    }
    assert!(url_questions(None).is_none());
}

// === answers ===

#[test]
fn p11_7_answers_are_checked_for_shape() {
    #[track_caller]
    fn check(method: &str, answer: &str, expected: bool) {
        let answer: Json = json(answer);
        assert_eq!(
            answer_fits(method, &answer),
            expected,
            "{method} {answer:?}"
        );
    }
    for action in ["accept", "decline", "cancel"] {
        check(ELICIT, &format!(r#"{{"action":"{action}"}}"#), true);
    }
    check(
        ELICIT,
        r#"{"action":"accept","content":{"name":"A"},"x":1}"#,
        true,
    );
    check(ELICIT, r#"{"action":"\u0061ccept"}"#, true);
    check(ELICIT, r#"{"action":"Accept"}"#, false);
    check(ELICIT, r#"{"action":null}"#, false);
    check(ELICIT, "{}", false);

    let text = r#"{"type":"text","text":"hi"}"#;
    let message = format!(r#"{{"role":"assistant","content":{text},"model":"m"}}"#);
    check(SAMPLE, &message, true);
    check(
        SAMPLE,
        &format!(r#"{{"role":"assistant","content":[{text}],"model":"m"}}"#),
        true,
    );
    for missing in ["role", "content", "model"] {
        let rest = object(&message).edit().remove(missing).json();
        check(SAMPLE, rest.as_str(), false);
    }
    check(SAMPLE, r#"{"role":7,"content":[],"model":"m"}"#, false);

    check(ROOTS, r#"{"roots":[]}"#, true);
    check(ROOTS, r#"{"roots":[{"uri":"file:///a"}],"_meta":{}}"#, true);
    check(ROOTS, r#"{"roots":{}}"#, false);
    check(ROOTS, "{}", false);

    for method in [ELICIT, SAMPLE, ROOTS, "ping"] {
        for odd in ["null", "7", "\"accept\"", "[]"] {
            check(method, odd, false);
        }
    }
    check("ping", "{}", false);
}

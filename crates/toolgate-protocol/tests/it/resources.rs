//! Resources, their URIs and templates, and completion (P9.16–P9.25, 6.3).

use proptest::prelude::*;
use toolgate_protocol::mcp::{
    CompletionRef, ResourceDefinition, cut_completion, explicit_uri, linked_uris,
    read_result_shown_as, split_explicit_uri, template_matches,
};
use toolgate_protocol::{Json, Revision};

use crate::{json, object, text};

// === definitions ===

#[test]
fn definitions_need_an_address() {
    let item = json(r#"{"uri":"file:\/\/\/a","name":"a"}"#);
    let read = ResourceDefinition::resource(item.clone()).unwrap();
    assert_eq!((&*read.uri, &read.raw), ("file:///a", &item));
    assert_eq!(ResourceDefinition::template(item), None);
    let template = ResourceDefinition::template(json(r#"{"uriTemplate":"x://{id}"}"#)).unwrap();
    assert_eq!(&*template.uri, "x://{id}");
    for odd in ["null", "[]", "{}", r#"{"uri":7,"uriTemplate":7}"#] {
        assert_eq!(ResourceDefinition::resource(json(odd)), None, "{odd}");
        assert_eq!(ResourceDefinition::template(json(odd)), None, "{odd}");
    }
}

#[test]
fn p9_17_a_definition_is_shown_under_another_address() {
    let all = r#"{ "uri":"x://a","name":"a","uriTemplate":"other","vendor":{"n":1.0} }"#;
    let resource = ResourceDefinition::resource(json(all)).unwrap();
    assert_eq!(
        text(resource.for_client("files+x://a", Revision::V2025_11_25)),
        r#"{"uri":"files+x://a","name":"a","uriTemplate":"other","vendor":{"n":1.0}}"#
    );
    // Under its own it is the same bytes.
    for to in Revision::ALL {
        let shown = resource.for_client("x://a", to);
        assert_eq!(shown.as_ptr(), resource.raw.bytes().as_ptr());
    }
    let template = json(r#"{"uriTemplate":"x://{id}","name":"t","uri":"y"}"#);
    let template = ResourceDefinition::template(template).unwrap();
    assert_eq!(
        text(template.for_client("f+x://{id}", Revision::V2026_07_28)),
        r#"{"uriTemplate":"f+x://{id}","name":"t","uri":"y"}"#
    );
}

#[test]
fn table_6_3_old_clients_are_not_shown_newer_members() {
    let rest = r#""uri":"x://a","name":"a","description":"d","mimeType":"text/plain","size":1,"annotations":{"priority":1}"#;
    let newer = r#""title":"T","icons":[{"src":"https://x/i.png"}],"_meta":{"k":1}"#;
    let all = format!("{{{rest},{newer}}}");
    let resource = ResourceDefinition::resource(json(&all)).unwrap();
    for to in Revision::ALL {
        let expected = if to <= Revision::V2025_03_26 {
            format!("{{{rest}}}")
        } else {
            all.clone()
        };
        assert_eq!(text(resource.for_client("x://a", to)), expected, "{to}");
    }
}

#[test]
fn p9_71_unsafe_icons_are_dropped() {
    let resource = ResourceDefinition::resource(json(
        r#"{"uri":"x://a","icons":[{"src":"http://x"},{"src":"data:image/png;base64,AA"},{"src":"javascript:x"}]}"#,
    ))
    .unwrap();
    assert_eq!(
        text(resource.for_client("x://a", Revision::V2026_07_28)),
        r#"{"uri":"x://a","icons":[{"src":"data:image/png;base64,AA"}]}"#
    );
}

// === explicit URIs ===

#[test]
fn p9_17_the_explicit_form_goes_on_and_off() {
    #[track_caller]
    fn check(slug: &str, own: &str, explicit: &str) {
        assert_eq!(explicit_uri(slug, own), explicit);
        let (read_slug, read_own) = split_explicit_uri(explicit).unwrap();
        assert_eq!((read_slug, &*read_own), (slug, own), "{explicit}");
    }
    check("files", "file:///a", "files+file:///a");
    check("files", "ui://app/x", "ui://files+app/x");
    check("ui", "file:///a", "ui+file:///a");
    check("a-1", "mailto:x+y@z", "a-1+mailto:x+y@z");
    check("files", "x-y.z+1:/{id}", "files+x-y.z+1:/{id}");
    // Exactly one prefix comes off.
    check("a", "b+file:///c", "a+b+file:///c");
    check("a", "ui://b+c", "ui://a+b+c");
    // What is also the name of a real scheme has the form; whether there is such a server is not known here.
    check("git", "https://x", "git+https://x");
}

#[test]
fn p9_17_other_uris_are_bare() {
    for bare in [
        "",
        "+",
        "file:///a",
        "file:///a+b:c",
        "ui://app/x",
        "ui://app/a+b",
        "ui://Files+app",
        "files+",
        "files+a",
        "files+:a",
        "files+1x://a",
        "files+a b://c",
        "+file:///a",
        "Files+file:///a",
        "fi_les+file:///a",
        "files-+file:///a",
        "1files+file:///a",
        "a-slug-of-25-characters-xx+file:///a",
        "é+file:///a",
    ] {
        assert_eq!(split_explicit_uri(bare), None, "{bare}");
    }
}

proptest! {
    /// P9.17: whatever server and URI, the explicit form leads back to both.
    #[test]
    fn p9_17_the_explicit_form_is_lossless(
        slug in "[a-z]([a-z0-9-]{0,22}[a-z0-9])?",
        own in "(ui://|[a-zA-Z][a-zA-Z0-9+.-]{0,8}:)\\PC{0,20}",
    ) {
        let explicit = explicit_uri(&slug, &own);
        let (read_slug, read_own) = split_explicit_uri(&explicit).unwrap();
        prop_assert_eq!((read_slug, &*read_own), (&*slug, &*own));
    }

    #[test]
    fn p9_17_no_text_is_too_odd(uri in any::<String>()) {
        if let Some((slug, own)) = split_explicit_uri(&uri) {
            prop_assert_eq!(explicit_uri(slug, &own), uri);
        }
    }
}

// === templates ===

#[track_caller]
fn check_template(template: &str, matching: &[&str], other: &[&str]) {
    for uri in matching {
        assert!(template_matches(template, uri), "{template} matches {uri}");
    }
    for uri in other {
        assert!(
            !template_matches(template, uri),
            "{template} does not match {uri}"
        );
    }
}

#[test]
fn p9_19_templates_match_what_they_could_have_made() {
    check_template("x://a", &["x://a"], &["x://", "x://ab", "y://a", ""]);
    check_template(
        "test://template/{id}/data",
        &[
            "test://template/123/data",
            "test://template/a%2Fb/data",
            "test://template/é{}/data",
        ],
        &[
            "test://template//data",
            "test://template/1/2/data",
            "test://template/1/dat",
            "test://template/1",
        ],
    );
    check_template(
        "x://{a}-{b}.{c}",
        &["x://1-2.3", "x://1-2-3.4.5", "x://--..."],
        &["x://1-2", "x://1-.3/4", "x://-2.3"],
    );
    check_template("{a}{b}", &["xy", "xyz"], &["", "x", "x/y"]);
    check_template("x://{a,b}/{c:3}/{d*}", &["x://1,2/abc/4,5"], &["x://1/2"]);
    check_template("{id}", &["x"], &["", "/", "a/b"]);
    check_template("", &[""], &["x"]);
}

#[test]
fn p9_19_operators_match_anything() {
    check_template(
        "file://{+path}",
        &["file://", "file:///a/b?c#d"],
        &["file:/"],
    );
    check_template(
        "x://a{/path*}{?q,r}{#f}",
        &["x://a", "x://a/b/c?q=1#f"],
        &["x://", "y://a"],
    );
    check_template(
        "x://{;p}/{.ext}end",
        &["x:///end", "x://a/b/end"],
        &["x://a"],
    );
    check_template(
        "{+a}b{c}/{+d}",
        &["bc/", "bbbc/x", "xbyb/z/bc"],
        &["b/", "c/"],
    );
    // Not of RFC 6570, so nothing is known of it.
    check_template("x://{}/{a b}/{{c}", &["x://///", "x://1/2/3"], &["x://1"]);
}

#[test]
fn p9_19_lone_braces_stand_for_themselves() {
    check_template("x://{id", &["x://{id"], &["x://1"]);
    check_template("x://id}", &["x://id}"], &["x://id"]);
    check_template("é{a}é{", &["éxé{"], &["éé{"]);
}

#[test]
fn p9_19_hostile_templates_cost_little() {
    let long = "a".repeat(2_048);
    let braces = "{a}".repeat(680);
    let anything = "{+a}a".repeat(400);
    assert!(template_matches(&braces, &long));
    assert!(template_matches(&anything, &long));
    assert!(!template_matches(&format!("{anything}b"), &long));
    // Beyond the bound nothing is tried.
    assert!(!template_matches(&format!("{long}a"), &format!("{long}a")));
    assert!(!template_matches("{+a}", &"a".repeat(1_000_000)));
    assert!(!template_matches(&"{".repeat(1_000_000), "a"));
}

proptest! {
    #[test]
    fn p9_19_no_template_is_too_odd(template in "[{}a/é+?.,:]{0,24}", uri in "[a/é{}]{0,24}") {
        template_matches(&template, &uri);
    }

    /// P9.19: the bounded matcher says what trying everything would say.
    #[test]
    fn p9_19_the_bound_costs_no_match(
        parts in prop::collection::vec(prop_oneof![Just("{v}"), Just("{+v}"), Just("a"), Just("/")], 0..7),
        uri in "[ab/]{0,8}",
    ) {
        prop_assert_eq!(template_matches(&parts.concat(), &uri), tried(&parts, &uri), "{:?} {}", parts, uri);
    }

    /// P9.19: an expanded template matches.
    #[test]
    fn p9_19_expansions_match(
        parts in prop::collection::vec(
            ("[a-z/:]{0,4}", prop_oneof![
                Just(("{id}", "[a-z0-9%.]{1,6}")),
                Just(("{+path}", "[a-z/?#]{0,6}")),
            ]).prop_flat_map(|(literal, (expression, values))| {
                (Just(literal), Just(expression), values)
            }),
            0..6,
        ),
    ) {
        let template: String = parts.iter().flat_map(|(literal, expression, _)| [&**literal, *expression]).collect();
        let uri: String = parts.iter().flat_map(|(literal, _, value)| [&**literal, &**value]).collect();
        prop_assert!(template_matches(&template, &uri), "{} {}", template, uri);
    }
}

/// What a template matches, by trying every length of every part.
fn tried(parts: &[&str], uri: &str) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return uri.is_empty();
    };
    (0..=uri.len()).any(|end| {
        let (taken, left) = uri.split_at(end);
        let fits = match *part {
            "{v}" => !taken.is_empty() && !taken.contains('/'),
            "{+v}" => true,
            literal => taken == literal,
        };
        fits && tried(rest, left)
    })
}

// === results ===

#[test]
fn p9_16_uris_are_found_in_results() {
    #[track_caller]
    fn check(result: &str, expected: &[&str]) {
        assert_eq!(linked_uris(&json(result)), expected, "{result}");
    }
    let link = r#"{"type":"resource_link","uri":"x:\/\/link","name":"n"}"#;
    let embedded = r#"{"type" : "resource" , "resource":{"uri":"x://embedded","text":""}}"#;
    let plain = r#"{"type":"text","text":"\"resource_link\"","uri":"x://no"}"#;
    check(
        &format!(r#"{{"content":[{plain},{link},{embedded},7,{{}}]}}"#),
        &["x://link", "x://embedded"],
    );
    check(
        &format!(
            r#"{{"messages":[{{"role":"user","content":{embedded}}},{{"role":"user","content":{link}}},null]}}"#
        ),
        &["x://embedded", "x://link"],
    );
    check(
        r#"{"content":[{"type":"resource","resource":{}},{"type":"resource_link"}]}"#,
        &[],
    );
    check(
        &format!(r#"{{"structuredContent":{link},"content":{{}}}}"#),
        &[],
    );
    check(r#"{"content":[{"type":"text","text":"x"}]}"#, &[]);
    check(r#"["resource"]"#, &[]);
}

#[test]
fn p9_20_a_read_result_keeps_the_form_of_the_request() {
    #[track_caller]
    fn check_untouched(result: &Json, own: &str, shown: &str) {
        let after = read_result_shown_as(result, own, shown);
        assert_eq!(after.bytes().as_ptr(), result.bytes().as_ptr());
    }

    let result =
        json(r#"{ "contents":[{"uri":"x://a","text":"x://a"},{"uri":"x://b"},7], "ttlMs":1 }"#);
    let shown = read_result_shown_as(&result, "x://a", "files+x://a");
    assert_eq!(
        shown.as_str(),
        r#"{"contents":[{"uri":"files+x://a","text":"x://a"},{"uri":"x://b"},7],"ttlMs":1}"#
    );
    check_untouched(&result, "x://c", "files+x://c");
    check_untouched(&result, "x://a", "x://a");
    for odd in ["null", "{}", r#"{"contents":{}}"#] {
        check_untouched(&json(odd), "x://a", "files+x://a");
    }
}

// === completion ===

#[test]
fn p9_25_completions_are_cut_at_a_hundred() {
    let values = |count: usize| {
        let values: Vec<String> = (0..count).map(|n| format!("\"v{n}\"")).collect();
        values.join(",")
    };
    let long = json(&format!(
        r#"{{"completion":{{"hasMore":false,"values":[{}],"total":150}},"_meta":{{"k":1}}}}"#,
        values(101)
    ));
    assert_eq!(
        cut_completion(&long).as_str(),
        format!(
            r#"{{"completion":{{"hasMore":true,"values":[{}],"total":150}},"_meta":{{"k":1}}}}"#,
            values(100)
        )
    );
    for fitting in [
        format!(r#"{{"completion":{{"values":[{}]}}}}"#, values(100)),
        r#"{ "completion":{"values":[]} }"#.to_owned(),
        r#"{"completion":{"values":{}}}"#.to_owned(),
        r#"{"completion":7}"#.to_owned(),
        "null".to_owned(),
    ] {
        let result = json(&fitting);
        let after = cut_completion(&result);
        assert_eq!(after.bytes().as_ptr(), result.bytes().as_ptr(), "{fitting}");
    }
}

#[test]
fn p9_24_references_are_read_and_replaced() {
    let params = object(
        r#"{"ref":{"type":"ref/prompt","name":"files__p","title":"T"},"argument":{"name":"a","value":"v"},"context":{ }}"#,
    );
    assert_eq!(
        CompletionRef::parse(&params),
        Some(CompletionRef::Prompt("files__p".into()))
    );
    assert_eq!(
        CompletionRef::replaced(&params, "p").json().as_str(),
        r#"{"ref":{"type":"ref/prompt","name":"p","title":"T"},"argument":{"name":"a","value":"v"},"context":{ }}"#
    );
    let params = object(r#"{"ref":{"type":"ref/resource","uri":"files+x://{id}"}}"#);
    assert_eq!(
        CompletionRef::parse(&params),
        Some(CompletionRef::Resource("files+x://{id}".into()))
    );
    assert_eq!(
        CompletionRef::replaced(&params, "x://{id}").json().as_str(),
        r#"{"ref":{"type":"ref/resource","uri":"x://{id}"}}"#
    );
    for odd in [
        "{}",
        r#"{"ref":7}"#,
        r#"{"ref":{"name":"p"}}"#,
        r#"{"ref":{"type":"ref/tool","name":"p"}}"#,
        r#"{"ref":{"type":"ref/prompt","uri":"x://a"}}"#,
        r#"{"ref":{"type":"ref/resource","uri":7}}"#,
    ] {
        let params = object(odd);
        assert_eq!(CompletionRef::parse(&params), None, "{odd}");
        assert_eq!(CompletionRef::replaced(&params, "x"), params, "{odd}");
    }
}

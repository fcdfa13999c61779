//! Prompts and resources of the reference servers, asked for directly and through the gateway: the answers are the same.

use serde_json::{Value, json};

use crate::arguments::comparable;
use crate::caller::{Caller, Era};
use crate::fixtures::{Offers, Real, Servers};
use crate::report::Report;

/// Prompts of the everything server, and what they are asked with.
fn prompts(slug: &str) -> Vec<(&'static str, Value)> {
    if !slug.starts_with("every") {
        return Vec::new();
    }
    vec![
        ("simple-prompt", json!({})),
        ("args-prompt", json!({ "city": "Zürich", "state": "ZH" })),
        (
            "completable-prompt",
            json!({ "department": "Engineering", "name": "Alice" }),
        ),
        (
            "resource-prompt",
            json!({ "resourceType": "Text", "resourceId": "1" }),
        ),
    ]
}

/// Compares what servers list, give and complete.
pub(crate) fn check(report: &mut Report, servers: &Servers, url: &str, token: &str) {
    for server in servers.offering(Offers::Own) {
        let mut direct = Caller::direct(&server.reach, Era::Legacy);
        let mut has = |method: &str, member: &str| {
            let listed = direct.ask(method, &json!({}));
            listed["result"][member]
                .as_array()
                .is_some_and(|l| !l.is_empty())
        };
        let (prompts, resources) = (
            has("prompts/list", "prompts"),
            has("resources/list", "resources"),
        );
        for era in [Era::Legacy, Era::Modern] {
            let slug = server.slug;
            if prompts {
                report.check(&format!("every prompt of {slug} is alike, {era:?}"), || {
                    check_prompts(server, &mut Caller::http(url, token, era));
                });
            }
            if resources {
                report.check(
                    &format!("every resource of {slug} is alike, {era:?}"),
                    || {
                        check_resources(server, &mut Caller::http(url, token, era));
                    },
                );
            }
        }
    }
}

fn check_prompts(server: &Real, through: &mut Caller) {
    let mut direct = Caller::direct(&server.reach, Era::Legacy);
    let prefix = format!("{}__", server.slug);
    let shown = list(through, "prompts/list", "prompts");
    for mut prompt in list(&mut direct, "prompts/list", "prompts") {
        prompt["name"] = json!(format!("{prefix}{}", prompt["name"].as_str().unwrap_or("")));
        assert!(shown.contains(&prompt), "{prompt} is not in {shown:?}");
    }
    for (name, arguments) in prompts(server.slug) {
        let ask = |caller: &mut Caller, name: &str| {
            let answer = caller.ask(
                "prompts/get",
                &json!({ "name": name, "arguments": arguments }),
            );
            answer["result"]["messages"].clone()
        };
        let wanted = ask(&mut direct, name);
        let got = ask(through, &format!("{prefix}{name}"));
        // Text that a server makes says when it did.
        let clean = |messages: &Value| comparable("get-resource-reference", messages, "<none>");
        assert_eq!(clean(&got), clean(&wanted), "{name}");
    }
    if server.slug.starts_with("every") {
        let ask = |caller: &mut Caller, name: &str| {
            let reference = json!({ "type": "ref/prompt", "name": name });
            let argument = json!({ "name": "department", "value": "E" });
            let params = json!({ "ref": reference, "argument": argument });
            caller.ask("completion/complete", &params)["result"]["completion"].clone()
        };
        let got = ask(through, &format!("{prefix}completable-prompt"));
        assert_eq!(got, ask(&mut direct, "completable-prompt"), "completion");
        assert_eq!(got["values"][0], "Engineering", "{got}");
    }
}

fn check_resources(server: &Real, through: &mut Caller) {
    let mut direct = Caller::direct(&server.reach, Era::Legacy);
    // The form of a URI that names its server, which the gateway takes for every server of a workspace.
    let own = |uri: &Value| json!(format!("{}+{}", server.slug, uri.as_str().unwrap_or("")));
    for (method, member, key) in [
        ("resources/list", "resources", "uri"),
        (
            "resources/templates/list",
            "resourceTemplates",
            "uriTemplate",
        ),
    ] {
        let shown = list(through, method, member);
        for bare in list(&mut direct, method, member) {
            let mut named = bare.clone();
            named[key] = own(&bare[key]);
            assert!(
                shown.contains(&bare) || shown.contains(&named),
                "{bare} is not in {shown:?}"
            );
        }
    }
    for resource in list(&mut direct, "resources/list", "resources") {
        let uri = &resource["uri"];
        let wanted = direct.ask("resources/read", &json!({ "uri": uri }));
        let mut got = through.ask("resources/read", &json!({ "uri": own(uri) }));
        let contents = got.pointer_mut("/result/contents/0/uri");
        let contents = contents.unwrap_or_else(|| panic!("{uri} through the gateway"));
        assert_eq!(contents.take(), own(uri), "the form it was asked for in");
        got["result"]["contents"][0]["uri"] = uri.clone();
        assert_eq!(
            got["result"]["contents"], wanted["result"]["contents"],
            "{uri}"
        );
    }
}

fn list(caller: &mut Caller, method: &str, member: &str) -> Vec<Value> {
    let (mut all, mut params) = (Vec::new(), json!({}));
    loop {
        let page = caller.ask(method, &params);
        let listed = page["result"][member].as_array();
        all.extend_from_slice(listed.unwrap_or_else(|| panic!("{method}: {page}")));
        match &page["result"]["nextCursor"] {
            Value::Null => return all,
            cursor => params = json!({ "cursor": cursor }),
        }
    }
}

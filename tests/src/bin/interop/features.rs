//! What the same clients do beside tools: prompts, resources, completion, questions to the user and to the model, notices.

use serde_json::{Value, json};
use toolgate_tests::Fixtures;

use crate::clients::{PROBES, Probe, run};
use crate::fixtures::{Offers, Reach, Servers};
use crate::report::Report;

/// Every client through the gateway, to a server of each era and to a child process.
pub(crate) fn check(
    report: &mut Report,
    fixtures: &Fixtures,
    servers: &Servers,
    url: &str,
    token: &str,
) {
    for probe in PROBES.iter().filter(|probe| has_features(probe)) {
        for server in servers.offering(Offers::Features) {
            let name = format!(
                "{} ({}) beside tools, through the gateway to {}",
                probe.name, probe.mode, server.slug
            );
            report.check(&name, || {
                let prefix = format!("{}__", server.slug);
                let seen = run(probe, fixtures, [url, token, &prefix, "features"]);
                judge(&seen, server.slug, &prefix);
                assert_eq!(seen["revision"], probe.revision, "{seen}");
            });
        }
    }
}

/// Every client straight to the servers.
pub(crate) fn check_direct(report: &mut Report, fixtures: &Fixtures, servers: &Servers) {
    for probe in PROBES.iter().filter(|probe| has_features(probe)) {
        for server in servers.offering(Offers::Features) {
            let Reach::Http { url, .. } = &server.reach else {
                continue;
            };
            if !probe.reaches(server) {
                continue;
            }
            let name = format!(
                "{} ({}) beside tools, straight to {}",
                probe.name, probe.mode, server.slug
            );
            report.check(&name, || {
                judge(&run(probe, fixtures, [url, "none", "", "features"]), "", "");
            });
        }
    }
}

/// The oldest client is there for its revision, and does tools only.
fn has_features(probe: &Probe) -> bool {
    probe.name != "rmcp 1.0"
}

fn judge(seen: &Value, slug: &str, prefix: &str) {
    let own = |uri: &str| {
        if slug.is_empty() {
            uri.to_owned()
        } else {
            format!("{slug}+{uri}")
        }
    };
    for prompt in [
        "test_simple_prompt",
        "test_prompt_with_arguments",
        "test_prompt_with_image",
    ] {
        listed(&seen["prompts"], &[format!("{prefix}{prompt}")], seen);
    }
    // A server that is first in order keeps the bare form of its URIs.
    for uri in [
        "test://static-text",
        "test://static-binary",
        "test://watched-resource",
    ] {
        listed(&seen["resources"], &[own(uri), uri.to_owned()], seen);
    }
    let template = "test://template/{id}/data";
    listed(
        &seen["templates"],
        &[own(template), template.to_owned()],
        seen,
    );

    let said = [
        ("prompt", "Prompt with arguments: arg1='one', arg2='two'"),
        (
            "resource",
            "This is the content of the static text resource.",
        ),
        (
            "templated",
            r#"{"id":"7","templateTest":true,"data":"Data for ID: 7"}"#,
        ),
        ("sampled", "LLM response: sampled"),
    ];
    for (what, wanted) in said {
        assert_eq!(seen[what], wanted, "{what}: {seen}");
    }
    let completion = json!({ "values": [], "total": 0, "hasMore": false });
    assert_eq!(seen["completion"], completion, "{seen}");

    let answered = json!({ "username": "x", "email": "x" });
    assert_eq!(json_in(seen, "elicited", "content="), answered, "{seen}");
    let second = json_in(seen, "rounds", "completed: ");
    assert_eq!(second["step2"]["content"]["color"], "x", "{seen}");
    let inputs = json_in(seen, "inputs", "completed: ");
    assert_eq!(inputs["user_name"]["content"]["name"], "x", "{seen}");
    assert_eq!(inputs["greeting"]["content"]["text"], "sampled", "{seen}");
    assert_eq!(
        inputs["client_roots"]["roots"][0]["uri"], "file:///r",
        "{seen}"
    );

    let updated = format!(
        "notifications/resources/updated {}",
        own("test://watched-resource")
    );
    for notice in [
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
        &updated,
    ] {
        listed(&seen["notices"], &[notice.to_owned()], seen);
    }
}

/// One of these is in the list.
#[track_caller]
fn listed(list: &Value, any: &[String], seen: &Value) {
    let found = list.as_array().is_some_and(|list| {
        let mut names = list.iter().filter_map(Value::as_str);
        names.any(|name| any.iter().any(|wanted| wanted == name))
    });
    assert!(found, "none of {any:?} is in {list}: {seen}");
}

/// The JSON at the end of what a tool said; servers write its members in the order in which clients do.
#[track_caller]
fn json_in(seen: &Value, what: &str, mark: &str) -> Value {
    let text = seen[what].as_str().unwrap_or_default();
    let (_, tail) = text
        .split_once(mark)
        .unwrap_or_else(|| panic!("{what} has no {mark}: {seen}"));
    serde_json::from_str(tail).unwrap_or_else(|error| panic!("{error} in {what}: {seen}"))
}

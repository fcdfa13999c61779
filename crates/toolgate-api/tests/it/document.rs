//! The document says what there is: every route of the table, each reply by a shape.

use std::collections::BTreeSet;

use serde_json::Value;
use toolgate_api::{AuthPolicy, document, routes};

use crate::support::Setup;

#[tokio::test]
async fn it_is_served_to_anybody_and_has_every_route() {
    let setup = Setup::new().await;
    let client = toolgate_testkit::Client::new(&setup.origin).at("/openapi.json");
    let served = client.request("GET").await.json();
    assert_eq!(served, document());
    assert_eq!(served["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (method, path, access) in described() {
        let operation = &served["paths"][path][method.as_str().to_lowercase()];
        assert!(operation["summary"].is_string(), "{method} {path}");
        assert!(
            ids.insert(operation["operationId"].clone().to_string()),
            "{method} {path}"
        );
        let open = operation["security"].as_array().unwrap().is_empty();
        assert_eq!(open, access == AuthPolicy::Public, "{method} {path}");
        let takes_body = ["POST", "PATCH"].contains(&method.as_str());
        assert_eq!(
            operation["requestBody"].is_object(),
            takes_body,
            "{method} {path}"
        );
    }
    let paths = served["paths"].as_object().unwrap().values();
    let there: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(there, described().count());
}

/// The routes that are for programs: pages, and signing in to them, are for browsers alone.
fn described() -> impl Iterator<Item = (&'static hyper::Method, &'static str, AuthPolicy)> {
    const FOR_BROWSERS: [&str; 3] = ["/assets/", "/invite/", "/api/session"];
    routes().filter(|(_, path, _)| !FOR_BROWSERS.iter().any(|start| path.starts_with(start)))
}

/// Every reference leads somewhere, and no request takes members it does not name.
#[test]
fn its_references_lead_somewhere() {
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference}");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if name.ends_with("Wanted") || name.starts_with("New") {
            let closed =
                schema["additionalProperties"] == false || schema.get("properties").is_none();
            assert!(closed, "{name}");
        }
    }
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == "$ref" {
                    into.extend(member.as_str().map(ToOwned::to_owned));
                }
                collect(member, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

//! S-02 and S-62: one table, one normalisation.

use hyper::Method;
use proptest::prelude::*;
use toolgate_http::Routes;
use toolgate_http::serve::Found;

fn routes() -> Routes<&'static str, u8> {
    Routes::new()
        .route(Method::GET, "/", "public", 0)
        .route(Method::GET, "/healthz", "public", 1)
        .route(Method::POST, "/ws/{slug}", "token", 2)
        .route(Method::GET, "/ws/{slug}", "token", 3)
        .route(Method::POST, "/ws/{slug}/sse", "token", 4)
        .route(Method::GET, "/ws/all", "token", 5)
        .route(Method::GET, "/{a}/{b}/{c}/{d}", "token", 6)
}

/// The outcome as text, one word a kind.
fn find(method: &Method, path: &str) -> String {
    match routes().find(method, path) {
        Found::Route(found) => {
            let slug = found.params.get("slug").or_else(|| found.params.get("a"));
            format!("{} {} {}", found.handler, found.access, slug.unwrap_or("-"))
        }
        Found::MethodNotAllowed { allow } => format!("405 {allow}"),
        Found::NotFound => "404".to_owned(),
        Found::BadPath => "400".to_owned(),
    }
}

#[track_caller]
fn check(method: &Method, path: &str, expected: &str) {
    assert_eq!(find(method, path), expected, "{method} {path}");
}

#[test]
fn s02_a_route_comes_with_its_rule() {
    check(&Method::GET, "/", "0 public -");
    check(&Method::GET, "/healthz", "1 public -");
    check(&Method::GET, "/healthz/", "1 public -");
    check(&Method::POST, "/ws/default", "2 token default");
    check(&Method::POST, "/ws/default/", "2 token default");
    check(&Method::GET, "/ws/default", "3 token default");
    check(&Method::POST, "/ws/default/sse", "4 token default");
    check(&Method::GET, "/ws/all", "3 token all");
    check(&Method::GET, "/1/2/3/4", "6 token 1");
    check(&Method::POST, "/ws/a%20b", "2 token a b");
    check(&Method::POST, "/ws/%64efault", "2 token default");
    check(&Method::POST, "/%77s/default", "2 token default");
}

#[test]
fn p54_other_methods_are_named_and_other_paths_are_not_found() {
    check(&Method::DELETE, "/ws/default", "405 POST, GET");
    check(&Method::OPTIONS, "/healthz", "405 GET");
    check(&Method::HEAD, "/healthz", "405 GET");
    check(&Method::GET, "/ws/default/sse", "405 POST");
    for path in [
        "/nothing",
        "/WS/default",
        "/ws",
        "/ws/a/b",
        "/ws/a/sse/b/c",
        "/a/b/c/d/e",
    ] {
        check(&Method::POST, path, "404");
    }
}

#[test]
fn s62_a_path_that_could_be_read_twice_is_refused() {
    for path in [
        "",
        "ws/default",
        "*",
        "//",
        "//ws/default",
        "/ws//default",
        "/ws/default//",
        "/./ws/default",
        "/ws/../healthz",
        "/ws/..",
        "/ws/%2e%2e",
        "/ws/%2E/x",
        "/ws/.%2e",
        "/ws/a%2fb",
        "/ws/a%2Fsse",
        "/ws/a%5cb",
        "/ws/a\\b",
        "/ws/a%00",
        "/ws/a%0a",
        "/ws/a%7f",
        "/ws/%",
        "/ws/%2",
        "/ws/%zz",
        "/ws/%ff",
        "/ws/%c3%28",
        "/ws/a%c2%85",
    ] {
        check(&Method::POST, path, "400");
    }
}

#[test]
fn s02_the_inventory_lists_everything() {
    let routes = routes();
    let listed: Vec<_> = routes
        .inventory()
        .map(|(method, path, rule)| format!("{method} {path} {rule}"))
        .collect();
    assert_eq!(listed.len(), 7);
    assert_eq!(listed[2], "POST /ws/{slug} token");
    assert_eq!(format!("{routes:?}").matches("token").count(), 5);
}

#[test]
#[should_panic(expected = "is there already")]
fn s02_a_route_cannot_be_added_twice() {
    let _ = routes().route(Method::GET, "/healthz", "token", 9);
}

proptest! {
    /// A slug never brings a slash, a dot segment or a control with it, whatever the path.
    #[test]
    fn s62_a_segment_is_one_segment(path in "/ws/[a-z%0-9./\\\\]{0,12}") {
        if let Found::Route(found) = routes().find(&Method::POST, &path) {
            let slug = found.params.get("slug").unwrap();
            prop_assert!(!slug.contains(['/', '\\']) && !slug.contains(char::is_control));
            prop_assert!(!matches!(slug, "" | "." | ".."));
        }
    }

    /// Unreserved characters may come encoded or not; the route is the same.
    #[test]
    fn s62_encoding_changes_nothing(slug in "[a-zA-Z0-9_~-]{1,20}") {
        let encoded = slug.bytes().fold(String::new(), |path, byte| format!("{path}%{byte:02X}"));
        let plain = find(&Method::POST, &format!("/ws/{slug}"));
        prop_assert_eq!(find(&Method::POST, &format!("/ws/{encoded}")), plain);
    }
}

//! The dashboard: files out of this binary, and the headers that keep a browser to them (S-79).
//!
//! The pages are plain modules and one style sheet. They know nothing that the management API does not tell them, and
//! reach nothing but this listener.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Response, StatusCode};
use toolgate_http::ReplyBody;

/// What pages may load and do: our own scripts and styles, nothing inline, no frame around them, no markup from text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'";
const GUARDS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Kept, but asked for each time: after an update no page runs with the scripts of another version.
    (CACHE_CONTROL, "no-cache"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    ),
];

/// Below it are the links of invitations, which lead to the page itself.
const INVITE: &str = "/invite/";

/// Each file with its type, from `assets/`.
macro_rules! files {
    ($($kind:literal: $($name:literal),+;)+) => {
        &[$($(($name, $kind, include_bytes!(concat!("../assets/", $name)))),+),+]
    };
}

const FILES: &[(&str, &str, &[u8])] = files! {
    "text/html; charset=utf-8": "index.html";
    "image/svg+xml": "icon.svg";
    "text/css; charset=utf-8": "app.css";
    "text/javascript; charset=utf-8":
        "js/api.js", "js/chart.js", "js/dom.js", "js/editors.js", "js/format.js", "js/main.js", "js/parts.js",
        "js/routes.js", "js/pages/alerts.js", "js/pages/analytics.js", "js/pages/audit.js", "js/pages/calls.js", "js/pages/door.js",
        "js/pages/installation.js", "js/pages/invite.js", "js/pages/live.js", "js/pages/member.js", "js/pages/members.js", "js/pages/overview.js", "js/pages/recent.js",
        "js/pages/plan.js", "js/pages/reviews.js", "js/pages/secrets.js", "js/pages/server-parts.js", "js/pages/server.js",
        "js/pages/servers.js", "js/pages/settings.js", "js/pages/token-shown.js", "js/pages/tokens.js",
        "js/pages/tools.js", "js/pages/workspaces.js";
};

/// Every file, ready to be sent.
#[derive(Debug)]
pub(crate) struct Dashboard {
    files: HashMap<String, File>,
}

#[derive(Debug)]
struct File {
    kind: HeaderValue,
    tag: HeaderValue,
    bytes: Bytes,
}

impl Dashboard {
    pub(crate) fn new() -> Self {
        let file = |(name, kind, bytes): &(&str, &'static str, &'static [u8])| {
            let path = match *name {
                "index.html" => "/".to_owned(),
                name => format!("/assets/{name}"),
            };
            let file = File {
                kind: HeaderValue::from_static(kind),
                tag: tag(bytes),
                bytes: Bytes::from_static(bytes),
            };
            (path, file)
        };
        Self {
            files: FILES.iter().map(file).collect(),
        }
    }

    /// The file at this path, if it is one of the dashboard's.
    pub(crate) fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Response<ReplyBody>> {
        let path = if path.starts_with(INVITE) { "/" } else { path };
        let file = self.files.get(path)?;
        let mut reply = if has(headers, &file.tag) {
            let mut reply = Response::new(ReplyBody::empty());
            *reply.status_mut() = StatusCode::NOT_MODIFIED;
            reply
        } else {
            Response::new(ReplyBody::full(file.bytes.clone()))
        };
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, file.kind.clone());
        headers.insert(ETAG, file.tag.clone());
        for (name, value) in GUARDS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Some(reply)
    }
}

/// A strong tag: the digest of the very bytes.
fn tag(bytes: &[u8]) -> HeaderValue {
    let mut digest = DefaultHasher::new();
    bytes.hash(&mut digest);
    HeaderValue::from_str(&format!("\"{:016x}\"", digest.finish()))
        .expect("hexadecimal digits are fit for a header")
}

fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let tag = tag.to_str().unwrap_or_default();
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == tag)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn assets() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
    }

    fn names(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                names(&path, found);
            } else {
                let name = path.strip_prefix(assets()).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_is_served_and_all_are_small() {
        let mut there = Vec::new();
        names(&assets(), &mut there);
        there.sort();
        let mut served: Vec<String> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        served.sort();
        assert_eq!(served, there);
        let bytes: usize = FILES.iter().map(|(.., bytes)| bytes.len()).sum();
        assert!(bytes < 300 * 1024, "{bytes} bytes in all");
    }

    /// S-79: no inline script or style, nothing from elsewhere, no markup made from text.
    #[test]
    fn s79_no_file_asks_for_what_the_policy_refuses() {
        const FORBIDDEN: &[&str] = &[
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "DOMParser",
            "eval(",
            "new Function",
            "srcdoc",
            "javascript:",
            "createContextualFragment",
            "style=",
            "onclick=\"",
            "<style",
            "@import",
        ];
        for (name, _, bytes) in FILES {
            let text = std::str::from_utf8(bytes).unwrap();
            for word in FORBIDDEN {
                assert!(!text.contains(word), "{name} has {word}");
            }
            for (at, _) in text.match_indices("://") {
                let around = &text[at.saturating_sub(12)..(at + 24).min(text.len())];
                let harmless = around.contains("www.w3.org") || around.contains("api.example.com");
                assert!(harmless, "{name} names an address: {around}");
            }
        }
    }

    #[test]
    fn a_file_that_is_known_is_not_sent_again() {
        let dashboard = Dashboard::new();
        let first = dashboard.answer("/", &HeaderMap::new()).unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        let mut known = HeaderMap::new();
        known.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let again = dashboard.answer("/", &known).unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = dashboard.answer("/assets/app.css", &known).unwrap();
        assert_eq!(other.status(), StatusCode::OK);
        assert!(dashboard.answer("/assets/../src/lib.rs", &known).is_none());
    }

    /// S-79: the policy allows our own files and nothing inline.
    #[test]
    fn s79_every_file_has_the_policy() {
        let dashboard = Dashboard::new();
        for path in dashboard.files.keys() {
            let reply = dashboard.answer(path, &HeaderMap::new()).unwrap();
            let policy = reply.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'self'"));
            assert!(!policy.contains("unsafe") && policy.contains("require-trusted-types-for"));
            assert_eq!(reply.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }
}

//! Changes come from pages of ours and carry their session's token (S-78); some take a fresh proof (S-77).

use hyper::header::{HOST, HeaderName, ORIGIN};
use hyper::{HeaderMap, Method};

use super::door::Asked;
use super::draw;
use super::refused::Refused;

const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request changes something.
pub(super) fn is_change(method: &Method) -> bool {
    *method != Method::GET && *method != Method::HEAD
}

/// Changes that give somebody a way in, or a server a credential (S-77).
pub(super) fn takes_proof(asked: Asked<'_>) -> bool {
    const GUARDED: [&str; 5] = ["secrets", "tokens", "keys", "members", "invitations"];
    let mut segments = asked.path.split('/');
    segments.any(|segment| GUARDED.contains(&segment))
        // Not any segment: workspaces are called so, too.
        || asked.path == "/api/team"
        || asked.path.starts_with("/api/team/")
        || (asked.method == Method::POST && asked.path == "/api/community/mcp/workspaces")
}

/// A change comes from a page that this very host and port served.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Refused> {
    let text = |name: HeaderName| {
        let mut all = headers.get_all(name).iter();
        let one = all.next().and_then(|value| value.to_str().ok());
        one.filter(|_| all.next().is_none())
    };
    let origin = text(ORIGIN).ok_or(Refused::Forged)?;
    let host = text(HOST).ok_or(Refused::Forged)?;
    let (scheme, from) = origin.split_once("://").ok_or(Refused::Forged)?;
    let ours = (scheme == "http" || scheme == "https") && from.eq_ignore_ascii_case(host);
    let near = text(FETCH_SITE).is_none_or(|site| site == "same-origin");
    if ours && near {
        Ok(())
    } else {
        Err(Refused::Forged)
    }
}

pub(super) fn check_csrf(headers: &HeaderMap, known: &str) -> Result<(), Refused> {
    let given = headers.get(CSRF).and_then(|value| value.to_str().ok());
    if given.is_some_and(|given| draw::same(given, known)) {
        Ok(())
    } else {
        Err(Refused::Forged)
    }
}

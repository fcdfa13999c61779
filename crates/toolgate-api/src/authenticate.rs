//! From a request to who is asking. Every way in ends here.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::StatusCode;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use toolgate_admin::{Secret, is_credential};

use crate::problem::Problem;
use crate::{Api, Caller, session};

const API_KEY: &str = "x-api-key";

/// Who is asking.
pub(crate) struct Known {
    pub(crate) caller: Caller,
    /// Id of the session by whose cookie they are known.
    pub(crate) session: Option<String>,
}

/// Says who is asking, by the one credential of the request: a key, a token, or else the cookie of a session.
///
/// What is wrong with a credential is not told, and failures are counted by their source (S-36, S-37).
pub(crate) async fn authenticate(api: &Api, parts: &Parts, peer: IpAddr) -> Result<Known, Problem> {
    let headers = &parts.headers;
    let has_credential = headers.contains_key(API_KEY) || headers.contains_key(AUTHORIZATION);
    if !has_credential && let Some((caller, id)) = session::caller(api, parts, peer).await? {
        let session = Some(id);
        return Ok(Known { caller, session });
    }
    let presented = presented(headers).filter(|text| is_credential(text.expose()));
    let caller = match presented {
        Some(text) => api.pool().look_up(move |admin| {
            if let Some(key) = admin.key_holder(text.expose())? {
                return Ok(Some(Caller::Key(key)));
            }
            Ok(admin.token_holder(text.expose())?.map(Caller::Token))
        }),
        None => return Err(refused(api, headers, peer)),
    };
    match caller.await? {
        Some(caller) => Ok(Known {
            caller,
            session: None,
        }),
        None => Err(refused(api, headers, peer)),
    }
}

/// The one credential of a request: none where there are several, which could be read in two ways.
fn presented(headers: &HeaderMap) -> Option<Secret<String>> {
    let mut keys = headers.get_all(API_KEY).iter();
    let mut bearers = headers.get_all(AUTHORIZATION).iter();
    let text = match (keys.next(), bearers.next()) {
        (Some(key), None) => key.to_str().ok()?,
        (None, Some(bearer)) => bearer_of(bearer.to_str().ok()?)?,
        _ => return None,
    };
    if keys.next().is_some() || bearers.next().is_some() {
        return None;
    }
    Some(Secret::new(text.trim().to_owned()))
}

fn bearer_of(value: &str) -> Option<&str> {
    let (scheme, text) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(text)
}

fn refused(api: &Api, headers: &HeaderMap, peer: IpAddr) -> Problem {
    counted(api, headers, peer, Problem::unauthorized())
}

/// The refusal of something that may be a guess, or that there were too many (S-37).
pub(crate) fn counted(api: &Api, headers: &HeaderMap, peer: IpAddr, refusal: Problem) -> Problem {
    match api.failed_guess(peer, headers) {
        Ok(()) => refusal,
        Err(too_many) => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_failures",
            "too many requests from here had no credential that works",
        )
        .hint("check the key, token or code, then try again")
        .retry_after(too_many.retry_after_ms.div_ceil(1000)),
    }
}

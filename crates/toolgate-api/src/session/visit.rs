//! From requests to the door and back: its answers read the store and check passwords, which blocks.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Body;
use hyper::header::SET_COOKIE;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use toolgate_http::ReplyBody;
use toolgate_http::serve::{BodyPace, content_length, read_body};

use super::door::Asked;
use crate::problem::Problem;
use crate::{Api, Caller, reply};

/// An address, a password and some punctuation.
const MAX_BODY: usize = 8 * 1024;

/// Answers a request to `/api/session` or below it.
pub(crate) async fn answer<B>(
    api: &Arc<Api>,
    parts: &Parts,
    body: B,
    peer: IpAddr,
) -> Result<Response<ReplyBody>, Problem>
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    let length = content_length(&parts.headers);
    let body = read_body(body, length, MAX_BODY, BodyPace::default()).await?;
    let (door, parts) = (Arc::clone(api.door()), parts.clone());
    let from = api.source(peer, &parts.headers);
    let said = api
        .pool()
        .look_up(move |admin| Ok(door.answer(admin, asked(&parts, from), &body)))
        .await??;
    let text = serde_json::to_vec(&said.body).unwrap_or_default();
    let mut response = reply::json(StatusCode::OK, text);
    for cookie in said.cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Who sends a request with the cookie of a session, and that session's id; `None` without one.
pub(crate) async fn caller(
    api: &Api,
    parts: &Parts,
    peer: IpAddr,
) -> Result<Option<(Caller, String)>, Problem> {
    if !super::cookie::is_there(&parts.headers) {
        return Ok(None);
    }
    let (door, parts) = (Arc::clone(api.door()), parts.clone());
    let from = api.source(peer, &parts.headers);
    let found = api
        .pool()
        .look_up(move |admin| Ok(door.caller(admin, asked(&parts, from))))
        .await??;
    Ok(found)
}

fn asked(parts: &Parts, from: IpAddr) -> Asked<'_> {
    Asked {
        method: &parts.method,
        path: parts.uri.path(),
        headers: &parts.headers,
        from,
    }
}

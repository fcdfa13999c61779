//! Acts, and writes that are done once however often they are asked for.

use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;
use toolgate_admin::{Admin, Once};
use toolgate_http::ReplyBody;

use crate::Api;
use crate::handle::Visit;
use crate::operation::Run;
use crate::problem::Problem;
use crate::reply;

/// The key a client chooses for a write, in any form it likes.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_MAX: usize = 200;
/// What a repeated answer says of what it leaves out.
pub(crate) const NOTE: &str = "this was made by an earlier request with the same Idempotency-Key; what is shown once is not shown again";

/// What an act came to.
struct Done {
    status: StatusCode,
    body: Vec<u8>,
    is_repeated: bool,
}

/// Acts for a request, and answers.
pub(crate) async fn act(
    api: &Arc<Api>,
    visit: Arc<Visit>,
    path: &str,
    headers: &HeaderMap,
) -> Result<Response<ReplyBody>, Problem> {
    let key = key_of(&visit, headers)?;
    let actor = visit.caller.actor().clone();
    let path = path.to_owned();
    let acting = api.pool().act(actor, move |admin| match key {
        None => run(&visit, admin),
        Some(key) => run_once(&visit, admin, &path, &key),
    });
    let done = acting.await?;
    let mut response = reply::json(done.status, done.body);
    if done.is_repeated {
        let value = HeaderValue::from_static("true");
        response.headers_mut().insert(reply::REPLAYED, value);
    }
    Ok(response)
}

/// The key under which a write is done once, if it has one.
fn key_of(visit: &Visit, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    if visit.operation.reads_only || visit.operation.method != hyper::Method::POST {
        return Ok(None);
    }
    let mut keys = headers.get_all(HEADER).iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let is_key = |text: &&str| {
        (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match key.to_str().ok().filter(is_key) {
        Some(text) if keys.next().is_none() => Ok(Some(text.to_owned())),
        _ => Err(Problem::malformed(
            "an Idempotency-Key has 1 to 200 visible characters and stands there once",
        )),
    }
}

fn run(visit: &Visit, admin: &Admin) -> Result<Done, Problem> {
    let Run::Act(act) = &visit.operation.run else {
        return Err(Problem::no_such_path());
    };
    Ok(Done {
        status: visit.operation.status,
        body: act(&visit.with(admin), &visit.asked)?,
        is_repeated: false,
    })
}

fn run_once(visit: &Visit, admin: &Admin, path: &str, key: &str) -> Result<Done, Problem> {
    let asked = &visit.asked;
    let request = [path.as_bytes(), asked.query.as_bytes(), &asked.body];
    match admin.begin_once(key, &request)? {
        Once::Begun => {}
        Once::Done { status, answer } => return repeated(visit, status, answer),
        Once::UnderWay { .. } => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "under_way",
                "a request with this Idempotency-Key is under way, or was cut off before it ended",
            )
            .hint("ask again in a moment; if this stays, look whether it was done and use another key")
            .retry_after(1));
        }
        Once::Other => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "key_reused",
                "this Idempotency-Key was used for another request",
            )
            .hint("use a new key for each write"));
        }
    }
    let done = run(visit, admin);
    let remembered = done
        .as_ref()
        .ok()
        .map(|done| (done.status.as_u16(), without_secrets(visit, &done.body)));
    let answer = remembered
        .as_ref()
        .map(|(status, text)| (*status, text.as_str()));
    // The write is done or refused by now; a key that could not be settled reads as cut off.
    let _ = admin.finish_once(key, answer);
    done
}

/// The answer to keep: what is shown once is left out, and that is said.
fn without_secrets(visit: &Visit, body: &[u8]) -> String {
    let shown_once = visit.operation.shown_once;
    if shown_once.is_empty() {
        return String::from_utf8_lossy(body).into_owned();
    }
    let mut value: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| !shown_once.contains(&name.as_str()));
        members.insert("note".to_owned(), NOTE.into());
    }
    value.to_string()
}

/// What is left of an answer that had something to show once is answered with 200: nothing was made now.
fn repeated(visit: &Visit, status: u16, answer: String) -> Result<Done, Problem> {
    let status = match visit.operation.shown_once {
        [] => StatusCode::from_u16(status).map_err(|_| Problem::broke_off())?,
        _ => StatusCode::OK,
    };
    Ok(Done {
        status,
        body: answer.into_bytes(),
        is_repeated: true,
    })
}

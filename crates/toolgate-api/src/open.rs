//! Paths whose code is all that is presented: what an invitation opens.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Body;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use toolgate_admin::Actor;
use toolgate_http::ReplyBody;
use toolgate_http::serve::{BodyPace, content_length, read_body};

use crate::authenticate::counted;
use crate::handle::check_content_type;
use crate::operation::{Asked, Operation, PathParams, Run};
use crate::problem::Problem;
use crate::{Api, reply};

/// There is next to nothing to say.
const MAX_BODY: usize = 8 * 1024;
/// The segment that holds the code.
const CODE: &str = "code";

/// Answers whoever holds a code. One that opens nothing counts as a guess (S-37), and takes no turn of those who act.
pub(crate) async fn answer<B>(
    api: &Arc<Api>,
    operation: &'static Operation,
    params: PathParams,
    parts: &Parts,
    body: B,
    peer: IpAddr,
) -> Result<Response<ReplyBody>, Problem>
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    check_content_type(operation, &parts.headers)?;
    let length = content_length(&parts.headers);
    let body = read_body(body, length, MAX_BODY, BodyPace::default()).await?;
    if operation.body.is_none() && !body.is_empty() {
        return Err(Problem::malformed("this operation takes no body"));
    }
    let asked = Asked {
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
    };
    let code = params.get(CODE).to_owned();
    let known = api
        .pool()
        .look_up(move |admin| admin.show_invitation(&code).map(drop));
    if let Err(problem) = known.await {
        return Err(refused(api, parts, peer, problem));
    }
    let acting = api.pool().act(Actor::invited(), move |admin| {
        let Run::Open(act) = &operation.run else {
            return Err(Problem::no_such_path());
        };
        act(admin, params.get(CODE), &asked)
    });
    match acting.await {
        Ok(body) => Ok(reply::json(operation.status, body)),
        Err(problem) => Err(refused(api, parts, peer, problem)),
    }
}

/// Whatever opens nothing gets one answer, whyever (S-36).
fn refused(api: &Api, parts: &Parts, peer: IpAddr, problem: Problem) -> Problem {
    if problem.status != StatusCode::NOT_FOUND {
        return problem.without_host();
    }
    let nothing = Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "this code opens nothing: it was used or taken back, or it is too late",
    )
    .hint("ask whoever invited you for a new one");
    counted(api, &parts.headers, peer, nothing)
}

//! One request from first byte to answer: is it for us, where does it lead, who asks, may they, what is asked, act.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::{Body, Bytes};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use toolgate_admin::{Admin, WorkspaceScope};
use toolgate_http::ReplyBody;
use toolgate_http::serve::{BodyPace, Found, content_length, read_body};

use crate::authenticate::{Known, authenticate};
use crate::operation::{Act, Asked, AuthPolicy, Operation, PathParams, Run};
use crate::problem::Problem;
use crate::{Api, Caller, download, live, once, open, openapi, reply, routes, session};

/// Longest request body.
const MAX_BODY: usize = 1024 * 1024;

/// Answers one request.
pub(crate) async fn handle<B>(
    api: &Arc<Api>,
    request: Request<B>,
    peer: IpAddr,
) -> Response<ReplyBody>
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    let (parts, body) = request.into_parts();
    let mut response = match answer(api, &parts, body, peer).await {
        Ok(response) => response,
        Err(problem) => reply::problem(problem),
    };
    reply::secure(response.headers_mut(), api.config().tls);
    response
}

async fn answer<B>(
    api: &Arc<Api>,
    parts: &Parts,
    body: B,
    peer: IpAddr,
) -> Result<Response<ReplyBody>, Problem>
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    let (operation, params) = find(api, parts)?;
    if let Run::Open(_) = operation.run {
        return open::answer(api, operation, params, parts, body, peer).await;
    }
    if operation.access == AuthPolicy::Public {
        return public(api, operation, parts, body, peer).await;
    }
    let Known { caller, session } = authenticate(api, parts, peer).await?;
    let is_operator = caller.is_operator();
    let answer = known(api, operation, params, (caller, session), parts, body).await;
    answer.map_err(|problem| {
        if is_operator {
            problem
        } else {
            problem.without_host()
        }
    })
}

/// The operation a request leads to, if it is for us at all (S-58).
fn find(api: &Api, parts: &Parts) -> Result<(&'static Operation, PathParams), Problem> {
    if let Err(error) = api.config().hosts.check(&parts.uri, &parts.headers) {
        return Err(Problem::forbidden(error.to_string())
            .hint("say which names are served with `toolgatectl serve --public-url`"));
    }
    match routes::table().find(&parts.method, parts.uri.path()) {
        Found::Route(found) => {
            let params = PathParams::of(found.handler.path, &found.params);
            Ok((found.handler, params))
        }
        Found::MethodNotAllowed { allow } => {
            let mut problem = Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                format!("this path takes {allow}"),
            );
            problem.allow = Some(allow);
            Err(problem)
        }
        Found::NotFound => Err(Problem::no_such_path()),
        Found::BadPath => Err(Problem::malformed(
            "the path could be read in more than one way",
        )),
    }
}

async fn public<B>(
    api: &Arc<Api>,
    operation: &Operation,
    parts: &Parts,
    body: B,
    peer: IpAddr,
) -> Result<Response<ReplyBody>, Problem>
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    match operation.run {
        Run::Document => Ok(reply::json(StatusCode::OK, openapi::text())),
        Run::Session => session::answer(api, parts, body, peer).await,
        Run::Act(_) | Run::Open(_) | Run::Feed(_) | Run::Download(_) | Run::Asset => api
            .dashboard()
            .answer(parts.uri.path(), &parts.headers)
            .ok_or_else(Problem::no_such_path),
    }
}

/// Answers somebody who is known.
async fn known<B>(
    api: &Arc<Api>,
    operation: &'static Operation,
    params: PathParams,
    (caller, session): (Caller, Option<String>),
    parts: &Parts,
    body: B,
) -> Result<Response<ReplyBody>, Problem>
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    let workspace = workspace(api, &caller, &params).await?;
    if !operation.access.allows(&caller) {
        return Err(refused(operation, &caller));
    }
    check_content_type(operation, &parts.headers)?;
    let length = content_length(&parts.headers);
    let body = read_body(body, length, MAX_BODY, BodyPace::default()).await?;
    if operation.body.is_none() && !body.is_empty() {
        return Err(Problem::malformed("this operation takes no body"));
    }
    let visit = Arc::new(Visit {
        operation,
        caller,
        workspace,
        params,
        session,
        asked: Asked {
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body,
        },
    });
    match &operation.run {
        Run::Feed(_) => live::stream(api, visit).await,
        Run::Download(_) => download::send(api, visit).await,
        Run::Act(_) | Run::Open(_) | Run::Document | Run::Asset | Run::Session => {
            once::act(api, visit, parts.uri.path(), &parts.headers).await
        }
    }
}

/// The workspace of the path. One that is not the caller's reads exactly as one that is not there (S-36, S-45).
async fn workspace(
    api: &Api,
    caller: &Caller,
    params: &PathParams,
) -> Result<Option<WorkspaceScope>, Problem> {
    let Some(named) = params.find(routes::WORKSPACE) else {
        return Ok(None);
    };
    if let Some(home) = caller.home() {
        let is_home = named == home.slug().as_str() || named == home.workspace().as_str();
        return if is_home {
            Ok(Some(home.clone()))
        } else {
            Err(Problem::unknown_workspace(named))
        };
    }
    let name = named.to_owned();
    let found = api.pool().look_up(move |admin| admin.scope_of(&name));
    found.await.map(Some)
}

fn refused(operation: &Operation, caller: &Caller) -> Problem {
    match operation.access {
        AuthPolicy::Operator => Problem::forbidden("this takes a key of an operator's")
            .hint("whoever has the host makes one: `toolgatectl key create NAME`"),
        _ => Problem::forbidden(format!(
            "this takes an Admin token, and this one is {}",
            caller.role().as_str()
        ))
        .hint("ask an Admin of the workspace, or use a token with the role admin"),
    }
}

/// Only JSON changes anything: a form of another site could send anything else (S-76).
pub(crate) fn check_content_type(
    operation: &Operation,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    if operation.reads_only || operation.body.is_none() {
        return Ok(());
    }
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let kind = kinds.next().and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    let is_json = essence.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    if is_json && kinds.next().is_none() {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "what changes something has to be JSON",
    )
    .hint("send `Content-Type: application/json`, and `{}` where there is nothing to say"))
}

/// A request of somebody who is known and may.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) operation: &'static Operation,
    pub(crate) caller: Caller,
    pub(crate) workspace: Option<WorkspaceScope>,
    pub(crate) params: PathParams,
    pub(crate) asked: Asked,
    /// Id of the session whose cookie came with it, when that is how the caller is known.
    pub(crate) session: Option<String>,
}

impl Visit {
    /// Whether the caller is still who they were, for what takes long: neither the session ended (S-77) nor what it
    /// stands on (S-41).
    pub(crate) fn is_still_known(&self, api: &Api, admin: &Admin) -> bool {
        let mut session = self.session.iter();
        session.all(|id| api.door().holds(id)) && self.caller.is_still_known(admin)
    }

    /// What its act works with.
    pub(crate) fn with<'a>(&'a self, admin: &'a Admin) -> Act<'a> {
        Act {
            admin,
            caller: &self.caller,
            workspace: self.workspace.as_ref(),
            params: &self.params,
        }
    }
}

//! The lists, merged from all servers, in either era (9.1 to 9.3, 9.9).

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use toolgate_policy::permit_list;
use toolgate_protocol::{JsonKind, Object, Revision, RpcError, codes};
use toolgate_router::{Listed, Position};
use toolgate_upstream::ListKind;

use super::Visit;

const PURPOSE: &str = "cursor";
/// How long a cursor may be used (S-44).
const LIFETIME_MS: u64 = 10 * 60 * 1000;

/// What a cursor holds.
#[derive(Serialize, Deserialize)]
struct Sealed<P> {
    p: P,
    e: u64,
}

/// Answers a list; `None` when the method is none. The result is written for a client of that revision.
pub(super) async fn list(
    visit: &Visit<'_>,
    revision: Revision,
    method: &str,
    params: &Object,
) -> Option<Result<Bytes, RpcError>> {
    let kind = match method {
        "tools/list" => return Some(tools(visit, revision, params).await),
        "prompts/list" => return Some(prompts(visit, revision, params).await),
        "resources/list" => ListKind::Resources,
        "resources/templates/list" => ListKind::ResourceTemplates,
        _ => return None,
    };
    Some(resources(visit, revision, kind, params).await)
}

/// Which list a method asks for.
pub(super) fn kind(method: &str) -> Option<Listed> {
    match method {
        "tools/list" => Some(Listed::Tools),
        "prompts/list" => Some(Listed::Prompts),
        "resources/list" | "resources/templates/list" => Some(Listed::Resources),
        _ => None,
    }
}

async fn tools(visit: &Visit<'_>, revision: Revision, params: &Object) -> Result<Bytes, RpcError> {
    no_cursor(params)?;
    let catalog = visit.admitted.workspace.workspace.ready().await;
    let permitted = permit_list(visit.admitted.principal.clone(), ());
    let server_info = visit.gateway.server_info();
    Ok(catalog.list_for(permitted.principal(), revision, server_info))
}

async fn prompts(
    visit: &Visit<'_>,
    revision: Revision,
    params: &Object,
) -> Result<Bytes, RpcError> {
    no_cursor(params)?;
    let catalog = visit.admitted.workspace.workspace.prompts_ready().await;
    Ok(catalog.prompts_for(revision, visit.gateway.server_info()))
}

async fn resources(
    visit: &Visit<'_>,
    revision: Revision,
    kind: ListKind,
    params: &Object,
) -> Result<Bytes, RpcError> {
    let from = match cursor(params) {
        None => None,
        Some(text) => Some(open(visit, kind, &text?).ok_or_else(bad_cursor)?),
    };
    let workspace = &visit.admitted.workspace.workspace;
    let page = workspace.resource_page(kind, from.as_ref()).await;
    let page = page.map_err(|_| bad_cursor())?;
    let next = match &page.next {
        None => None,
        Some(position) => seal(visit, kind, position),
    };
    Ok(page.write(kind, revision, visit.gateway.server_info(), next.as_deref()))
}

/// The cursor of a request; `null` and the empty text count as none, since we give out neither (P9.57).
fn cursor(params: &Object) -> Option<Result<String, RpcError>> {
    let cursor = params.get("cursor")?;
    if cursor.kind() == JsonKind::Null || cursor.as_str() == "\"\"" {
        return None;
    }
    Some(cursor.text().map(Into::into).ok_or_else(bad_cursor))
}

/// Lists that come in one page give out no cursor, so none is ours (P9.54).
fn no_cursor(params: &Object) -> Result<(), RpcError> {
    match cursor(params) {
        None => Ok(()),
        Some(_) => Err(bad_cursor()),
    }
}

/// A place in a list, sealed for this token, workspace and list (P9.55).
fn seal(visit: &Visit<'_>, kind: ListKind, position: &Position) -> Option<String> {
    let sealed = Sealed {
        p: position,
        e: visit.gateway.now_ms() + LIFETIME_MS,
    };
    let plain = serde_json::to_vec(&sealed).ok()?;
    let token = visit.admitted.principal.token();
    let context = [
        token.id.as_str().as_bytes(),
        token.workspace.as_str().as_bytes(),
        kind.method().as_bytes(),
    ];
    let handles = visit.gateway.handles();
    handles.seal_bound(PURPOSE, &context, &plain).ok()
}

fn open(visit: &Visit<'_>, kind: ListKind, cursor: &str) -> Option<Position> {
    let token = visit.admitted.principal.token();
    let context = [
        token.id.as_str().as_bytes(),
        token.workspace.as_str().as_bytes(),
        kind.method().as_bytes(),
    ];
    let handles = visit.gateway.handles();
    let plain = handles.open_bound(PURPOSE, &context, cursor).ok()?;
    let sealed: Sealed<Position> = serde_json::from_slice(&plain).ok()?;
    (sealed.e > visit.gateway.now_ms()).then_some(sealed.p)
}

fn bad_cursor() -> RpcError {
    RpcError::new(
        codes::INVALID_PARAMS,
        "this cursor was not issued here, is too old, or its server is gone; list again without one",
    )
}

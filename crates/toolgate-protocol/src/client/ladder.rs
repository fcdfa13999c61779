//! The checks a modern request climbs before it is served (section 5.3).

use std::borrow::Cow;

use super::{HeaderLookup, Headers, MCP_METHOD, MCP_NAME, PROTOCOL_VERSION, Rejection};
use crate::mcp::meta;
use crate::{Era, Json, Object, Request, Revision, RpcError, codes};

/// What the gateway serves by modern rules: `data.supported` of -32022 and `supportedVersions` of
/// `server/discover` (P5.6).
pub const SUPPORTED_VERSIONS: &[Revision] = &[Revision::V2026_07_28];

/// The methods a modern client may call (P5.10). Tasks are not offered yet (P9.50).
const METHODS: [&str; 10] = [
    "server/discover",
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "completion/complete",
    "subscriptions/listen",
];

/// The levels of log, least severe first.
const LOG_LEVELS: [&str; 8] = [
    "debug",
    "info",
    "notice",
    "warning",
    "error",
    "critical",
    "alert",
    "emergency",
];

/// Which methods climb past the third step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Methods {
    /// Those of the specification (P5.10).
    Known,
    /// All: a workspace with one server and no prefix forwards what it does not know (P3.10).
    Any,
}

/// What the `_meta` of a modern request says.
#[derive(Debug, Clone)]
pub struct ModernMeta {
    /// The revision the request is written in.
    pub revision: Revision,
    /// What the client can do, for this request alone (P5.19).
    pub capabilities: Object,
    /// Who the client says it is.
    pub client_info: Option<Json>,
    /// The least severe level of log the client wants on this request's stream (P9.35).
    pub log_level: Option<Box<str>>,
    /// The token the client wants on progress notifications (P9.38).
    pub progress_token: Option<Json>,
    /// The whole `_meta`; what of it is forwarded is up to [`crate::upstream::modern_meta`] (P9.67).
    pub meta: Object,
}

/// Checks P5.8 to P5.12 in order; the first failure is the answer.
pub fn check_modern(request: &Request, headers: &impl Headers) -> Result<ModernMeta, Rejection> {
    check_modern_with(request, headers, Methods::Known)
}

/// The same with a choice of methods.
pub fn check_modern_with(
    request: &Request,
    headers: &impl Headers,
    methods: Methods,
) -> Result<ModernMeta, Rejection> {
    let meta = request
        .params
        .object("_meta")
        .ok_or_else(|| bad_meta("_meta is required and must be an object", request))?;
    let (version, capabilities) = check_envelope(&meta, request)?;
    let revision = check_version(&version, request, headers)?;
    if methods == Methods::Known && !METHODS.contains(&&*request.method) {
        return Err(reject(
            404,
            codes::METHOD_NOT_FOUND,
            "this method is not served",
            request,
        ));
    }
    check_mirrors(request, headers)?;
    let log_level = check_log_level(&meta, request)?;
    Ok(ModernMeta {
        revision,
        capabilities,
        client_info: meta.get(meta::CLIENT_INFO),
        log_level,
        progress_token: meta.get(meta::PROGRESS_TOKEN),
        meta,
    })
}

/// Step 1 (P5.8): the members that `_meta` must have.
fn check_envelope<'m>(
    meta: &'m Object,
    request: &Request,
) -> Result<(Cow<'m, str>, Object), Rejection> {
    let version = meta.text_ref(meta::PROTOCOL_VERSION).ok_or_else(|| {
        bad_meta(
            "_meta.io.modelcontextprotocol/protocolVersion must be a string",
            request,
        )
    })?;
    let capabilities = meta.object(meta::CLIENT_CAPABILITIES).ok_or_else(|| {
        bad_meta(
            "_meta.io.modelcontextprotocol/clientCapabilities must be an object",
            request,
        )
    })?;
    if let Some(info) = meta.get(meta::CLIENT_INFO) {
        let has = |key| info.raw(key).is_some_and(|value| value.starts_with(b"\""));
        if !has("name") || !has("version") {
            return Err(bad_meta(
                "_meta.io.modelcontextprotocol/clientInfo must have a name and a version",
                request,
            ));
        }
    }
    Ok((version, capabilities))
}

/// Step 2 (P5.9): the header repeats the version, and we serve it.
fn check_version(
    version: &str,
    request: &Request,
    headers: &impl Headers,
) -> Result<Revision, Rejection> {
    if headers.header(PROTOCOL_VERSION).trimmed() != Some(version) {
        let what = "the MCP-Protocol-Version header must be there once and equal the body";
        return Err(Rejection::header_mismatch(what, Some(request.id.clone())));
    }
    Revision::parse(version)
        .filter(|revision| SUPPORTED_VERSIONS.contains(revision))
        .ok_or_else(|| Rejection::unsupported_version(Some(version), Some(request.id.clone())))
}

/// Step 4 (P5.11, P5.12): the headers that repeat the method and the name.
fn check_mirrors(request: &Request, headers: &impl Headers) -> Result<(), Rejection> {
    let mismatch = |what| Err(Rejection::header_mismatch(what, Some(request.id.clone())));
    if headers.header(MCP_METHOD).trimmed() != Some(&*request.method) {
        return mismatch("the Mcp-Method header must be there once and equal the body");
    }
    let Some(member) = mirrored_member(&request.method) else {
        return Ok(());
    };
    let lookup = headers.header(MCP_NAME);
    let agrees = match request.params.text_ref(member) {
        Some(name) => lookup.mirrors(&name),
        // Nothing to repeat; that the member is missing is for the method to say.
        None => lookup == HeaderLookup::Absent,
    };
    if agrees {
        Ok(())
    } else {
        mismatch("the Mcp-Name header must be there once and equal the body")
    }
}

/// The member of the params that `Mcp-Name` repeats (P5.11).
pub(crate) fn mirrored_member(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// Whether this is one of the eight levels of log.
pub fn is_log_level(level: &str) -> bool {
    LOG_LEVELS.contains(&level)
}

/// The last of all: a member that is not required, so its failure is an ordinary one (table 4.1).
fn check_log_level(meta: &Object, request: &Request) -> Result<Option<Box<str>>, Rejection> {
    if !meta.contains(meta::LOG_LEVEL) {
        return Ok(None);
    }
    match meta.text(meta::LOG_LEVEL) {
        Some(level) if is_log_level(&level) => Ok(Some(level.into())),
        _ => Err(reject(
            200,
            codes::INVALID_PARAMS,
            "the log level is not known",
            request,
        )),
    }
}

fn bad_meta(what: &str, request: &Request) -> Rejection {
    reject(400, codes::INVALID_PARAMS, what, request)
}

fn reject(status: u16, code: i64, what: &str, request: &Request) -> Rejection {
    Rejection {
        status,
        error: RpcError::new(code, what),
        id: Some(request.id.clone()),
        era: Era::Modern,
    }
}

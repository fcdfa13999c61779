//! What a request is for: the one server that gets it, and what it is asked there.

use std::borrow::Cow;
use std::sync::Arc;

use toolgate_namespace::Prefix;
use toolgate_policy::{
    Permitted, Principal, Role, Standing, ToolRules, may_see, permit_call, permit_list,
};
use toolgate_protocol::mcp::CompletionRef;
use toolgate_protocol::{Era, Json, JsonKind, Object, RpcError, codes};
use toolgate_router::{CatalogTool, Link, LinkCall, Workspace};

use super::Visit;
use crate::reply;
use crate::snapshot::Admitted;
use crate::snapshot::{TokenEntry, WorkspaceEntry};

/// The requests that one server answers; everything else the gateway answers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Method {
    CallTool,
    GetPrompt,
    ReadResource,
    Complete,
    /// One that the gateway does not know, in a workspace whose one server may (P3.10).
    Other(Box<str>),
}

impl Method {
    pub(super) fn parse(method: &str) -> Option<Self> {
        match method {
            "tools/call" => Some(Self::CallTool),
            "prompts/get" => Some(Self::GetPrompt),
            "resources/read" => Some(Self::ReadResource),
            "completion/complete" => Some(Self::Complete),
            _ => None,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::CallTool => "tools/call",
            Self::GetPrompt => "prompts/get",
            Self::ReadResource => "resources/read",
            Self::Complete => "completion/complete",
            Self::Other(method) => method,
        }
    }

    /// The method as an upstream call has it.
    pub(super) fn to_upstream(&self) -> Cow<'static, str> {
        match self {
            Self::CallTool => Cow::Borrowed("tools/call"),
            other => Cow::Owned(other.as_str().to_owned()),
        }
    }

    /// Whether the server may ask the client something before it answers (P9.23, P11.22).
    pub(super) fn may_interact(&self) -> bool {
        !matches!(self, Self::Complete | Self::Other(_))
    }

    /// The method of a request that a server may know although the gateway does not: in a workspace of one
    /// server without a prefix, of the client's own era, for a token that may do everything there (P3.10).
    pub(super) fn unknown(method: &str, admitted: &Admitted, era: Era) -> Option<Self> {
        let [only] = admitted.workspace.workspace.links() else {
            return None;
        };
        let token = admitted.principal.token();
        let may_all = token.role >= Role::Developer && token.rules == ToolRules::all();
        let same_era = only.snapshot()?.revision.era() == era;
        let forwarded = only.spec().prefix == Prefix::None && same_era && may_all;
        forwarded.then(|| Self::Other(method.into()))
    }
}

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) method: Method,
    pub(super) link: Arc<Link>,
    /// The tool, of a tool call.
    pub(super) tool: Option<Arc<CatalogTool>>,
    /// The server's own name of the tool or prompt.
    pub(super) name: Option<Box<str>>,
    /// The parameters, with URIs as the server knows them.
    pub(super) params: Object,
    /// The URI as the server knows it and as the client does, where the two differ (P9.20).
    pub(super) shown: Option<Shown>,
}

/// One resource under two names.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) own: String,
    pub(super) shown: String,
}

/// What a request leads to.
#[derive(Debug)]
pub(super) enum Route {
    To(Target),
    /// The gateway has the answer.
    Answer(Json),
}

impl Target {
    fn new(method: Method, link: Arc<Link>, params: Object) -> Self {
        Self {
            method,
            link,
            tool: None,
            name: None,
            params,
            shown: None,
        }
    }

    /// Asks policy. Reading, prompts and completion are for every role (S-40).
    pub(super) fn permit(
        &self,
        principal: Principal,
        token: &TokenEntry,
        workspace: &WorkspaceEntry,
        call: toolgate_upstream::Call,
    ) -> Result<Permitted<LinkCall>, RpcError> {
        let call = LinkCall {
            link: self.link.clone(),
            call,
            token: token.bulkhead.clone(),
            workspace: workspace.bulkhead.clone(),
        };
        let Some(tool) = &self.tool else {
            return Ok(permit_list(principal, call));
        };
        let access = tool.access(workspace.workspace.catalog().read_only_all());
        permit_call(principal, access, call).map_err(|_| reply::unknown_tool())
    }

    /// The same target by what is in force now (S-41): its server is still there and, where it is a tool, nobody
    /// blocked it and the token may call it. `None` when the request may not go on.
    ///
    /// A tool that its server took off its list meanwhile is no block: a call of it that is under way ends as its
    /// server sees fit.
    pub(super) fn renewed(&self, admitted: &Admitted) -> Option<Renewed> {
        let workspace = &admitted.workspace.workspace;
        let id = &self.link.spec().id;
        let link = workspace.link_of(id)?;
        let Some(tool) = &self.tool else {
            return Some(Renewed {
                link: link.clone(),
                tool: None,
                is_listed: true,
            });
        };
        let is_disabled = link.known().is_some_and(|pins| {
            let mut pinned = pins.tools.iter();
            pinned.any(|pin| {
                pin.standing == Standing::Disabled && pin.definition.name == tool.definition.name
            })
        });
        if is_disabled {
            return None;
        }
        let catalog = workspace.catalog();
        let listed = catalog.find(tool.exposed.as_str()).filter(|now| {
            Arc::ptr_eq(&now.link, link) && now.definition.name == tool.definition.name
        });
        let now = listed.unwrap_or(tool);
        may_see(&admitted.principal, now.access(catalog.read_only_all())).then(|| Renewed {
            link: link.clone(),
            tool: Some(now.clone()),
            is_listed: listed.is_some(),
        })
    }
}

/// What [`Target::renewed`] found.
#[derive(Debug)]
pub(super) struct Renewed {
    pub(super) link: Arc<Link>,
    pub(super) tool: Option<Arc<CatalogTool>>,
    /// Whether the tool can still be called anew.
    pub(super) is_listed: bool,
}

/// Finds the server. Errors are those of the method's parameters (table 4.1).
pub(super) async fn find(
    visit: &Visit<'_>,
    era: Era,
    method: Method,
    params: Object,
) -> Result<Route, RpcError> {
    let workspace = &visit.admitted.workspace.workspace;
    // Boxed but for the common one, so that the future of a tool call does not carry the others.
    match method {
        Method::CallTool => call_tool(visit, era, params).await,
        Method::GetPrompt => Box::pin(get_prompt(workspace, params)).await,
        Method::ReadResource => {
            let principal = visit.admitted.principal.token().id.as_str();
            Box::pin(read_resource(workspace, principal, era, params)).await
        }
        Method::Complete => Box::pin(complete(workspace, params)).await,
        Method::Other(_) => match workspace.links() {
            [only] => Ok(Route::To(Target::new(method, only.clone(), params))),
            _ => Err(reply::unknown_method()),
        },
    }
}

async fn call_tool(visit: &Visit<'_>, era: Era, params: Object) -> Result<Route, RpcError> {
    let workspace = &visit.admitted.workspace.workspace;
    let name = name_of(&params, "tool")?;
    check_arguments(&params)?;
    let known = workspace.catalog().find(&name).cloned();
    let found = match known {
        Some(tool) => Some(tool),
        None => Box::pin(workspace.find(&name)).await,
    };
    let Some(tool) = found else {
        // Only whoever might call the tool is told that its server does not answer (P5.14).
        let rules = &visit.admitted.principal.token().rules;
        let silent = workspace
            .unreachable_owner(&name)
            .filter(|_| rules.allows(&name));
        return Err(match silent {
            Some(link) => reply::silent_server(link.spec().slug.as_str(), era),
            None => reply::unknown_tool(),
        });
    };
    Ok(Route::To(Target {
        name: Some((*tool.definition.name).into()),
        tool: Some(tool.clone()),
        ..Target::new(Method::CallTool, tool.link.clone(), params)
    }))
}

async fn get_prompt(workspace: &Workspace, params: Object) -> Result<Route, RpcError> {
    let name = name_of(&params, "prompt")?;
    check_arguments(&params)?;
    let Some(prompt) = workspace.find_prompt(&name).await else {
        return Err(reply::unknown_prompt());
    };
    Ok(Route::To(Target {
        name: Some(prompt.name.clone()),
        ..Target::new(Method::GetPrompt, prompt.link.clone(), params)
    }))
}

async fn read_resource(
    workspace: &Workspace,
    principal: &str,
    era: Era,
    params: Object,
) -> Result<Route, RpcError> {
    let Some(uri) = params.text("uri") else {
        let what = "`params.uri` must be the URI of a resource";
        return Err(RpcError::new(codes::INVALID_PARAMS, what));
    };
    let Some(resolved) = workspace.resolve(principal, &uri).await else {
        return Err(reply::unknown_resource(&uri, era));
    };
    if resolved.own == uri {
        let target = Target::new(Method::ReadResource, resolved.link, params);
        return Ok(Route::To(target));
    }
    let params = params
        .edit()
        .set("uri", Json::from_text(&resolved.own))
        .object();
    Ok(Route::To(Target {
        shown: Some(Shown {
            own: resolved.own,
            shown: uri,
        }),
        ..Target::new(Method::ReadResource, resolved.link, params)
    }))
}

/// P9.24 and P9.25: by prompt or by template; a server without completions has none to give.
async fn complete(workspace: &Workspace, params: Object) -> Result<Route, RpcError> {
    let Some(reference) = CompletionRef::parse(&params) else {
        let what = "`params.ref` must name a prompt (`ref/prompt`) or a resource template (`ref/resource`)";
        return Err(RpcError::new(codes::INVALID_PARAMS, what));
    };
    let (link, own) = match reference {
        CompletionRef::Prompt(name) => {
            let found = workspace.find_prompt(&name).await;
            let prompt = found.ok_or_else(reply::unknown_prompt)?;
            (prompt.link.clone(), prompt.name.to_string())
        }
        CompletionRef::Resource(uri) => {
            let found = workspace.resolve_template(&uri).await;
            let resolved = found.ok_or_else(reply::unknown_template)?;
            (resolved.link, resolved.own)
        }
    };
    if !link.offers("completions") {
        let nothing = r#"{"completion":{"values":[],"total":0,"hasMore":false}}"#;
        return Ok(Route::Answer(Json::literal(nothing)));
    }
    let params = CompletionRef::replaced(&params, &own);
    Ok(Route::To(Target::new(Method::Complete, link, params)))
}

fn name_of(params: &Object, what: &str) -> Result<String, RpcError> {
    params.text("name").ok_or_else(|| {
        let message = format!("`params.name` must be the name of a {what}");
        RpcError::new(codes::INVALID_PARAMS, message)
    })
}

fn check_arguments(params: &Object) -> Result<(), RpcError> {
    match params.get("arguments") {
        Some(arguments) if arguments.kind() != JsonKind::Object => Err(RpcError::new(
            codes::INVALID_PARAMS,
            "`params.arguments` must be an object",
        )),
        _ => Ok(()),
    }
}

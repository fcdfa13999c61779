//! What clients want to be told of resources (P9.43, P9.48).

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use toolgate_namespace::{Isolation, ServerSpec, Transport};
use toolgate_policy::Principal;
use toolgate_protocol::{Era, Json, Object, RpcError, codes};
use toolgate_router::Workspace;
use toolgate_upstream::{IsolationKey, Watch, WatchError};

use super::Visit;
use crate::gateway::Gateway;
use crate::notices::Mailbox;
use crate::reply;
use crate::session::Session;

/// How long one server may take to agree; what is not done then is left out (P9.43).
const AGREE: Duration = Duration::from_secs(2);

/// Makes every server of a workspace tell of changed lists, as far as they can do so in time. One that is known
/// to be down is asked behind the answer: what it has to tell begins when it is back (P9.41).
pub(super) async fn hear_lists(gateway: &Gateway, workspace: &Workspace) {
    let links = workspace.links().iter();
    let (down, up): (Vec<_>, Vec<_>) = links.partition(|link| link.is_down());
    for link in down {
        gateway.hear(link);
    }
    let asked = up.into_iter().map(|link| async move {
        // A server that does not agree in time is heard of when its list is read again.
        let _ = tokio::time::timeout(AGREE, link.upstream().watch_lists()).await;
    });
    join_all(asked).await;
}

/// `resources/subscribe` of an older client: answered once the server agreed.
pub(super) async fn subscribe(
    visit: &Visit<'_>,
    session: &Session,
    params: &Object,
) -> Result<(), RpcError> {
    let uri = uri_of(params)?;
    let principal = &visit.admitted.principal;
    let workspace = &visit.admitted.workspace.workspace;
    let watcher = Watcher {
        principal,
        session: Some(session.id.clone()),
        capabilities: &session.capabilities,
    };
    let agreed = watch(workspace, &watcher, &uri).await?;
    if session.keep_watch(&uri, agreed.server, agreed.own, agreed.watch) {
        return Ok(());
    }
    let what = "this session watches too many resources";
    Err(RpcError::new(codes::INVALID_PARAMS, what))
}

/// `resources/unsubscribe`: nothing happens when the resource was not watched.
pub(super) fn unsubscribe(session: &Session, params: &Object) -> Result<(), RpcError> {
    session.give_up_watch(&uri_of(params)?);
    Ok(())
}

fn uri_of(params: &Object) -> Result<String, RpcError> {
    params.text("uri").ok_or_else(|| {
        let what = "`params.uri` must be the URI of a resource";
        RpcError::new(codes::INVALID_PARAMS, what)
    })
}

/// A resource that is watched for one client.
#[derive(Debug)]
pub(super) struct Watched {
    server: toolgate_namespace::ServerId,
    own: String,
    watch: Watch,
}

impl Watched {
    /// Lets a mailbox hear of it, and keeps what must live as long.
    pub(super) fn heard_by(self, mailbox: &Mailbox, shown: &str) -> Watch {
        mailbox.watch(self.server, self.own, shown.to_owned());
        self.watch
    }
}

/// Who watches a resource.
pub(super) struct Watcher<'a> {
    pub(super) principal: &'a Principal,
    /// The client session; `None` for a listen.
    pub(super) session: Option<Arc<str>>,
    pub(super) capabilities: &'a Json,
}

impl Watcher<'_> {
    /// In whose upstream session the server is asked. Listens share the gateway's own, so that a server sees one
    /// subscription, but where each token has a process of its own: what happens in one of them is not heard in
    /// another.
    fn isolation(&self, spec: &ServerSpec) -> IsolationKey {
        let is_shared = matches!(spec.transport, Transport::Http { .. })
            || matches!(spec.isolation, Isolation::Auto | Isolation::Shared);
        let own = self.session.is_none() && is_shared;
        IsolationKey {
            principal: if own {
                "".into()
            } else {
                self.principal.token().id.shared()
            },
            session: self.session.clone(),
        }
    }
}

/// Watches one resource at the server that owns it.
pub(super) async fn watch(
    workspace: &Workspace,
    watcher: &Watcher<'_>,
    uri: &str,
) -> Result<Watched, RpcError> {
    let token = watcher.principal.token().id.as_str();
    let resolved = workspace.resolve(token, uri).await;
    let resolved = resolved.ok_or_else(|| reply::unknown_resource(uri, Era::Legacy))?;
    let upstream = resolved.link.upstream();
    let who = watcher.isolation(resolved.link.spec());
    let nothing = Json::empty_object();
    let capabilities = match &*who.principal {
        "" => &nothing,
        _ => watcher.capabilities,
    };
    let asked = upstream.watch(&resolved.own, &who, capabilities);
    let cannot = |why: &str| {
        let message = format!("this resource cannot be watched: {why}");
        RpcError::new(codes::INTERNAL_ERROR, message)
    };
    let watch = match tokio::time::timeout(AGREE, asked).await {
        Ok(Ok(watch)) => watch,
        Ok(Err(WatchError::Refused(error))) => return Err(error),
        Ok(Err(WatchError::NotOffered)) => {
            return Err(cannot("its server does not tell of changes"));
        }
        Ok(Err(WatchError::Upstream(_))) => return Err(cannot("its server cannot be reached")),
        Err(_) => return Err(cannot("its server did not agree in time")),
    };
    Ok(Watched {
        server: resolved.link.spec().id.clone(),
        own: resolved.own,
        watch,
    })
}

//! Servers that are part of the gateway: called like any other, over nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use toolgate_namespace::WorkspaceId;
use toolgate_protocol::{Json, JsonLimits, Outcome, Revision, RpcError, codes};

use crate::call::{Call, Event};
use crate::credentials::{CredentialError, Credentials, Injected};
use crate::error::UpstreamErrorKind;
use crate::exchange::Step;
use crate::shared::Shared;

/// Calls that are worked on at once, over all workspaces: each holds a thread, and most wait for the store, which
/// lets one write at a time. Further calls wait for their turn within their time.
static TURNS: Semaphore = Semaphore::const_new(4);

/// A server that is part of the gateway.
pub trait BuiltIn: fmt::Debug + Send + Sync {
    /// Does what a tool is for and answers the result of the call, as JSON. A failure of the tool is such a result
    /// too (`isError`).
    ///
    /// Runs on a thread of its own and may block. It is not stopped when nobody waits for it any more, so it has to
    /// end by itself.
    fn call(&self, call: &BuiltInCall<'_>) -> Bytes;
}

/// A call of a tool that is built in. What may not be called by this caller does not come here.
#[derive(Debug, Clone, Copy)]
pub struct BuiltInCall<'a> {
    /// In which workspace; a caller has no say in it (S-45).
    pub workspace: &'a WorkspaceId,
    /// Who calls: the id of the token.
    pub principal: &'a str,
    /// Which tool, by its own name.
    pub tool: &'a str,
    /// The arguments as they came: an object.
    pub arguments: &'a [u8],
}

/// What is part of the gateway needs no secrets to be spoken to.
#[derive(Debug)]
pub(crate) struct NoCredentials;

impl Credentials for NoCredentials {
    fn open(&self) -> Result<Injected, CredentialError> {
        Ok(Injected::default())
    }

    fn mask(&self, message: Bytes) -> Bytes {
        message
    }
}

/// One request to a server that is built in.
pub(crate) struct BuiltInExchange {
    answering: BoxFuture<'static, Step>,
    /// Whether the work was begun, which nothing stops then.
    begun: Arc<AtomicBool>,
}

impl BuiltInExchange {
    pub(crate) fn new(shared: Arc<Shared>, server: Arc<dyn BuiltIn>, call: Arc<Call>) -> Self {
        let begun = Arc::new(AtomicBool::new(false));
        let answering = answer(shared, server, call, begun.clone()).boxed();
        Self { answering, begun }
    }

    /// Cancel safe.
    pub(crate) async fn step(&mut self) -> Step {
        (&mut self.answering).await
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// What speaks to it from inside is of the newest revision.
    pub(crate) const fn revision() -> Revision {
        Revision::LATEST
    }
}

async fn answer(
    shared: Arc<Shared>,
    server: Arc<dyn BuiltIn>,
    call: Arc<Call>,
    begun: Arc<AtomicBool>,
) -> Step {
    let outcome = match &*call.method {
        "tools/call" => {
            // It is never closed.
            let turn = TURNS.acquire().await.ok();
            begun.store(true, Ordering::Release);
            let at = shared.clone();
            let worked = spawn_blocking(move || {
                // Until the work is done, whoever waits for it.
                let _turn = turn;
                work(&at, &*server, &call)
            });
            let result = worked.await.ok();
            let result = result.and_then(|text| Json::parse(text, &JsonLimits::UPSTREAM).ok());
            let Some(result) = result else {
                let kind = UpstreamErrorKind::Protocol("what is built in failed");
                return Step::Event(Event::Failed(shared.unknown(kind)));
            };
            Outcome::Result(result)
        }
        _ => Outcome::Error(RpcError::new(
            codes::METHOD_NOT_FOUND,
            "what is built in is called, and known without being asked",
        )),
    };
    Step::Event(Event::Done(outcome))
}

fn work(shared: &Shared, server: &dyn BuiltIn, call: &Call) -> Bytes {
    let arguments = call.params.get("arguments");
    let arguments = arguments.unwrap_or_else(Json::empty_object);
    server.call(&BuiltInCall {
        workspace: &shared.spec.workspace,
        principal: &call.isolation.principal,
        tool: call.name.as_deref().unwrap_or_default(),
        arguments: arguments.bytes(),
    })
}

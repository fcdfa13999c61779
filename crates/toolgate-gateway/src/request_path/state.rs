//! `requestState`: what a modern client carries between two rounds of one call, sealed (P11.9, P11.21, S-44).

use serde::{Deserialize, Serialize};
use toolgate_policy::Principal;
use toolgate_protocol::mcp::canonical_by_value;
use toolgate_protocol::{Object, RpcError, codes};

use super::target::Target;
use crate::gateway::Gateway;

/// How long a state may be used (P2.4).
const LIFETIME_MS: u64 = 10 * 60 * 1000;
/// The longest state of a server that is carried, as it is spelt, with its quotes (P11.21).
pub(super) const MAX_WRAPPED: usize = 48 * 1024;
const PURPOSE: &str = "request-state";

/// What a state stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// A call of ours that waits at an older server for answers; the handle is good for one use.
    Parked(String),
    /// The state of a modern server as JSON text, to be given back byte for byte; no decoded string holds what
    /// JSON can spell (P3.17).
    Wrapped(String),
    /// Nothing is kept: the call is made again (-32042).
    Reissue,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    s: State,
    e: u64,
}

/// Everything a state is bound to: another token's, another tool's or another argument's does not open.
#[derive(Debug)]
pub(super) struct Binding {
    token: String,
    workspace: String,
    server: String,
    method: String,
    asked: [u8; 32],
}

impl Binding {
    /// Clients serialise again between rounds, so the parameters count by value (P11.9).
    pub(super) fn new(principal: &Principal, target: &Target) -> Self {
        let asked = target
            .params
            .edit()
            .remove("_meta")
            .remove("inputResponses")
            .remove("requestState")
            .json();
        let mut digest = [0; 32];
        let text = canonical_by_value(&asked);
        digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, &text).as_ref());
        let token = principal.token();
        Self {
            token: token.id.as_str().to_owned(),
            workspace: token.workspace.as_str().to_owned(),
            server: target.link.spec().id.as_str().to_owned(),
            method: target.method.as_str().to_owned(),
            asked: digest,
        }
    }

    fn context(&self) -> [&[u8]; 5] {
        [
            self.token.as_bytes(),
            self.workspace.as_bytes(),
            self.server.as_bytes(),
            self.method.as_bytes(),
            &self.asked,
        ]
    }

    /// Seals a state; `None` when there was no randomness.
    pub(super) fn seal(&self, gateway: &Gateway, state: State) -> Option<String> {
        let sealed = Sealed {
            s: state,
            e: gateway.now_ms() + LIFETIME_MS,
        };
        let plain = serde_json::to_vec(&sealed).ok()?;
        let handles = gateway.handles();
        handles.seal_bound(PURPOSE, &self.context(), &plain).ok()
    }

    /// Opens a state; one error for every reason.
    pub(super) fn open(&self, gateway: &Gateway, text: &str) -> Result<State, RpcError> {
        let plain = gateway
            .handles()
            .open_bound(PURPOSE, &self.context(), text)
            .map_err(|_| unusable())?;
        let sealed: Sealed = serde_json::from_slice(&plain).map_err(|_| unusable())?;
        if sealed.e <= gateway.now_ms() {
            return Err(unusable());
        }
        Ok(sealed.s)
    }
}

/// The state a request brings; `None` when it brings none.
pub(super) fn brought(params: &Object) -> Result<Option<String>, RpcError> {
    match params.get("requestState") {
        None => Ok(None),
        Some(state) => match state.text() {
            Some(text) => Ok(Some(text.into_owned())),
            None => Err(unusable()),
        },
    }
}

/// Changed, used, too old, somebody else's or for something else: told in one way (S-44).
pub(super) fn unusable() -> RpcError {
    RpcError::new(
        codes::INVALID_PARAMS,
        "this `requestState` cannot be used for this request; make the request again without it",
    )
}

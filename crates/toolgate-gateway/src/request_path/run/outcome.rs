//! How a call ends: what its client is answered and what is remembered.

use bytes::Bytes;
use hyper::StatusCode;
use toolgate_analytics::CallStatus;
use toolgate_protocol::mcp::{
    adapt_error_for, adapt_result, cut_completion, input_required_result, is_error, linked_uris,
    may_ask, read_result_shown_as, required_capability, url_questions,
};
use toolgate_protocol::{Era, GatewayFault, Json, Object, ObjectEdit, Revision, RpcError, codes};
use toolgate_upstream::UpstreamError;

use super::Inner;
use crate::gateway::Gateway;
use crate::links;
use crate::reply::{self, CallFault};
use crate::request_path::call::Finished;
use crate::request_path::state::{Binding, State};
use crate::request_path::target::{Method, Shown};

/// A result as a client of revision `to` may see it; one of the gateway's own has no `shown` and no server.
pub(in crate::request_path) fn adapted(
    gateway: &Gateway,
    method: &Method,
    result: &Json,
    from: Option<(Revision, Option<&Shown>)>,
    to: Revision,
) -> Bytes {
    let (from, shown) = from.unwrap_or((to, None));
    let server_info = gateway.server_info();
    let changed = match (method, shown) {
        (Method::ReadResource, Some(Shown { own, shown })) => {
            Some(read_result_shown_as(result, own, shown))
        }
        (Method::Complete, _) => Some(cut_completion(result)),
        _ => None,
    };
    let result = changed.as_ref().unwrap_or(result);
    adapt_result(method.as_str(), result, from, to, server_info)
}

/// What the client would have to declare for this question (P11.23).
pub(super) fn missing_capability(method: &str, params: &Object) -> RpcError {
    let needed = required_capability(method, params);
    let data = ObjectEdit::new().set("requiredCapabilities", needed).json();
    RpcError::new(
        codes::MISSING_CAPABILITY,
        format!("the server needs `{method}`, which this request did not declare"),
    )
    .with_data(data)
}

impl Inner {
    pub(super) fn result(&mut self, result: &Json) -> Finished {
        if self.workspace.workspace.links().len() > 1 {
            self.learn_uris(linked_uris(result));
        }
        let failed = self.target.method == Method::CallTool && is_error(result);
        let status = if failed {
            CallStatus::ToolError
        } else {
            CallStatus::Ok
        };
        self.complete(result, status)
    }

    /// P9.16: a client may read what a result points to.
    pub(super) fn learn_uris(&self, uris: Vec<String>) {
        let workspace = &self.workspace.workspace;
        if workspace.links().len() > 1 && !uris.is_empty() {
            let principal = self.principal.token().id.as_str();
            workspace.learn_uris(principal, &self.target.link, uris);
        }
    }

    /// Answers with a result of the server.
    pub(super) fn complete(&mut self, result: &Json, status: CallStatus) -> Finished {
        let from = Some((self.from, self.target.shown.as_ref()));
        let method = &self.target.method;
        let adapted = adapted(&self.gateway, method, result, from, self.client.revision);
        let finished = Finished::result(&self.client.id, &adapted);
        self.record.finish(status, None, finished.len());
        finished
    }

    /// Answers with an error of the server.
    pub(super) fn error(&mut self, error: RpcError) -> Finished {
        if error.code == codes::URL_ELICITATION_REQUIRED
            && self.client.revision.era() == Era::Modern
            && let Some(asked) = self.url_elicitations(&error)
        {
            return asked;
        }
        let error = self.with_uri(error);
        let method = self.target.method.as_str();
        let error = adapt_error_for(method, error, self.from.era(), self.client.revision);
        let mut finished = self.error_as_it_is(&error);
        if matches!(self.target.method, Method::Other(_))
            && error.code == codes::METHOD_NOT_FOUND
            && self.client.revision.era() == Era::Modern
        {
            // Nobody knows the method, as if there were no server behind (table 4.1).
            finished.status = StatusCode::NOT_FOUND;
        }
        finished
    }

    /// An unknown resource names its URI, whether or not the server did (table 4.1).
    fn with_uri(&self, mut error: RpcError) -> RpcError {
        let is_unknown = self.target.method == Method::ReadResource
            && error.code == codes::RESOURCE_NOT_FOUND
            && error.data.is_none();
        if is_unknown && let Some(uri) = self.target.params.text("uri") {
            error.data = Some(ObjectEdit::new().set("uri", Json::from_text(&uri)).json());
        }
        error
    }

    pub(in crate::request_path) fn error_as_it_is(&mut self, error: &RpcError) -> Finished {
        let era = self.client.revision.era();
        let finished = Finished::error(&self.client.id, error, era);
        self.record
            .finish(CallStatus::RpcError, Some(error.code), finished.len());
        finished
    }

    /// -32042 for a modern client: the same questions in its own manner, and a state that makes the call again;
    /// `None` when it is to be an error (section 11.2).
    fn url_elicitations(&mut self, error: &RpcError) -> Option<Finished> {
        if self.reissued {
            return None;
        }
        let questions = url_questions(error.data.as_ref())?;
        if !questions.iter().all(|(_, q)| links::may_show(q)) {
            return None;
        }
        let undeclared = questions
            .iter()
            .find(|(_, q)| !may_ask(&self.client.capabilities, &q.method, &q.params));
        if let Some((_, question)) = undeclared {
            let error = missing_capability(&question.method, &question.params);
            return Some(self.error_as_it_is(&error));
        }
        let shown: Vec<_> = questions
            .iter()
            .map(|(key, question)| (key.clone(), self.shown(question, Era::Legacy)))
            .collect();
        let binding = Binding::new(&self.principal, &self.target);
        let state = binding.seal(&self.gateway, State::Reissue)?;
        let result = input_required_result(&shown, Some(&state), self.gateway.server_info());
        let finished = Finished::result(&self.client.id, &result);
        self.record.finish(CallStatus::Asked, None, finished.len());
        Some(finished)
    }

    /// Answers that what the call asked for was taken from its token while it ran (S-41). Whatever the server
    /// makes of it is not delivered (S-42).
    pub(super) fn no_longer_permitted(&mut self) -> Finished {
        let era = self.client.revision.era();
        let error = reply::taken_away(self.record.id());
        let finished = Finished::error(&self.client.id, &error, era);
        self.record
            .finish(CallStatus::Revoked, Some(error.code), finished.len());
        finished
    }

    /// Answers that the server failed.
    pub(super) fn failed(&mut self, error: &UpstreamError) -> Finished {
        let era = self.client.revision.era();
        let CallFault { error, status } = reply::upstream_fault(error, era, self.record.id());
        let finished = Finished::error(&self.client.id, &error, era);
        self.record.finish(status, Some(error.code), finished.len());
        finished
    }

    /// Answers that the server broke the protocol (P3.13).
    pub(super) fn broken_promise(&mut self, what: &str) -> Finished {
        let era = self.client.revision.era();
        let message = format!(
            "the server broke the protocol ({what}); call {}",
            self.record.id()
        );
        let error = RpcError::new(GatewayFault::UpstreamUnreachable.code(era), message);
        let finished = Finished::error(&self.client.id, &error, era);
        self.record
            .finish(CallStatus::Unreachable, Some(error.code), finished.len());
        finished
    }

    /// Answers that the client could not be asked: as a failed tool, so that the model can react (P11.14).
    pub(super) fn give_up(&mut self, why: &str) -> Finished {
        let slug = &self.target.link.spec().slug;
        let text = format!("server `{slug}` could not go on: {why}");
        if self.target.method != Method::CallTool {
            return self.error_as_it_is(&RpcError::new(codes::INTERNAL_ERROR, text));
        }
        let block = ObjectEdit::new()
            .set("type", Json::literal("\"text\""))
            .set("text", Json::from_text(&text))
            .json();
        let result = ObjectEdit::new()
            .set("content", Json::list(&[block]))
            .set("isError", Json::literal("true"))
            .json();
        let adapted = adapted(
            &self.gateway,
            &Method::CallTool,
            &result,
            None,
            self.client.revision,
        );
        let finished = Finished::result(&self.client.id, &adapted);
        self.record
            .finish(CallStatus::ToolError, None, finished.len());
        finished
    }
}

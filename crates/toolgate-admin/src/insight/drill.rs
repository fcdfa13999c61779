//! One call, by the id that its client saw.

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_analytics::CallStatus;
use toolgate_store::{CallFilter, CallsReader, Figures, WorkspaceScope};

use super::analytics::WEEK_MS;
use super::figures::CallFigures;
use super::people::People;
use crate::{Admin, AdminError, CallListed};

/// One call, and what is usual for its tool.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CallShown {
    /// The call.
    #[serde(flatten)]
    pub call: CallListed,
    /// What its status means.
    pub meaning: String,
    /// What the calls of the same tool come to in the seven days before it; null where there was no tool.
    pub usual: Option<CallFigures>,
}

impl Admin {
    /// The call with this id (`call_…`), in one workspace or, for the operator, in any.
    pub fn call(
        &self,
        workspace: Option<&WorkspaceScope>,
        id: &str,
    ) -> Result<CallShown, AdminError> {
        let reader = CallsReader::open(&self.dir)?;
        let Some(row) = reader.find(workspace, id)? else {
            return Err(AdminError::UnknownCall { id: id.to_owned() });
        };
        let people = People::read(self, workspace)?;
        // A workspace that was deleted since has no scope to count in.
        let scope = self.scope(&people.workspace_label(row.workspace.as_str()));
        let usual = match (&row.server_slug, &row.tool, scope) {
            (Some(server), Some(tool), Ok(scope)) => {
                let week = CallFilter {
                    workspace: Some(scope),
                    since_ms: Some(row.time_ms.saturating_sub(WEEK_MS)),
                    until_ms: Some(row.time_ms),
                    server: Some(server.clone()),
                    tool: Some(tool.clone()),
                    ..CallFilter::default()
                };
                let mut figures = Figures::default();
                for group in reader.groups(&week, &[])?.groups {
                    figures.merge(&group.figures);
                }
                Some(CallFigures::from(&figures))
            }
            _ => None,
        };
        Ok(CallShown {
            meaning: meaning(row.status).to_owned(),
            usual,
            call: CallListed::of(row, &people),
        })
    }
}

fn meaning(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Ok => "the server answered with a result",
        CallStatus::ToolError => "the tool itself reported a failure",
        CallStatus::RpcError => "the server answered with an error",
        CallStatus::Refused => {
            "the gateway refused it: no such tool, or not for this token (`toolgatectl workspace token explain`)"
        }
        CallStatus::RateLimited => {
            "the token was over its rate limit (`toolgatectl calls limits` shows who is, and when)"
        }
        CallStatus::Cancelled => "the client cancelled it or went away",
        CallStatus::Revoked => "the token ended while it ran, so its result was not delivered",
        CallStatus::TimedOut => "the server did not answer in time; it may have executed the call",
        CallStatus::Unreachable => "the server could not be reached, or answered nonsense",
        CallStatus::Internal => "the gateway failed; its log says more",
        CallStatus::Asked => {
            "the server asked the client something first; the call went on in another request"
        }
        CallStatus::Overloaded => {
            "it was not tried: the server is left alone for a while, or a queue was full (`toolgatectl status`)"
        }
        CallStatus::Begun => {
            "it was about to be sent; how it ended is not known, so it may have executed"
        }
    }
}

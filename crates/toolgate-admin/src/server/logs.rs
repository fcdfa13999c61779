//! What child processes wrote to standard error.

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_namespace::Transport;
use toolgate_store::WorkspaceScope;

use crate::time::rfc3339;
use crate::{Admin, AdminError};

/// One line that a child process wrote to standard error, without the server's secrets (S-75).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerLogged {
    /// When it was read.
    pub time: String,
    /// The line, control characters escaped, 8 KiB of it at most.
    pub text: String,
}

impl Admin {
    /// The last lines that the child processes of a server wrote, oldest first, at most `limit`. Only the running
    /// gateway has them.
    pub fn server_logs(
        &self,
        scope: &WorkspaceScope,
        server: &str,
        limit: usize,
    ) -> Result<Vec<ServerLogged>, AdminError> {
        let spec = self.server(scope, server)?;
        if matches!(spec.transport, Transport::Http { .. }) {
            return Err(AdminError::NoLogs {
                slug: spec.slug.to_string(),
            });
        }
        let lines = self.logged_lines(scope.slug(), &spec.slug)?;
        let surplus = lines.len().saturating_sub(limit);
        let shown = lines.into_iter().skip(surplus).map(|line| ServerLogged {
            time: rfc3339(line.at_ms),
            text: line.text,
        });
        Ok(shown.collect())
    }
}

//! Having one server contacted.

use serde::Serialize;
use toolgate_store::WorkspaceScope;

use crate::{Admin, AdminError, Probe};

/// What one server answered when it was contacted.
#[derive(Debug, Clone, Serialize)]
pub struct ServerProbed {
    /// Its workspace.
    pub workspace: String,
    /// Its name.
    pub server: String,
    /// What came of it.
    pub probe: Probe,
}

impl Admin {
    /// Has the running gateway contact one server and ask it for its tools, now.
    pub fn probe_server(
        &self,
        scope: &WorkspaceScope,
        server: &str,
    ) -> Result<ServerProbed, AdminError> {
        let spec = self.server(scope, server)?;
        Ok(ServerProbed {
            workspace: scope.slug().to_string(),
            probe: self.probe(scope, &spec.slug),
            server: spec.slug.to_string(),
        })
    }
}

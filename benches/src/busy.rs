//! Call records like those of a busy installation.

use std::sync::Arc;

use toolgate_analytics::{CallRecord, CallStatus, Source};
use toolgate_namespace::{ServerId, ServerSlug, WorkspaceId};

/// The time at which its calls are made.
pub const NOW_MS: u64 = 1_800_000_000_000;

/// A busy installation: 4 workspaces, 50 servers, 1,000 tools, 200 tokens, all of them used in turn.
#[derive(Debug)]
pub struct Busy {
    workspaces: Vec<WorkspaceId>,
    servers: Vec<(ServerId, ServerSlug)>,
    tools: Vec<Arc<str>>,
    tokens: Vec<Arc<str>>,
}

impl Default for Busy {
    fn default() -> Self {
        Self::new()
    }
}

impl Busy {
    /// Always the same one.
    pub fn new() -> Self {
        let id = |n: u8| [[7; 8], [n; 8]].concat().try_into().expect("16 bytes");
        let server = |n: u8| {
            let slug = ServerSlug::try_from(format!("server-{n}").as_str());
            (ServerId::from_random(id(n)), slug.expect("a slug"))
        };
        Self {
            workspaces: (0..4).map(|n| WorkspaceId::from_random(id(n))).collect(),
            servers: (0..50).map(server).collect(),
            tools: (0..1_000)
                .map(|n| format!("tool_number_{n}").into())
                .collect(),
            tokens: (0..200).map(|n| format!("tok_{n:020}").into()).collect(),
        }
    }

    /// Its `n`th call, at `time_ms`.
    pub fn record(&self, n: u64, time_ms: u64) -> CallRecord {
        let n_ = usize::try_from(n).expect("64 bits");
        let (server, slug) = &self.servers[n_ % 50];
        CallRecord {
            number: n,
            time_ms,
            workspace: self.workspaces[n_ % 4].clone(),
            server: Some(server.clone()),
            server_slug: Some(slug.clone()),
            tool: Some(self.tools[n_ % 1_000].clone()),
            token_id: self.tokens[n_ / 7 % 200].clone(),
            status: CallStatus::Ok,
            error_code: None,
            duration_ms: n % 100,
            bytes_in: 300 + n % 64,
            bytes_out: 1_200 + n % 512,
            revision: "2025-11-25",
            source: Source::Gateway,
            intended: false,
            trace: None,
        }
    }
}

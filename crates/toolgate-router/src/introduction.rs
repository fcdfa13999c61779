//! What a workspace says of itself, merged from what its servers say of themselves (section 9.4).

use std::sync::Arc;

use toolgate_protocol::Json;
use toolgate_protocol::mcp::{
    Contribution, ServerSnapshot, merged_capabilities, merged_instructions,
};

use crate::index::is_transparent;
use crate::link::Link;

/// What is taken for granted of a server that never said what it is.
const UNKNOWN: &str = r#"{"tools":{}}"#;

/// What a workspace is introduced with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// What its servers can do together, and the gateway by itself (P9.27, P9.28).
    pub capabilities: Json,
    /// How it wants to be used (P9.31).
    pub instructions: Option<String>,
}

impl Introduction {
    /// Merges what the servers last said of themselves (P9.30). What is built in has tools.
    pub(crate) fn of(links: &[Arc<Link>], built_in: Option<&Arc<Link>>) -> Self {
        let unknown = Json::literal(UNKNOWN);
        let snapshots: Vec<_> = links.iter().map(|link| link.snapshot()).collect();
        let contributions: Vec<_> = links
            .iter()
            .zip(&snapshots)
            .map(|(link, snapshot)| contribution(link, snapshot.as_deref(), &unknown))
            .chain(built_in.map(|link| contribution(link, None, &unknown)))
            .collect();
        let transparent = is_transparent(links);
        Self {
            capabilities: merged_capabilities(&contributions, transparent),
            instructions: merged_instructions(&contributions, transparent),
        }
    }
}

fn contribution<'a>(
    link: &'a Link,
    snapshot: Option<&'a ServerSnapshot>,
    unknown: &'a Json,
) -> Contribution<'a> {
    Contribution {
        slug: link.spec().slug.as_str(),
        capabilities: snapshot.map_or(unknown, |snapshot| &snapshot.capabilities),
        instructions: snapshot.and_then(|snapshot| snapshot.instructions.as_deref()),
    }
}

//! Which server a URI belongs to (P9.16, P9.19).

use std::sync::Arc;

use crate::link::Link;

/// A URI and the server it belongs to.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The server.
    pub link: Arc<Link>,
    /// The URI as that server knows it.
    pub own: String,
    /// Whether the client used the explicit form, which results then use again (P9.20).
    pub explicit: bool,
}

/// URIs that results named, by the principal who read them (P9.16). Outlives the workspace's compiled form.
#[derive(Debug, Default)]
pub struct LearntUris {}

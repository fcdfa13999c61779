//! An installation that is open already, and whoever acts on it from inside the gateway.

use std::sync::Arc;

use toolgate_store::master::KeySource;
use toolgate_store::{Actor, DataDir, Store};

use crate::Admin;

impl Admin {
    /// An installation over a store that is open and unlocked. Until it is somebody's ([`Admin::acting_as`]) it acts
    /// as the gateway itself.
    pub fn over(dir: DataDir, store: Store, source: Arc<KeySource>) -> Self {
        Self {
            dir,
            store,
            source,
            actor: Actor::gateway(),
            on_host: false,
        }
    }
}

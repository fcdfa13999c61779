//! Writes that are done once, however often they are asked for.

use toolgate_store::Once;

use crate::time::now_ms;
use crate::{Admin, AdminError};

impl Admin {
    /// Begins a write under a key its actor chose, unless it was done already; [`Admin::finish_once`] has to follow on
    /// [`Once::Begun`].
    pub fn begin_once(&self, key: &str, request: &[&[u8]]) -> Result<Once, AdminError> {
        Ok(self.store.begin_once(&self.actor, key, request, now_ms())?)
    }

    /// Remembers for a day what was answered, or forgets the key when nothing was done. The answer must not hold what is
    /// shown once.
    pub fn finish_once(&self, key: &str, answer: Option<(u16, &str)>) -> Result<(), AdminError> {
        Ok(self.store.finish_once(&self.actor, key, answer)?)
    }
}

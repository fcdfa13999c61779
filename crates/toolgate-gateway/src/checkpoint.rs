//! The second sink of the audit chain, and the seal over what the store holds (S-84, R-08).

use std::path::PathBuf;

use toolgate_store::{Checkpoints, DataDir, Store, StoreError};

/// Where heads of the chain are kept.
#[derive(Debug)]
pub(crate) struct Sinks {
    files: Vec<Checkpoints>,
}

impl Sinks {
    /// The file in the data directory, and the operator's.
    pub(crate) fn new(dir: &DataDir, more: Option<PathBuf>) -> Self {
        let own = Some(dir.checkpoints());
        Self {
            files: [own, more]
                .into_iter()
                .flatten()
                .map(Checkpoints::new)
                .collect(),
        }
    }

    /// Refuses a store that lacks a change which a sink has seen: its log was lost, or an older state put
    /// in its place, and with it revoked tokens would be valid again.
    pub(crate) fn check(&self, store: &Store) -> Result<(), StoreError> {
        for sink in &self.files {
            let read = sink.read()?;
            if let Some(lost) = store.lost_checkpoint(&read.heads)? {
                return Err(StoreError::RolledBack {
                    sequence: lost.sequence,
                    checkpoints: sink.path().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Keeps the end of the chain where it is new, in the log too, and seals what the store holds.
    pub(crate) fn keep(&self, store: &Store) -> Result<(), StoreError> {
        let head = store.audit_head()?;
        let mut new = false;
        for sink in &self.files {
            new |= sink.keep(head)?;
        }
        if new {
            let mac = head.mac_hex();
            tracing::info!(sequence = head.sequence, mac, "audit checkpoint");
        }
        store.seal_contents()?;
        Ok(())
    }
}

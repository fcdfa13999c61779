use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use futures::stream::unfold;
use futures::{Stream, StreamExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::tls::TlsIdentity;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Keeps a listener's certificate fresh: when its files change, and when the process is sent SIGHUP. Never ends by
/// itself; without a certificate a hang-up ends the process as it always does.
///
/// Fails when signals cannot be heard. Has to be called within a runtime.
pub fn renew(identity: Option<TlsIdentity>) -> io::Result<impl Future<Output = ()> + Send> {
    let followed = match identity {
        Some(identity) => Some((identity, signal(SignalKind::hangup())?)),
        None => None,
    };
    Ok(async move {
        if let Some((identity, hangup)) = followed {
            let asked = unfold(hangup, |mut hangup| async move {
                hangup.recv().await.map(|()| ((), hangup))
            });
            identity.follow(asked).await;
        }
        std::future::pending::<()>().await;
    })
}

impl TlsIdentity {
    /// Reads the files again whenever they changed or `asked` yields, until dropped (S-59).
    ///
    /// Files that can't be used leave the old certificate in force, and the log says so once for
    /// each change: renewing tools write key and certificate one after the other, so a pair that
    /// doesn't fit is looked at again when the other half has come. Cancel safe.
    pub async fn follow(&self, asked: impl Stream<Item = ()> + Send) {
        let mut asked = std::pin::pin!(asked.fuse());
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = self.marks().await;
        loop {
            tokio::select! {
                _ = looks.tick() => {
                    let now = self.marks().await;
                    if now == known {
                        continue;
                    }
                    known = now;
                }
                Some(()) = asked.next() => known = self.marks().await,
            }
            let identity = self.clone();
            let reloaded = tokio::task::spawn_blocking(move || identity.reload()).await;
            match reloaded {
                Ok(Ok(())) => tracing::info!("the certificate was read again"),
                Ok(Err(error)) => tracing::warn!(
                    error = %error,
                    "the changed certificate can't be used; the old one stays in force"
                ),
                Err(_) => return,
            }
        }
    }

    async fn marks(&self) -> [Option<Mark>; 2] {
        let [certificate, key] = self.files();
        [mark(certificate).await, mark(key).await]
    }
}

/// What changes when a file is written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

async fn mark(path: &Path) -> Option<Mark> {
    // Follows links: renewing tools often swap the link.
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some(Mark {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        inode: inode(&metadata),
    })
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

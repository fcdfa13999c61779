//! Follows the store: a thread that sees what other processes commit and puts it in force (design.md 3.2).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use toolgate_store::ChangeWatcher;

use crate::error::GatewayError;
use crate::gateway::{Gateway, in_store};

/// How often the change counter is read; one read costs microseconds (S-41).
const POLL_EVERY: Duration = Duration::from_millis(10);

/// Starts the thread. It ends with the gateway.
pub(crate) fn start(gateway: &Arc<Gateway>) -> Result<(), GatewayError> {
    let watcher =
        ChangeWatcher::open(gateway.dir()).map_err(|source| in_store(gateway.dir(), source))?;
    let weak = Arc::downgrade(gateway);
    let runtime = Handle::current();
    std::thread::Builder::new()
        .name("store-watch".into())
        .spawn(move || {
            // Links that are no longer needed are closed on the runtime.
            let _entered = runtime.enter();
            let followed = catch_unwind(AssertUnwindSafe(|| follow(&weak, watcher)));
            if followed.is_err()
                && let Some(gateway) = weak.upgrade()
            {
                gateway.break_down("the thread that follows the store");
            }
        })
        .map_err(GatewayError::Thread)?;
    Ok(())
}

fn follow(gateway: &Weak<Gateway>, mut watcher: ChangeWatcher) {
    let (mut behind, mut said) = (false, false);
    loop {
        std::thread::sleep(POLL_EVERY);
        let Some(gateway) = gateway.upgrade() else {
            return;
        };
        // Not before the end: calls go on while the gateway drains, and so do revocations (S-41).
        if gateway.is_over() {
            return;
        }
        let was_sound = gateway.is_store_sound();
        let mut sound = true;
        // Said once, not a hundred times a second.
        match watcher.poll() {
            Ok(changed) => behind |= changed,
            Err(error) => {
                sound = false;
                if was_sound {
                    tracing::error!(%error, "the store cannot be followed");
                }
            }
        }
        if behind {
            match gateway.reload() {
                Ok(_) => (behind, said) = (false, false),
                // Said once: it is tried again a hundred times a second.
                Err(_) if said => {}
                Err(error) => {
                    sound = false;
                    said = true;
                    tracing::error!(%error, "the store changed and cannot be read; the last good state stays in force");
                }
            }
        }
        gateway.set_store_sound(sound);
        gateway.expire();
    }
}

use tokio::sync::watch;

/// The switch that starts draining; dropping it drains as well.
#[derive(Debug)]
pub struct DrainSignal(watch::Sender<bool>);

/// Tells everyone who holds a clone that the process is about to end.
///
/// Listeners stop accepting, idle keep-alive connections close, requests in flight finish.
/// Whoever owns a long stream watches it too and ends the stream in good order.
#[derive(Clone, Debug)]
pub struct Drain(watch::Receiver<bool>);

impl Drain {
    /// A switch and the first of its watchers.
    pub fn new() -> (DrainSignal, Self) {
        let (signal, drain) = watch::channel(false);
        (DrainSignal(signal), Self(drain))
    }

    /// Whether draining has begun.
    pub fn is_draining(&self) -> bool {
        // A closed channel means that the switch is gone. The flag changes once at most and nobody
        // marks it as seen, so "changed" is "draining" and costs one atomic load.
        self.0.has_changed().unwrap_or(true)
    }

    /// Resolves once draining has begun. Cancel safe.
    pub async fn draining(&self) {
        let mut flag = self.0.clone();
        // An error says that the switch was dropped, which drains as well.
        let _ = flag.wait_for(|draining| *draining).await;
    }
}

impl DrainSignal {
    /// Starts draining. Calling it again changes nothing.
    pub fn drain(&self) {
        self.0
            .send_if_modified(|draining| !std::mem::replace(draining, true));
    }
}

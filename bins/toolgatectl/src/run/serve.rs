//! `toolgatectl serve`: the one command that stays.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use toolgate_admin::Admin;
use toolgate_api::{Announce, Proxies, RunConfig, TlsFiles};

use crate::args::ServeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// How long acts are waited for that nobody waits for any more.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until it is told to end.
pub(super) fn serve(
    admin: Admin,
    asked: ServeArgs,
    checkpoints: Option<PathBuf>,
    output: &Output,
) -> Result<Exit, Failure> {
    toolgate_log::start(asked.log_format);
    let config = RunConfig {
        listen: asked.listen,
        tls: asked
            .tls_cert
            .zip(asked.tls_key)
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        proxies: Proxies::new(asked.behind_proxy),
        public_url: asked.public_url,
        checkpoints,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let announce = |announce: &Announce| {
            // Whoever closed our output gets served all the same.
            let _ = output.one(announce, announced);
        };
        toolgate_api::run(admin, config, announce, shutdown).await?;
        Ok(Exit::Done)
    });
    // An act whose client is gone may go on; it is one transaction, done or not.
    runtime.shutdown_timeout(GRACE);
    served
}

fn announced(announce: &Announce) -> String {
    let mut text = format!("ready {}\n", announce.url);
    if let Some(token) = &announce.setup_token {
        let _ = write!(
            text,
            "Nobody can sign in to the dashboard yet. Open {} within 30 minutes and give this setup token, which works once:\n  {token}\n",
            announce.url
        );
    }
    text
}

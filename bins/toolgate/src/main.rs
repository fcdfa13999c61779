//! Reads flags and config, calls `toolgate_gateway::run`, returns an exit code.
//!
//! Exit codes: 0 after an orderly end, 1 when the gateway could not start or go on, 2 when the command
//! line is wrong, 3 when the master key cannot be had or is another one.

mod flags;
mod show;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use toolgate_gateway::{Announce, GatewayError, Secret};
use toolgate_telemetry::TelemetryError;

use crate::flags::{Command, Flags, KEEPER};
use crate::telemetry::Telling;

/// A call makes some dozens of small allocations, which show in its profile (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before the flags are read, which would cost each child's keeper memory for nothing.
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == KEEPER).is_some() {
        return toolgate_gateway::keep_child(arguments);
    }
    // Before anything else can start a thread or a child.
    let master_key = toolgate_gateway::take_master_key();
    let flags = Flags::parse();
    if let Some(Command::DemoServer { name }) = &flags.command {
        return toolgate_demo::run(name);
    }
    toolgate_log::start(flags.log_format);
    match serve(flags, master_key) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show::failure(&error);
            exit_code(&error)
        }
    }
}

fn serve(flags: Flags, master_key: Option<Secret<String>>) -> anyhow::Result<()> {
    toolgate_gateway::prepare_process();
    let wanted = flags.telemetry()?;
    let mut config = flags.into_config(master_key)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let telling = Telling::prepare(wanted, &mut config)?;
        let announce = |announce: &Announce| {
            telling.start(announce);
            show::announce(announce, telling.metrics.as_deref());
        };
        let served = toolgate_gateway::run(config, announce, shutdown).await;
        telling.stop().await;
        Ok::<_, anyhow::Error>(served?)
    })
}

/// 3 when the master key is what is wrong, so that a service manager can tell it from a busy port (S-07).
fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref::<GatewayError>() {
        Some(error) if error.is_about_the_key() => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    }
}

/// What a person can do about a failed start, if anything is known.
fn hint_of(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<TelemetryError>() {
        return error.hint().map(Into::into);
    }
    error
        .downcast_ref::<GatewayError>()
        .and_then(GatewayError::hint)
}

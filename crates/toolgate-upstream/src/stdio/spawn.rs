//! Starting a child: with a clean environment, in a place of its own, under limits (S-70 to S-73).

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio as Pipe};

use tokio::process::Child;
use toolgate_namespace::{ChildSettings, Transport};
use toolgate_sys::{confine_child, confine_keeper, hand_down, limit_child};

use super::command::command;
use super::keeper::Orders;
use super::leash::Leash;
use super::{environment, limits};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::shared::Shared;

/// How child processes are started and kept. By default directly, where this process stands.
#[derive(Debug, Clone, Default)]
pub struct ChildConfig {
    /// Program and leading arguments of a process that calls [`keep_child`](crate::keep_child) with the
    /// arguments after these. With a keeper, nothing that a child started outlives this process, not even
    /// when it is killed (S-74); without one, what left the child's process group may.
    pub keeper: Option<Vec<String>>,
    /// Where each server gets a private working directory, unless the operator set one.
    pub home: Option<PathBuf>,
}

/// Starts the program with fixed arguments, and says how to end it.
pub(super) fn start(shared: &Shared, argv: &[String]) -> Result<(Child, Leash), UpstreamError> {
    let unreachable = |why| shared.not_sent(UpstreamErrorKind::Unreachable(why));
    let ChildConfig { keeper, home } = shared.children.config();
    let settings = match &shared.spec.transport {
        Transport::Stdio { child, .. } => child,
        Transport::Http { .. } | Transport::BuiltIn => {
            return Err(unreachable("it has no command"));
        }
    };
    let line = [&settings.wrapper, argv].concat();
    let program = line
        .first()
        .ok_or_else(|| unreachable("it has no command"))?;
    // A keeper could only say so by the way it ends.
    if environment::find_program(program).is_none() {
        return Err(unreachable("its program cannot be started"));
    }
    let prepared = match keeper {
        Some(keeper) => kept(keeper, settings, &line),
        None => direct(settings, &line),
    };
    let (mut command, tether) =
        prepared.map_err(|_| unreachable("its program cannot be started"))?;
    command.env_clear().envs(environment::inherited());
    give_secrets(&mut command, shared, settings)?;
    if let Some(folder) = folder(shared, settings, home.as_deref()).map_err(unreachable)? {
        command.current_dir(folder);
    }
    command
        .stdin(Pipe::piped())
        .stdout(Pipe::piped())
        .stderr(Pipe::piped());
    let mut command = tokio::process::Command::from(command);
    // A keeper that was killed could not end what it keeps.
    command.kill_on_drop(tether.is_none());
    let child = command
        .spawn()
        .map_err(|_| unreachable("its program cannot be started"))?;
    let leash = Leash::new(tether, child.id());
    Ok((child, leash))
}

type Prepared = (Command, Option<io::PipeWriter>);

fn direct(settings: &ChildSettings, line: &[String]) -> io::Result<Prepared> {
    let mut command = command(line).ok_or(io::ErrorKind::InvalidInput)?;
    confine_child(&mut command);
    limit_child(&mut command, limits::of(settings));
    Ok((command, None))
}

/// The keeper holds one end of a pipe; when ours is closed, by whatever means, it ends what it keeps.
fn kept(keeper: &[String], settings: &ChildSettings, line: &[String]) -> io::Result<Prepared> {
    let (lifeline, tether) = io::pipe()?;
    let mut command = command(keeper).ok_or(io::ErrorKind::InvalidInput)?;
    confine_keeper(&mut command);
    let lifeline = hand_down(&mut command, lifeline.into());
    let orders = Orders {
        lifeline,
        settings: settings.clone(),
    };
    command.args(orders.to_arguments()).args(line);
    Ok((command, Some(tether)))
}

fn give_secrets(
    command: &mut Command,
    shared: &Shared,
    settings: &ChildSettings,
) -> Result<(), UpstreamError> {
    let injected = shared
        .credentials
        .open()
        .map_err(|error| shared.not_sent(UpstreamErrorKind::SecretMissing(error.secret)))?;
    for (name, value) in &injected.env {
        if !settings.permits_variable(name) {
            let why = "a secret has a name that loaders obey";
            return Err(shared.not_sent(UpstreamErrorKind::Unreachable(why)));
        }
        command.env(name, value.expose());
    }
    Ok(())
}

/// Where the child starts: where the operator said, else in a private folder of the server's own.
fn folder(
    shared: &Shared,
    settings: &ChildSettings,
    home: Option<&Path>,
) -> Result<Option<PathBuf>, &'static str> {
    if let Some(cwd) = &settings.cwd {
        let set = PathBuf::from(cwd);
        return if set.is_dir() {
            Ok(Some(set))
        } else {
            Err("its working directory is not there")
        };
    }
    let Some(home) = home else { return Ok(None) };
    let own = home.join(shared.spec.id.as_str());
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&own)
        .map_err(|_| "its working directory cannot be made")?;
    Ok(Some(own))
}

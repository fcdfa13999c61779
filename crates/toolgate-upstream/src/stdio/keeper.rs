//! The keeper: a small process between the gateway and one child, which leaves nothing of it behind (S-74).
//!
//! The child has the keeper's standard streams, so nothing passes through it. It adopts whatever the child's
//! descendants leave, sessions and double forks included, and reaps it. When the child ends it ends the rest
//! and repeats the child's status. When the gateway ends, by whatever means, the pipe between them closes, and
//! the keeper ends them all. It needs no runtime: one thread waits for children, one for the gateway.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use toolgate_namespace::ChildSettings;
use toolgate_sys::{
    Signal, become_subreaper, child_pids, children_of, confine_child, detach_standard_streams,
    harden_process, hold_back_signals, limit_child, reap, receive, signal_group, signal_process,
    wait_for_any,
};

use super::command::command;
use super::limits;

/// Bytes on the pipe: ask all to end, end all.
pub(super) const TERMINATE: u8 = b't';
pub(super) const KILL: u8 = b'k';

/// How the keeper ends when it could not do its work, or could not start the program.
const UNABLE: u8 = 125;
pub(super) const NOT_STARTED: u8 = 127;
/// Added to the number of the signal that ended the child, as shells do.
pub(super) const BY_SIGNAL: i32 = 128;

/// From TERM to KILL when the gateway is gone; all of it fits into the 5 s of S-74.
const GRACE: Duration = Duration::from_secs(2);
/// Between two looks for descendants that were not there at the last.
const AGAIN: Duration = Duration::from_millis(50);

/// What the gateway tells a keeper on its command line. No secret is among it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Orders {
    /// The number of the descriptor that closes when the gateway ends.
    pub(super) lifeline: i32,
    /// The limits of the child.
    pub(super) settings: ChildSettings,
}

impl Orders {
    /// Ends with `--`; the child's command line follows.
    pub(super) fn to_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--lifeline".to_owned(), self.lifeline.to_string()];
        for (name, limit) in [
            ("--files", self.settings.max_files),
            ("--processes", self.settings.max_processes),
            ("--file-bytes", self.settings.max_file_bytes),
            ("--memory-bytes", self.settings.max_memory_bytes),
        ] {
            arguments.extend(
                limit
                    .into_iter()
                    .flat_map(|limit| [name.to_owned(), limit.to_string()]),
            );
        }
        arguments.push("--".to_owned());
        arguments
    }

    /// The orders, and the child's command line.
    fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<(Self, Vec<OsString>)> {
        let mut lifeline = None;
        let mut settings = ChildSettings {
            max_files: None,
            max_processes: None,
            max_file_bytes: None,
            max_memory_bytes: None,
            ..ChildSettings::default()
        };
        loop {
            let name = arguments.next()?;
            if name == "--" {
                let orders = Self {
                    lifeline: lifeline?,
                    settings,
                };
                return Some((orders, arguments.collect()));
            }
            let value = arguments.next()?;
            let value: u64 = value.to_str()?.parse().ok()?;
            match name.to_str()? {
                "--lifeline" => lifeline = Some(i32::try_from(value).ok()?),
                "--files" => settings.max_files = Some(value),
                "--processes" => settings.max_processes = Some(value),
                "--file-bytes" => settings.max_file_bytes = Some(value),
                "--memory-bytes" => settings.max_memory_bytes = Some(value),
                _ => return None,
            }
        }
    }
}

/// Runs one child until nothing of it is left, and returns its exit code: 128 and the number of the signal that
/// ended it, 127 when it could not be started, 125 when it could not be kept.
///
/// `arguments` are those that the gateway put behind [`ChildConfig::keeper`](crate::ChildConfig::keeper). Call it
/// first thing in a process of its own: it changes what holds for the whole process.
pub fn keep_child(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some((orders, line)) = Orders::parse(arguments) else {
        eprintln!("toolgate keeper: started by the gateway only");
        return ExitCode::from(UNABLE);
    };
    match keep(&orders, &line) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("toolgate keeper: keeping a child: {error}");
            ExitCode::from(UNABLE)
        }
    }
}

fn keep(orders: &Orders, line: &[OsString]) -> io::Result<u8> {
    let lifeline = File::from(receive(orders.lifeline)?);
    if cfg!(target_os = "linux") {
        become_subreaper()?;
        // How it is called in lists of processes; nothing depends on it.
        let _ = std::fs::write("/proc/self/comm", "toolgate-keeper");
    }
    // The end of the gateway is what ends a keeper; until then it has a child to look after.
    hold_back_signals()?;
    let mut command = command(line).ok_or(io::ErrorKind::InvalidInput)?;
    confine_child(&mut command);
    limit_child(&mut command, limits::of(&orders.settings));
    let leader = match command.spawn() {
        Ok(child) => child.id(),
        Err(error) => {
            eprintln!("toolgate keeper: starting {}: {error}", line[0].display());
            return Ok(NOT_STARTED);
        }
    };
    detach_standard_streams()?;
    // The child's secrets are in our environment too; no other process of the user may read them here.
    harden_process()?;
    let family = Arc::new(Family {
        leader,
        turn: Mutex::default(),
    });
    let heard = Arc::clone(&family);
    std::thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn(move || heard.obey(lifeline))?;
    family.reap_all()
}

/// The child and all that descends from it.
#[derive(Debug)]
struct Family {
    leader: u32,
    /// Held while processes are signalled by their ids, so that none of them is reaped meanwhile and its id
    /// given to a stranger.
    turn: Mutex<()>,
}

impl Family {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reaps until nobody is left. Whoever the child leaves behind is ended: a process that was born while we
    /// looked is found after the end of its parent.
    fn reap_all(&self) -> io::Result<u8> {
        let mut code = UNABLE;
        let mut over = false;
        while let Some(pid) = wait_for_any()? {
            let turn = self.turn();
            let ended = reap(pid)?;
            drop(turn);
            if let Some(ended) = ended.filter(|_| pid == self.leader) {
                (code, over) = (code_of(ended), true);
            }
            if over {
                self.end();
            }
        }
        Ok(code)
    }

    /// Does what the gateway says, until it says to end all, or is gone.
    fn obey(&self, mut lifeline: File) {
        let mut order = [0];
        loop {
            match lifeline.read(&mut order) {
                Ok(1) if order[0] == TERMINATE => self.signal(Signal::Term),
                Ok(1) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.signal(Signal::Term);
                    std::thread::sleep(GRACE);
                    break;
                }
            }
        }
        // The other thread ends the process when nobody is left.
        loop {
            self.end();
            std::thread::sleep(AGAIN);
        }
    }

    /// Ends everybody. All are halted first, parents before their children: who is halted starts nobody, and
    /// reaps nobody whose id we hold.
    fn end(&self) {
        let _turn = self.turn();
        let mut halted = HashSet::new();
        loop {
            let before = halted.len();
            for_all(|pid| {
                if halted.insert(pid) {
                    let _ = signal_process(pid, Signal::Stop);
                }
            });
            if halted.len() == before {
                break;
            }
        }
        for pid in halted {
            let _ = signal_process(pid, Signal::Kill);
        }
        self.signal_elsewhere(Signal::Kill);
    }

    fn signal(&self, signal: Signal) {
        let _turn = self.turn();
        for_all(|pid| drop(signal_process(pid, signal)));
        self.signal_elsewhere(signal);
    }

    /// Where the system cannot say who descends from whom, the child's process group has to do.
    fn signal_elsewhere(&self, signal: Signal) {
        if !cfg!(target_os = "linux") {
            let _ = signal_group(self.leader, signal);
        }
    }
}

/// Meets all descendants, each after its parent.
fn for_all(mut meet: impl FnMut(u32)) {
    let mut waiting = child_pids().unwrap_or_default();
    while let Some(pid) = waiting.pop() {
        meet(pid);
        // It may be gone by now.
        waiting.extend(children_of(pid).unwrap_or_default());
    }
}

fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(BY_SIGNAL + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(UNABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s74_orders_arrive_as_they_were_given_and_nothing_in_the_command_is_an_order() {
        let orders = Orders {
            lifeline: 7,
            settings: ChildSettings::default(),
        };
        let line = ["/bin/sh", "--lifeline", "9", "--"];
        let given = orders
            .to_arguments()
            .into_iter()
            .chain(line.map(str::to_owned));
        let (parsed, command) = Orders::parse(given.map(OsString::from)).expect("orders");
        assert_eq!(parsed, orders);
        assert_eq!(command, line);
    }

    #[test]
    fn a_keeper_without_orders_keeps_nothing() {
        for wrong in [
            &[][..],
            &["--"],
            &["--lifeline", "x", "--"],
            &["--lifeline", "3"],
            &["--more", "1", "--"],
        ] {
            assert!(
                Orders::parse(wrong.iter().map(OsString::from)).is_none(),
                "{wrong:?}"
            );
        }
    }
}

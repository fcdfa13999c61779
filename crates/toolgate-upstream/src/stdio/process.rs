//! One child: started confined, read, written, and ended with everything it started (S-71–S-75).

use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use toolgate_protocol::framing::{LineDecoder, one_line};
use toolgate_protocol::mcp::ServerSnapshot;
use toolgate_protocol::{Body, Era};

use super::crash::Crash;
use super::leash::Leash;
use super::spawn;
use super::stderr::{Lines, StderrRing};
use crate::channel::{Channel, Conversation, Ending, Outbound};
use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::http::reader::MAX_MESSAGE;
use crate::pool::Key;
use crate::shared::Shared;

/// Lines that are no messages; one more ends the child (S-75).
const MAX_INVALID_LINES: u32 = 100;
/// From the end of its input to TERM, and from TERM to KILL (S-74).
const AFTER_EOF: Duration = Duration::from_secs(2);
const AFTER_TERM: Duration = Duration::from_secs(3);
/// From KILL to the end of a keeper that cannot end what it keeps: a process that the system will not let go.
const AFTER_KILL: Duration = Duration::from_secs(5);
/// From the end of its output to its own, if it has one.
const AFTER_OUTPUT: Duration = Duration::from_millis(500);
/// A child that writes nothing to standard error for this long makes a pause.
const PAUSE: Duration = Duration::from_secs(1);
/// How long what a dead child wrote last may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Told when an established child ends by itself, with how long it lived and how it ended.
type OnExit = Box<dyn FnOnce(Duration, Crash) + Send>;

/// A running child before its handshake. Dropped, it is ended in good order in the background.
#[derive(Debug)]
pub(super) struct Process {
    channel: Arc<Channel>,
    ending: Ending,
    life: Arc<Life>,
}

/// What its supervisor and its owner share.
struct Life {
    on_exit: Mutex<Option<OnExit>>,
    began: Instant,
    /// It has written something, to whichever output.
    spoke: watch::Sender<bool>,
    /// How it ended, if it did by itself.
    crash: Mutex<Option<Crash>>,
}

impl Life {
    fn speaks(&self) {
        self.spoke
            .send_if_modified(|spoke| !std::mem::replace(spoke, true));
    }
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Life")
            .field("began", &self.began)
            .finish_non_exhaustive()
    }
}

impl Process {
    /// Starts the program with fixed arguments and a clean environment.
    pub(super) fn launch(
        shared: &Arc<Shared>,
        argv: &[String],
        era: Era,
        key: &Key,
    ) -> Result<Self, UpstreamError> {
        let (mut child, leash) = spawn::start(shared, argv)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (channel, queue) = Channel::new(Arc::clone(shared), era, key);
        let (stop, stopped) = watch::channel(false);
        let (over, ended) = watch::channel(());
        let life = Arc::new(Life {
            on_exit: Mutex::new(None),
            began: Instant::now(),
            spoke: watch::channel(false).0,
            crash: Mutex::default(),
        });
        let jobs = Jobs::start(shared, &channel, pipes, queue, &life);
        let supervisor = Supervisor {
            shared: Arc::clone(shared),
            channel: Arc::clone(&channel),
            child,
            leash,
            jobs,
            stopped,
            life: Arc::clone(&life),
            _over: over,
        };
        if !shared.tasks.spawn(supervisor.run()) {
            return Err(shared.not_sent(UpstreamErrorKind::Busy));
        }
        Ok(Self {
            channel,
            ending: Ending { stop, ended },
            life,
        })
    }

    /// Waits until it has written something.
    pub(super) async fn spoke(&self) {
        // Cannot fail: the sender lives in `self`.
        let _ = self.life.spoke.subscribe().wait_for(|spoke| *spoke).await;
    }

    pub(super) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// How it ended, if it did so by itself; answered after its channel failed.
    pub(super) fn ended_how(&self) -> impl Fn() -> Option<Crash> + use<> {
        let life = Arc::clone(&self.life);
        move || *lock(&life.crash)
    }

    /// After the handshake: from now on its exit is a crash.
    pub(super) fn established(
        self,
        snapshot: Option<ServerSnapshot>,
        on_exit: impl FnOnce(Duration, Crash) + Send + 'static,
    ) -> Conversation {
        *lock(&self.life.on_exit) = Some(Box::new(on_exit));
        Conversation::new(self.channel, snapshot, self.ending)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The tasks around the pipes; they end with the supervisor.
#[derive(Debug)]
struct Jobs {
    reader: JoinHandle<Crash>,
    writer: JoinHandle<()>,
    stderr: JoinHandle<()>,
}

impl Jobs {
    fn start(
        shared: &Arc<Shared>,
        channel: &Arc<Channel>,
        pipes: (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>),
        queue: mpsc::Receiver<Outbound>,
        life: &Arc<Life>,
    ) -> Self {
        let (stdin, stdout, stderr) = pipes;
        let reader = read(
            Arc::clone(shared),
            Arc::clone(channel),
            stdout,
            Arc::clone(life),
        );
        let ring = Arc::clone(&shared.children.stderr);
        let lines = Lines::new(Arc::clone(&shared.credentials).output_mask());
        Self {
            reader: tokio::spawn(reader),
            writer: tokio::spawn(write(stdin, queue)),
            stderr: tokio::spawn(collect(stderr, lines, ring, Arc::clone(life))),
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.reader.abort();
        self.writer.abort();
        self.stderr.abort();
    }
}

/// Hands each line to its call. Returns at the end of the output, or when it is garbage for good, and says which.
async fn read(
    shared: Arc<Shared>,
    channel: Arc<Channel>,
    stdout: Option<ChildStdout>,
    signs: Arc<Life>,
) -> Crash {
    let Some(mut stdout) = stdout else {
        return Crash::Mute;
    };
    let mut lines = LineDecoder::new(MAX_MESSAGE);
    let mut buffer = vec![0; 64 * 1024];
    let mut invalid = 0;
    loop {
        let count = match stdout.read(&mut buffer).await {
            Ok(0) | Err(_) => return Crash::Mute,
            Ok(count) => count,
        };
        signs.speaks();
        lines.push(&buffer[..count]);
        loop {
            let heard = match lines.next() {
                Ok(None) => break,
                Ok(Some(line)) => hear(&shared, &channel, line),
                // Too long: skipped up to its end.
                Err(_) => false,
            };
            if !heard {
                shared.count_dropped();
                invalid += 1;
            }
            if invalid > MAX_INVALID_LINES {
                channel.fail(&UpstreamErrorKind::Protocol(
                    "too many lines that are no messages",
                ));
                return Crash::Garbled;
            }
        }
    }
}

/// Servers print banners and debug lines; those are skipped (P8.24).
fn hear(shared: &Shared, channel: &Channel, line: Bytes) -> bool {
    match shared.read(line) {
        Ok(Body::One(message)) => channel.hear(message),
        // Only 2025-03-26 has batches (P3.8), but nothing is lost by taking them apart.
        Ok(Body::Batch(messages)) => channel.hear_all(messages),
        Err(_) => return false,
    }
    true
}

/// Writes one message a line. Ends when the input is closed, which closes the child's input.
async fn write(stdin: Option<ChildStdin>, mut queue: mpsc::Receiver<Outbound>) {
    let Some(mut stdin) = stdin else { return };
    while let Some(outbound) = queue.recv().await {
        let mut line = one_line(outbound.message).chain(&b"\n"[..]);
        if stdin.write_all_buf(&mut line).await.is_err() {
            return;
        }
    }
}

async fn collect(
    stderr: Option<ChildStderr>,
    mut lines: Lines,
    ring: Arc<StderrRing>,
    signs: Arc<Life>,
) {
    let Some(mut stderr) = stderr else { return };
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let read = timeout(PAUSE, stderr.read(&mut buffer)).await;
        let read = if let Ok(read) = read {
            read
        } else {
            lines.pause(&ring);
            stderr.read(&mut buffer).await
        };
        let Ok(count @ 1..) = read else { break };
        signs.speaks();
        lines.push(&buffer[..count], &ring);
    }
    lines.finish(&ring);
}

/// Waits for the end of a child, whoever wants it, and leaves nothing behind.
struct Supervisor {
    shared: Arc<Shared>,
    channel: Arc<Channel>,
    child: Child,
    leash: Leash,
    jobs: Jobs,
    stopped: watch::Receiver<bool>,
    life: Arc<Life>,
    /// Dropped last: tells who waits that nothing is left.
    _over: watch::Sender<()>,
}

enum Cause {
    Exited(Crash),
    /// Its output ended, or was garbage.
    Unheard(Crash),
    Asked,
}

impl Supervisor {
    async fn run(mut self) {
        let cause = tokio::select! {
            // What it wrote before it exited was an answer as any other.
            status = self.child.wait() => Cause::Exited(self.crash_of(&status)),
            unheard = &mut self.jobs.reader => Cause::Unheard(unheard.unwrap_or(Crash::Mute)),
            () = asked(&mut self.stopped) => Cause::Asked,
        };
        let crash = match cause {
            Cause::Exited(crash) => {
                *lock(&self.life.crash) = Some(crash);
                let _ = timeout(LAST_WORDS, &mut self.jobs.reader).await;
                self.channel.fail(&UpstreamErrorKind::Exited);
                Some(crash)
            }
            Cause::Unheard(crash) => Some(self.end_unheard(crash).await),
            Cause::Asked => {
                self.channel.fail(&UpstreamErrorKind::Closed);
                self.end().await;
                None
            }
        };
        // What the child started, and left, ends with it.
        self.leash.kill();
        let _ = timeout(LAST_WORDS, &mut self.jobs.stderr).await;
        let on_exit = lock(&self.life.on_exit).take();
        if let (Some(on_exit), Some(crash)) = (on_exit, crash)
            && !self.shared.is_closed()
        {
            on_exit(self.life.began.elapsed(), crash);
        }
    }

    /// Nobody will hear it any more. Most often that is because it ends, and how it ends says more.
    async fn end_unheard(&mut self, unheard: Crash) -> Crash {
        *lock(&self.life.crash) = Some(unheard);
        let ended = match unheard {
            Crash::Mute => timeout(AFTER_OUTPUT, self.child.wait()).await.ok(),
            _ => None,
        };
        let crash = ended.map_or(unheard, |status| self.crash_of(&status));
        *lock(&self.life.crash) = Some(crash);
        self.channel.fail(&UpstreamErrorKind::Exited);
        self.end().await;
        crash
    }

    fn crash_of(&self, status: &std::io::Result<ExitStatus>) -> Crash {
        match status {
            Ok(status) => Crash::of(*status, self.leash.is_kept()),
            Err(_) => Crash::Mute,
        }
    }

    /// Input closed, 2 s, TERM to all, 3 s, KILL to all (S-74).
    async fn end(&mut self) {
        self.jobs.writer.abort();
        if timeout(AFTER_EOF, self.child.wait()).await.is_ok() {
            return;
        }
        self.leash.terminate();
        if timeout(AFTER_TERM, self.child.wait()).await.is_ok() {
            return;
        }
        self.leash.kill();
        if timeout(AFTER_KILL, self.child.wait()).await.is_err() {
            // A failure means that it has just ended.
            let _ = self.child.start_kill();
            let _ = timeout(AFTER_KILL, self.child.wait()).await;
        }
    }
}

/// Returns when the owner asks for the end, or is gone.
async fn asked(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

//! The soak: steady load, one fault after the other, rotation, churn of tokens and backups, and every bound at the end
//! (security.md, section 18; S-12, S-19, S-41, S-74, S-84, R-05, R-10, R-27).
//!
//! The full form takes ten minutes and is `just soak`; the short one a minute.

mod acts;
mod load;
mod vitals;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use toolgate_testkit::{Running, Script, Server};
use toolgate_tests::{Gateway, Installation};

use crate::effort::Effort;
use crate::score::{Bar, Score};

use acts::Acts;
use load::{Load, Tally};
use vitals::Vitals;

/// The value of the one secret; it may be seen by its server alone.
const CANARY: &str = "canary-7f3a91c2-not-a-real-secret";
/// The workspace everything happens in.
const TEAM: &str = "team";
/// How long after a fault service may be disturbed.
const RECOVERY: Duration = Duration::from_secs(5);

/// Runs the soak.
pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let whole = Duration::from_secs(effort.size(60, 600));
    let runtime = Runtime::new().expect("a runtime");
    let servers = runtime.block_on(Servers::start());
    let installation = Installation::new();
    let token = furnish(&installation, &servers);
    let mut gateway = installation.start();
    let address = gateway.url.trim_start_matches("http://").to_owned();

    let tally = Arc::new(Tally::new(Instant::now()));
    let load = Load {
        url: gateway.workspace(TEAM),
        token,
        tally: Arc::clone(&tally),
    };
    let workers = load.start(&runtime);
    let mut acts = Acts::new(&installation, &servers, &tally, effort.seed);
    let mut vitals = Vitals::default();
    let mut log = String::new();
    let began = Instant::now();
    let (mut next_act, mut next_look) = (Duration::from_secs(2), Duration::ZERO);
    let mut restarted = false;
    while began.elapsed() < whole {
        let passed = began.elapsed();
        if !restarted && passed > whole / 4 {
            restarted = true;
            log.push_str(&gateway.process.stderr());
            gateway = kill_and_restart(gateway, &installation, &address, &tally);
        }
        if passed >= next_act {
            acts.one(gateway.process.id());
            next_act = passed + whole / 40;
        }
        if passed >= next_look {
            vitals.look(
                gateway.process.id(),
                &installation.data_dir(),
                passed > whole / 2,
            );
            next_look = passed + Duration::from_secs(1);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    tally.stop.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        for worker in workers {
            // A worker that panicked is counted as a failure below.
            if worker.await.is_err() {
                tally.wrong.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    acts.finish();
    log.push_str(&gateway.process.stderr());
    let ended = gateway.stop();
    report(score, &tally, &acts, &vitals, &log);
    score.never("unclean ends of the gateway", u64::from(!ended.success()));
    let audit = installation.ctl(&["audit", "verify"]);
    score.never(
        "breaks of the audit chain",
        u64::from(!audit.status.success()),
    );
}

/// What is called during the soak.
pub(crate) struct Servers {
    /// Always well, and never excused.
    pub(crate) steady: Running,
    /// Wants the secret and says it aloud.
    pub(crate) guarded: Running,
    /// Does what the last fault says.
    pub(crate) shaky: Running,
}

impl Servers {
    async fn start() -> Self {
        let bearer = format!("Bearer {CANARY}");
        Self {
            steady: Server::new()
                .tool("echo", Script::new().echo())
                .start()
                .await,
            guarded: Server::new()
                .modern()
                .require_header("authorization", &bearer)
                .tool(
                    "say",
                    Script::new().text(&format!("the secret is {CANARY}.")),
                )
                .start()
                .await,
            shaky: Server::new()
                .tool("try", Script::new().text("well"))
                .start()
                .await,
        }
    }
}

/// Workspace, servers, secret; returns the token the load uses.
fn furnish(installation: &Installation, servers: &Servers) -> String {
    installation.workspace(TEAM);
    let token = installation.unlimited(TEAM).token;
    let add = |slug: &str, flags: &[&str]| {
        let args = [&["mcp", "add", slug, "--workspace", TEAM], flags].concat();
        installation.done(&args);
    };
    add("steady", &["--url", servers.steady.url()]);
    add(
        "guarded",
        &["--url", servers.guarded.url(), "--bearer", "CANARY"],
    );
    installation.secret(TEAM, "guarded", "CANARY", CANARY);
    add("shaky", &["--url", servers.shaky.url(), "--timeout", "3s"]);
    let child = toolgate_testkit::stdio_server_path();
    add("child", &["--", child.to_str().expect("a plain path")]);
    token
}

fn kill_and_restart(
    mut gateway: Gateway,
    installation: &Installation,
    address: &str,
    tally: &Tally,
) -> Gateway {
    tally.excuse(RECOVERY);
    gateway.process.signal("KILL");
    gateway.process.wait();
    installation.start_with(&["--listen", address])
}

#[expect(clippy::cast_precision_loss, reason = "counts of one run")]
fn report(score: &mut Score, tally: &Tally, acts: &Acts<'_>, vitals: &Vitals, log: &str) {
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    score.figure(
        "calls answered",
        count(&tally.right) as f64,
        "calls",
        Bar::AtLeast(1.0),
    );
    score.never("calls to healthy servers that failed", count(&tally.wrong));
    score.never("calls without an end in 20 s", count(&tally.endless));
    score.never("secrets in answers", count(&tally.leaks));
    score.never("secrets in logs", log.matches(CANARY).count() as u64);
    score.never("panics", log.matches("panicked at").count() as u64);
    for (name, times) in acts.done() {
        score.figure(name, *times as f64, "times", Bar::AtLeast(1.0));
    }
    for problem in acts.problems() {
        score.fail(problem);
    }
    score.never("revoked tokens that still worked", acts.outlived());
    let (early, late) = tally.p99();
    score.figure("p99 of the first third", early, "ms", Bar::Told);
    score.figure(
        "p99 of the last third, as a ratio",
        late / early.max(0.001),
        "times",
        Bar::Told,
    );
    vitals.report(score);
}

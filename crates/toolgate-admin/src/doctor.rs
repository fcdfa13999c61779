//! What is wrong with an installation, and the command that mends each.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_policy::TokenStatus;
use toolgate_store::control::{self, ControlError, ControlReply, ControlRequest};
use toolgate_store::{CallFilter, CallsReader, DataDir, StoreError, WorkspaceScope};

use crate::audit::Kept;
use crate::catalog::quarantines;
use crate::server::missing_secrets;
use crate::time::now_ms;
use crate::{Admin, AdminError, GivenKeySources, OpenError, gateway_status, operator};

const PING_TIMEOUT: Duration = Duration::from_secs(1);
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Works, but probably not as meant.
    Warning,
    /// Does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Finding {
    /// What was looked at: `data_dir`, `key`, `store`, `clock`, `audit`, `calls`, `gateway`, `workspace`, `server`,
    /// `token`, `tool`, `secret` or `mail`.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub message: String,
    /// The command, or the act, that mends it.
    pub fix: Option<String>,
}

/// Looks at everything that can be looked at; nothing is made where nothing is.
pub fn doctor(dir: &DataDir) -> Result<Vec<Finding>, AdminError> {
    doctor_with(dir, GivenKeySources::default())
}

/// The same with the master key from the one source that is given.
pub fn doctor_with(dir: &DataDir, keys: GivenKeySources) -> Result<Vec<Finding>, AdminError> {
    let mut findings = Vec::new();
    if !dir.path().exists() {
        findings.push(Finding::problem(
            "data_dir",
            format!("{} does not exist", dir.path().display()),
            "name another with --data-dir, or start the gateway once: it makes what it needs",
        ));
        return Ok(findings);
    }
    if !dir.control_db().exists() && !dir.key_file().exists() {
        findings.push(Finding::problem(
            "store",
            format!("there is no installation in {}", dir.path().display()),
            "name another with --data-dir, or start the gateway once: it makes what it needs",
        ));
        return Ok(findings);
    }
    findings.push(private(dir.path(), "data_dir", 0o700));
    if dir.key_file().exists() {
        findings.push(private(&dir.key_file(), "key", 0o600));
    }
    findings.push(gateway(dir));
    findings.extend(load(dir));
    findings.push(calls(dir));
    match Admin::open_with(dir.clone(), keys, operator()) {
        Ok(admin) => findings.extend(admin.examine()?),
        Err(error) => findings.push(closed(&error)),
    }
    Ok(findings)
}

impl Admin {
    /// The same for an installation that is open, which was whole when it was opened.
    pub fn check(&self) -> Result<Vec<Finding>, AdminError> {
        let dir = &self.dir;
        let mut findings = vec![private(dir.path(), "data_dir", 0o700), gateway(dir)];
        findings.extend(load(dir));
        findings.push(calls(dir));
        findings.extend(self.examine()?);
        Ok(findings)
    }

    /// Looks at what is in an installation that opens, so its key and its store are whole.
    fn examine(&self) -> Result<Vec<Finding>, AdminError> {
        let mut findings = vec![
            Finding::ok("key", "the master key is the one this store was made with"),
            Finding::ok("store", "the store is whole"),
            self.clock_finding()?,
            self.audit_finding()?,
        ];
        findings.extend(self.mail_finding()?);
        self.examine_keys(&mut findings)?;
        if let Some(slug) = self.chosen()?
            && !self.slugs()?.contains(&slug)
        {
            findings.push(Finding::warning(
                "workspace",
                format!("the active workspace `{slug}` does not exist"),
                "toolgatectl workspace use SLUG",
            ));
        }
        let slugs = self.slugs()?;
        if slugs.is_empty() {
            findings.push(Finding::warning(
                "workspace",
                "there is no workspace",
                "toolgatectl workspace create NAME",
            ));
        }
        for slug in slugs {
            let scope = self.scope(&slug)?;
            self.examine_servers(&scope, &mut findings)?;
            self.examine_tokens(&scope, &mut findings)?;
            self.examine_secrets(&scope, &mut findings)?;
        }
        Ok(findings)
    }

    fn clock_finding(&self) -> Result<Finding, AdminError> {
        let clock = self.clock()?;
        if !clock.is_behind() {
            return Ok(Finding::ok("clock", "the clock goes on from where it was"));
        }
        Ok(Finding::problem(
            "clock",
            format!(
                "the clock says {}, but {} was seen before: tokens are judged by the later time",
                clock.now, clock.latest_seen
            ),
            "set the clock of this host; if it is right now, `toolgatectl clock accept`",
        ))
    }

    /// Rotations that are under way, and secrets that do not fit the manifest of their workspace (S-17).
    fn examine_keys(&self, findings: &mut Vec<Finding>) -> Result<(), AdminError> {
        if let Some(what) = self.keys_status()?.unfinished {
            findings.push(Finding::warning("key", what, "toolgatectl keys status"));
        }
        for (message, fix) in self.refused_secrets()? {
            findings.push(Finding::problem("secret", message, fix));
        }
        Ok(())
    }

    fn audit_finding(&self) -> Result<Finding, AdminError> {
        let kept = Kept::read(&self.dir, None)?;
        let count = kept.heads.len();
        match self.store.verify_audit(kept.heads) {
            Ok(_) if !kept.unreadable.is_empty() => Ok(Finding::warning(
                "audit",
                format!(
                    "the audit chain holds, but {} is no checkpoint",
                    kept.unreadable.join(", ")
                ),
                "a power cut can tear a line; if there was none, somebody edited it",
            )),
            Ok(head) => Ok(Finding::ok(
                "audit",
                format!(
                    "the audit chain holds, {} rows and {count} checkpoints",
                    head.sequence
                ),
            )),
            Err(error @ StoreError::AuditBroken { .. }) => Ok(Finding::problem(
                "audit",
                error.to_string(),
                "somebody changed the store from outside: `toolgatectl audit verify` says more; compare it with a backup",
            )),
            Err(error) => Err(error.into()),
        }
    }

    fn examine_servers(
        &self,
        scope: &WorkspaceScope,
        findings: &mut Vec<Finding>,
    ) -> Result<(), AdminError> {
        let workspace = scope.slug();
        let servers = self.store.servers(scope)?;
        if servers.is_empty() {
            findings.push(Finding::warning(
                "workspace",
                format!("workspace `{workspace}` has no server"),
                format!("toolgatectl mcp add NAME --url URL --workspace {workspace}"),
            ));
        }
        for held in self.held_servers(workspace) {
            let slug = &held.server;
            findings.push(Finding::problem(
                "server",
                format!(
                    "server `{slug}` of workspace `{workspace}` is down: {}; its next start is in {} s",
                    held.reason,
                    held.retry_after_ms.div_ceil(1000)
                ),
                format!("toolgatectl mcp logs {slug} --workspace {workspace}"),
            ));
        }
        let secrets = self.store.list_secrets(scope)?;
        let tools = self.store.tools(scope)?;
        let quarantined = quarantines(&servers, &self.store.server_pins(scope)?);
        for server in servers.iter().filter(|server| server.enabled) {
            let slug = &server.slug;
            let missing = missing_secrets(server, &secrets);
            for name in &missing {
                findings.push(Finding::problem(
                    "secret",
                    format!("server `{slug}` of workspace `{workspace}` needs the secret {name}"),
                    format!("toolgatectl secrets set {slug} {name} --workspace {workspace}"),
                ));
            }
            let own = || tools.iter().filter(|tool| tool.server == server.id);
            if missing.is_empty() && own().next().is_none() {
                findings.push(Finding::warning(
                    "server",
                    format!("no tools are known of server `{slug}` of workspace `{workspace}`"),
                    format!("toolgatectl workspace test {workspace}"),
                ));
            }
            if let Some(what) = quarantined.get(&server.id) {
                findings.push(Finding::problem(
                    "server",
                    format!(
                        "server `{slug}` of workspace `{workspace}` is quarantined: {what} since it was approved"
                    ),
                    format!("toolgatectl tools review {slug} --workspace {workspace}"),
                ));
            }
            let waiting = own().filter(|tool| tool.present && tool.awaits().is_some());
            match waiting.count() {
                0 => {}
                waiting => findings.push(Finding::warning(
                    "tool",
                    format!(
                        "{waiting} tools of server `{slug}` of workspace `{workspace}` wait for a review: new or changed"
                    ),
                    format!("toolgatectl tools review {slug} --workspace {workspace}"),
                )),
            }
        }
        Ok(())
    }

    fn examine_tokens(
        &self,
        scope: &WorkspaceScope,
        findings: &mut Vec<Finding>,
    ) -> Result<(), AdminError> {
        let workspace = scope.slug();
        let now = self.judged_ms()?;
        let tokens = self.store.list_tokens(scope)?;
        let with = |status| {
            tokens
                .iter()
                .filter(move |token| token.status(now) == status)
        };
        if with(TokenStatus::Active).next().is_none() {
            findings.push(Finding::warning(
                "token",
                format!("workspace `{workspace}` has no active token, so nobody can use it"),
                format!("toolgatectl workspace token create {workspace} --name NAME"),
            ));
        }
        for token in with(TokenStatus::Expired) {
            findings.push(Finding::warning(
                "token",
                format!(
                    "token {} (`{}`) of workspace `{workspace}` has expired",
                    token.id.as_str(),
                    token.name
                ),
                format!(
                    "toolgatectl workspace token revoke {workspace} {}",
                    token.id.as_str()
                ),
            ));
        }
        Ok(())
    }

    fn examine_secrets(
        &self,
        scope: &WorkspaceScope,
        findings: &mut Vec<Finding>,
    ) -> Result<(), AdminError> {
        let workspace = scope.slug();
        for secret in self.list_secrets(scope, None)? {
            if !secret.used_by.is_empty() {
                continue;
            }
            let fix = match &secret.server {
                Some(server) => format!(
                    "toolgatectl secrets delete {server} {} --workspace {workspace}",
                    secret.name
                ),
                None => format!(
                    "toolgatectl workspace secret delete {workspace} {}",
                    secret.name
                ),
            };
            findings.push(Finding::warning(
                "secret",
                format!(
                    "no server of workspace `{workspace}` is given the secret {}",
                    secret.name
                ),
                fix,
            ));
        }
        Ok(())
    }
}

impl Finding {
    pub(crate) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Ok,
            message: message.into(),
            fix: None,
        }
    }

    pub(crate) fn warning(
        check: &'static str,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            check,
            level: Level::Warning,
            message: message.into(),
            fix: Some(fix.into()),
        }
    }

    pub(crate) fn problem(
        check: &'static str,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Problem,
            ..Self::warning(check, message, fix)
        }
    }
}

/// Whether nobody but its owner can get at `path`.
fn private(path: &Path, check: &'static str, mode: u32) -> Finding {
    let shown = path.display();
    let rights_of_others = |file: &fs::Metadata| file.permissions().mode() & 0o077;
    match fs::metadata(path) {
        Ok(found) if rights_of_others(&found) == 0 => {
            Finding::ok(check, format!("{shown} is its owner's alone"))
        }
        Ok(found) => Finding::problem(
            check,
            format!(
                "{shown} is open to others (mode {:04o})",
                found.permissions().mode() & 0o7777
            ),
            format!("chmod {mode:04o} {shown}"),
        ),
        Err(error) => Finding::problem(
            check,
            format!("{shown} cannot be looked at: {error}"),
            "check that this user owns the data directory",
        ),
    }
}

fn gateway(dir: &DataDir) -> Finding {
    let start = format!("toolgate --data-dir {}", dir.path().display());
    match control::ask(dir, &ControlRequest::Ping, PING_TIMEOUT) {
        Ok(ControlReply::Pong { url }) => {
            Finding::ok("gateway", format!("a gateway runs at {url}"))
        }
        Err(ControlError::NotRunning) => {
            Finding::warning("gateway", "no gateway is running", start)
        }
        Ok(_) => Finding::problem(
            "gateway",
            "a gateway runs and answers something else",
            "check that both programs are of the same version",
        ),
        Err(error) => Finding::problem(
            "gateway",
            format!("a gateway that may run cannot be asked: {}", chain(&error)),
            error.hint().unwrap_or("look at its log, or start it again"),
        ),
    }
}

/// What the running gateway has trouble with.
fn load(dir: &DataDir) -> Vec<Finding> {
    // Whether it can be asked at all is another finding.
    let Ok(status) = gateway_status(dir) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if status.sheds != "nothing" {
        findings.push(Finding::warning(
            "gateway",
            format!(
                "the gateway has too much to do and refuses new {}",
                status.sheds
            ),
            "toolgatectl status",
        ));
    }
    for link in status.links.iter().filter(|link| link.circuit != "closed") {
        let (server, workspace) = (&link.server, &link.workspace);
        findings.push(Finding::warning(
            "server",
            format!(
                "server `{server}` of workspace `{workspace}` keeps failing, so calls to it are answered at once"
            ),
            format!("mend it, then: toolgatectl workspace test {workspace}"),
        ));
    }
    findings
}

fn calls(dir: &DataDir) -> Finding {
    let newest = CallFilter {
        limit: 1,
        ..CallFilter::default()
    };
    let day_ago = now_ms().saturating_sub(DAY_MS);
    let read = CallsReader::open(dir).and_then(|reader| {
        reader.query(&newest)?;
        reader.lost(Some(day_ago))
    });
    match read {
        Ok(lost) if lost > 0 => Finding::warning(
            "calls",
            format!("{lost} call records were lost within a day"),
            "the gateway was killed, the disk was full, or it had too much to do; `toolgatectl status` says what it does now",
        ),
        Ok(_) => Finding::ok("calls", "call records can be read"),
        Err(error) => Finding::problem(
            "calls",
            chain(&error),
            error
                .hint()
                .unwrap_or("look at the file, or move it away: the gateway makes a new one"),
        ),
    }
}

/// The finding for an installation that does not open.
fn closed(error: &OpenError) -> Finding {
    let check = match error {
        OpenError::KeyMissing { .. }
        | OpenError::Key(_)
        | OpenError::Store(StoreError::WrongKey { .. }) => "key",
        OpenError::Store(_) => "store",
    };
    Finding::problem(
        check,
        chain(error),
        error
            .hint()
            .unwrap_or_else(|| "restore the data directory from a backup".to_owned()),
    )
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

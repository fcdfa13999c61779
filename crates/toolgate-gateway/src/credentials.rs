//! The secrets of one link: sealed here, opened for one request, looked for in everything that returns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use toolgate_namespace::{Injection, ServerSpec, Transport, placeholders};
use toolgate_store::SecretRow;
use toolgate_unseal::{MaskStream, Masker, MessageStream};
use toolgate_upstream::{CredentialError, Credentials, Injected, OutputMask};
use toolgate_vault::{Secret, SecretContext};
use url::Url;

use crate::openers::{LazyOpeners, Openers};

use crate::wiring::guard::Guard;

/// How long the patterns made from opened secrets are kept: with the time until somebody looks, under the minute
/// that any plaintext may be kept (S-15).
const MASKER_LIFETIME: Duration = Duration::from_secs(45);

/// What one link may open, and nothing else.
#[derive(Debug)]
pub(crate) struct LinkSecrets {
    spec: Arc<ServerSpec>,
    sealed: ArcSwap<Sealed>,
    masker: ArcSwapOption<TimedMasker>,
    /// One of them was rotated or deleted: none leaves from here any more.
    retired: AtomicBool,
    guard: Guard,
}

/// Replaced whole when the secrets are sealed under other data keys, which changes no value (S-12).
#[derive(Debug)]
struct Sealed {
    rows: Vec<SecretRow>,
    openers: Arc<Openers>,
}

#[derive(Debug)]
struct TimedMasker {
    masker: Arc<Masker>,
    made_at: Instant,
}

impl LinkSecrets {
    /// Picks from the workspace's secrets those the link names.
    pub(crate) fn new(
        spec: Arc<ServerSpec>,
        workspace_secrets: &[SecretRow],
        openers: &LazyOpeners<'_>,
        guard: Guard,
    ) -> Self {
        let rows = pick(&spec, workspace_secrets).cloned().collect();
        let openers = openers.get();
        Self {
            spec,
            sealed: ArcSwap::from_pointee(Sealed { rows, openers }),
            masker: ArcSwapOption::empty(),
            retired: AtomicBool::new(false),
            guard,
        }
    }

    /// Whether all of them are stored still as they were when the link was made.
    pub(crate) fn are_in_force(&self, stored: &[SecretRow]) -> bool {
        self.sealed.load().rows.iter().all(|row| {
            stored.iter().any(|now| {
                (&now.name, &now.server, now.version) == (&row.name, &row.server, row.version)
            })
        })
    }

    /// From now on nothing is injected: what is still under way was begun with a secret that was rotated or
    /// deleted since (S-15). Echoes are masked as before.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    /// Takes over how the same values are sealed by now, and forgets data keys that are gone. Calls under way go
    /// on with what they have.
    pub(crate) fn renew(&self, workspace_secrets: &[SecretRow], openers: &LazyOpeners<'_>) {
        let sealed = self.sealed.load();
        let is_same = pick(&self.spec, workspace_secrets).eq(&sealed.rows)
            && openers.are_like(&sealed.openers);
        if !is_same {
            let rows = pick(&self.spec, workspace_secrets).cloned().collect();
            let openers = openers.get();
            self.sealed.store(Arc::new(Sealed { rows, openers }));
        }
    }

    /// Whether the server is still the one that was approved.
    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The masker over everything this link injects; `None` when it injects nothing.
    ///
    /// It is kept for a minute at most; a secret that does not open is not in it, and is not sent either.
    fn masker(&self) -> Option<Arc<Masker>> {
        let sealed = self.sealed.load();
        if sealed.rows.is_empty() {
            return None;
        }
        if let Some(timed) = &*self.masker.load()
            && timed.made_at.elapsed() < MASKER_LIFETIME
        {
            return Some(timed.masker.clone());
        }
        let values: Vec<Secret<String>> = sealed
            .rows
            .iter()
            .filter_map(|row| self.open_row(&sealed, row).ok())
            .collect();
        let masker = Arc::new(Masker::new(
            values.iter().map(|value| value.expose().as_str()),
        ));
        self.masker.store(Some(Arc::new(TimedMasker {
            masker: masker.clone(),
            made_at: Instant::now(),
        })));
        Some(masker)
    }

    /// Forgets a masker nobody used for its lifetime.
    pub(crate) fn forget_old_masker(&self) {
        let old = self
            .masker
            .load()
            .as_ref()
            .is_some_and(|timed| timed.made_at.elapsed() >= MASKER_LIFETIME);
        if old {
            self.masker.store(None);
        }
    }

    fn secret(&self, name: &str) -> Result<Secret<String>, CredentialError> {
        let sealed = self.sealed.load();
        let row = sealed
            .rows
            .iter()
            .find(|row| row.name.as_str() == name)
            .ok_or_else(|| missing(name))?;
        self.open_row(&sealed, row)
    }

    fn open_row(
        &self,
        sealed: &Sealed,
        row: &SecretRow,
    ) -> Result<Secret<String>, CredentialError> {
        let name = row.name.as_str();
        let opener = sealed.openers.get(&row.sealed.key);
        let opener = opener.ok_or_else(|| missing(name))?;
        let context = SecretContext {
            workspace: self.spec.workspace.as_str(),
            server: row
                .server
                .as_ref()
                .map(toolgate_namespace::ServerId::as_str),
            name,
            version: row.version,
        };
        opener.open(context, &row.sealed).map_err(|_| missing(name))
    }

    /// Fills the `{NAME}` placeholders of a template in one pass; what a value holds is never read as a placeholder (S-29).
    fn fill(&self, template: &str) -> Result<Secret<String>, CredentialError> {
        let values = placeholders(template)
            .map(|name| Ok((name, self.secret(name)?)))
            .collect::<Result<Vec<_>, CredentialError>>()?;
        // Sized once: a string that grows would leave copies of secrets behind.
        let size = template.len()
            + values
                .iter()
                .map(|(_, value)| value.expose().len())
                .sum::<usize>();
        let mut filled = String::with_capacity(size);
        let mut rest = template;
        for (name, value) in &values {
            let at = rest
                .find(&format!("{{{name}}}"))
                .expect("placeholders are found in order");
            filled.push_str(&rest[..at]);
            filled.push_str(value.expose());
            rest = &rest[at + name.len() + 2..];
        }
        filled.push_str(rest);
        Ok(Secret::new(filled))
    }
}

impl Credentials for LinkSecrets {
    fn open(&self) -> Result<Injected, CredentialError> {
        if self.retired.load(Ordering::Acquire) {
            let sealed = self.sealed.load();
            let first = sealed.rows.first().map_or("", |row| row.name.as_str());
            return Err(missing(first));
        }
        let mut injected = Injected::default();
        for injection in &self.spec.injections {
            match injection {
                Injection::Bearer { secret } => {
                    let value = self.secret(secret)?;
                    let text = Secret::new(["Bearer ", value.expose()].concat());
                    injected
                        .headers
                        .push((AUTHORIZATION, header_value(text, secret)?));
                }
                Injection::Header { name, template } => {
                    let name = HeaderName::from_bytes(name.as_bytes())
                        .map_err(|_| missing(template_name(template)))?;
                    let value = header_value(self.fill(template)?, template_name(template))?;
                    injected.headers.push((name, value));
                }
                Injection::Env { secret } => {
                    injected.env.push((secret.clone(), self.secret(secret)?));
                }
                Injection::Url { .. } => {
                    if let Transport::Http { url, .. } = &self.spec.transport {
                        let filled = self.fill(url)?;
                        let parsed =
                            Url::parse(filled.expose()).map_err(|_| missing(template_name(url)))?;
                        injected.url = Some(parsed);
                    }
                }
            }
        }
        Ok(injected)
    }

    fn admit<'a>(&'a self, argv: &'a [String]) -> BoxFuture<'a, bool> {
        self.guard.admits(argv).boxed()
    }

    fn mask(&self, message: Bytes) -> Bytes {
        match self.masker() {
            Some(masker) => masker.mask_message(message),
            None => message,
        }
    }

    fn message_mask(self: Arc<Self>) -> Option<Box<dyn OutputMask>> {
        Some(Box::new(MessageMask {
            secrets: self,
            stream: MessageStream::default(),
        }))
    }

    fn output_mask(self: Arc<Self>) -> Option<Box<dyn OutputMask>> {
        let wanted = !self.sealed.load().rows.is_empty();
        let mask = StderrMask {
            secrets: self,
            stream: None,
        };
        wanted.then(|| Box::new(mask) as Box<dyn OutputMask>)
    }
}

/// Takes a link's secrets out of one message that comes in chunks. Between them it holds none (S-15).
struct MessageMask {
    secrets: Arc<LinkSecrets>,
    stream: MessageStream,
}

impl OutputMask for MessageMask {
    fn push(&mut self, chunk: Bytes) -> Bytes {
        match self.secrets.masker() {
            Some(masker) => self.stream.push(&masker, &chunk),
            None => chunk,
        }
    }

    fn pause(&mut self) -> Bytes {
        match self.secrets.masker() {
            Some(masker) => self.stream.finish(&masker),
            None => Bytes::new(),
        }
    }
}

/// Takes a link's secrets out of what one child writes to standard error (S-75). Holds them only while it
/// writes, and a minute at most (S-15).
struct StderrMask {
    secrets: Arc<LinkSecrets>,
    stream: Option<(MaskStream, Instant)>,
}

impl OutputMask for StderrMask {
    fn push(&mut self, chunk: Bytes) -> Bytes {
        let is_old = |(_, since): &mut (_, Instant)| since.elapsed() >= MASKER_LIFETIME;
        let before = match self.stream.take_if(is_old) {
            Some((mut old, _)) => old.finish(),
            None => Bytes::new(),
        };
        if self.stream.is_none() {
            let masker = self.secrets.masker();
            self.stream = masker.map(|masker| (masker.stream(), Instant::now()));
        }
        let Some((stream, _)) = &mut self.stream else {
            return chunk;
        };
        let masked = stream.push(chunk);
        if before.is_empty() {
            return masked;
        }
        [before, masked].concat().into()
    }

    fn pause(&mut self) -> Bytes {
        let stream = self.stream.take();
        stream.map_or_else(Bytes::new, |(mut stream, _)| stream.finish())
    }
}

/// A value that no log shows, and that is wiped with the last copy of the header (S-15). Controls are refused when a
/// secret is saved, and again here (S-26).
fn header_value(text: Secret<String>, secret: &str) -> Result<HeaderValue, CredentialError> {
    let shared = Bytes::from_owner(Wiped(text));
    let mut value = HeaderValue::from_maybe_shared(shared).map_err(|_| missing(secret))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Bytes of a header that are wiped when nobody holds the header any more.
struct Wiped(Secret<String>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

fn template_name(template: &str) -> &str {
    placeholders(template).next().unwrap_or(template)
}

fn missing(name: &str) -> CredentialError {
    CredentialError {
        secret: name.to_owned(),
    }
}

/// The secrets a server names; a value of its own beats one of the workspace (product.md 7.2).
fn pick<'a>(
    spec: &'a ServerSpec,
    workspace_secrets: &'a [SecretRow],
) -> impl Iterator<Item = &'a SecretRow> {
    let mut wanted: Vec<&str> = spec
        .injections
        .iter()
        .flat_map(Injection::secret_names)
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.into_iter().filter_map(move |name| {
        let named = || {
            workspace_secrets
                .iter()
                .filter(|row| row.name.as_str() == name)
        };
        named()
            .find(|row| row.server.as_ref() == Some(&spec.id))
            .or_else(|| named().find(|row| row.server.is_none()))
    })
}

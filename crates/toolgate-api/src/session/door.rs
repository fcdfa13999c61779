//! The way in for browsers: `/api/session` and the check of every request that comes with its cookie.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use toolgate_admin::{Actor, Admin, Role, Secret, SignedIn, canonical_email};

use super::book::{Book, Session};
use super::clock::Clock;
use super::forgery::{check_csrf, check_origin, is_change, takes_proof};
use super::refused::Refused;
use super::setup::Setup;
use super::throttle::Throttle;
use super::who::{Proof, Who};
use super::{cookie, draw};
use crate::{ApiError, Caller};

/// Passwords that are checked at once; each takes 64 MiB for a moment (S-82).
const HASHES_AT_ONCE: usize = 2;
/// Sent by a page that refreshes itself while nobody touches it.
const BACKGROUND: HeaderName = HeaderName::from_static("x-background");

/// Everything about signing in.
#[derive(Debug)]
pub(crate) struct Door {
    book: Book,
    throttle: Throttle,
    setup: Setup,
    hashing: AtomicUsize,
}

/// One request, as far as signing in looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) from: IpAddr,
}

/// What is answered under `/api/session`.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) body: Value,
    pub(crate) cookies: Vec<HeaderValue>,
}

/// A session that holds, and as whom it acts.
struct Found {
    id: String,
    session: Session,
    caller: Caller,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    email: Option<String>,
    password: Option<String>,
    key: Option<String>,
    token: Option<String>,
    setup_token: Option<String>,
    code: Option<String>,
}

impl Door {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            book: Book::new(clock.clone()),
            throttle: Throttle::new(clock.clone()),
            setup: Setup::new(clock),
            hashing: AtomicUsize::new(0),
        }
    }

    /// A setup token, if nobody can sign in yet (S-76).
    pub(crate) fn issue_setup_token(&self, admin: &Admin) -> Result<Option<String>, ApiError> {
        if !admin.is_unclaimed()? {
            return Ok(None);
        }
        self.setup.issue().map(Some).map_err(|_| ApiError::Setup)
    }

    /// Answers a request to `/api/session` or below it. Blocks: it reads the store and checks passwords.
    pub(crate) fn answer(
        &self,
        admin: &Admin,
        asked: Asked<'_>,
        body: &[u8],
    ) -> Result<Said, Refused> {
        match (asked.method.as_str(), asked.path) {
            ("GET", "/api/session") => self.show(admin, asked),
            ("POST", "/api/session") => {
                check_form(asked, true)?;
                self.sign_in(admin, asked, &read(body)?)
            }
            ("POST", "/api/session/setup") => {
                check_form(asked, true)?;
                self.set_up(admin, asked, read(body)?)
            }
            ("POST", "/api/session/join") => {
                check_form(asked, true)?;
                self.join(admin, asked, read(body)?)
            }
            ("POST", "/api/session/step-up") => {
                check_form(asked, true)?;
                self.step_up(admin, asked, read(body)?)
            }
            ("DELETE", "/api/session") => {
                check_form(asked, false)?;
                self.sign_out(asked)
            }
            _ => Err(Refused::NoRoute),
        }
    }

    /// Who sends this request, by the cookie of their browser; `None` when it has none. A change must come from our
    /// page with the session's token (S-78), and some take a proof that is not old (S-77). With them comes the id of
    /// the session.
    pub(crate) fn caller(
        &self,
        admin: &Admin,
        asked: Asked<'_>,
    ) -> Result<Option<(Caller, String)>, Refused> {
        if cookie::read(asked.headers, cookie::SESSION).is_none() {
            return Ok(None);
        }
        let found = self.session(admin, asked)?.ok_or(Refused::NotSignedIn)?;
        if is_change(asked.method) {
            check_origin(asked.headers)?;
            check_csrf(asked.headers, &found.session.csrf)?;
            if takes_proof(asked) && found.session.proved_for_ms.is_none() {
                return Err(Refused::ProofNeeded(found.session.who.proof()));
            }
        }
        Ok(Some((found.caller, found.id)))
    }

    /// Whether a session still holds. To look is no use of it.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.book.find(id, true).is_some()
    }

    /// The session a request comes with, while whoever is behind it may still sign in (S-41).
    fn session(&self, admin: &Admin, asked: Asked<'_>) -> Result<Option<Found>, Refused> {
        let Some(id) = cookie::read(asked.headers, cookie::SESSION) else {
            return Ok(None);
        };
        let background = asked.headers.contains_key(BACKGROUND);
        let Some(session) = self.book.find(id, background) else {
            return Ok(None);
        };
        let caller = match &session.who {
            Who::Operator(who) => admin
                .still_operator(who)?
                .then(|| Caller::Operator(who.clone())),
            Who::Key { text, .. } => admin.key_holder(text.expose())?.map(Caller::Key),
            Who::Workspace { text, .. } => admin
                .token_holder(text.expose())?
                .filter(|holder| holder.role == Role::Admin)
                .map(Caller::Token),
        };
        let Some(caller) = caller else {
            self.book.end(id);
            return Ok(None);
        };
        let id = id.to_owned();
        Ok(Some(Found {
            id,
            session,
            caller,
        }))
    }

    fn show(&self, admin: &Admin, asked: Asked<'_>) -> Result<Said, Refused> {
        if let Some(found) = self.session(admin, asked)? {
            return Ok(Said::of(&found.session));
        }
        // Kept if there is one, so that two open forms of one browser both work.
        let (csrf, cookies) = if let Some(known) = cookie::read(asked.headers, cookie::DOOR) {
            (known.to_owned(), Vec::new())
        } else {
            let drawn = draw::text()?;
            let set = cookie::set(cookie::DOOR, &drawn);
            (drawn, set.into_iter().collect())
        };
        let body = json!({
            "signed_in": false,
            "setup": self.setup.is_open(),
            "csrf": csrf,
            "version": env!("CARGO_PKG_VERSION"),
        });
        Ok(Said { body, cookies })
    }

    fn sign_in(&self, admin: &Admin, asked: Asked<'_>, given: &Given) -> Result<Said, Refused> {
        self.check_door(admin, asked)?;
        let who = match given {
            Given {
                email: Some(email),
                password: Some(password),
                key: None,
                token: None,
                setup_token: None,
                code: None,
            } => Who::Operator(self.check_password(admin, asked, email, password)?),
            Given {
                email: None,
                password: None,
                key: Some(key),
                token: None,
                setup_token: None,
                code: None,
            } => self.check_key(admin, asked, key)?,
            Given {
                email: None,
                password: None,
                key: None,
                token: Some(token),
                setup_token: None,
                code: None,
            } => self.check_token(admin, asked, token)?,
            _ => return Err(Refused::Malformed),
        };
        self.enter(admin, asked, who)
    }

    fn set_up(&self, admin: &Admin, asked: Asked<'_>, given: Given) -> Result<Said, Refused> {
        self.check_door(admin, asked)?;
        let (Some(token), Some(email), Some(password)) =
            (given.setup_token, given.email, given.password)
        else {
            return Err(Refused::Malformed);
        };
        self.check_wait(None, asked.from)?;
        if !self.setup.is(&token) {
            return Err(self.failed(admin, None, asked.from, Proof::SetupToken));
        }
        let _turn = self.turn()?;
        let actor = Actor::operator(&canonical_email(&email)?);
        let who = admin
            .acting_as(actor)
            .claim_installation(&email, &Secret::new(password))?;
        self.setup.spend();
        self.enter(admin, asked, Who::Operator(who))
    }

    /// Somebody who is invited to the team chooses a password, and is signed in with it.
    fn join(&self, admin: &Admin, asked: Asked<'_>, given: Given) -> Result<Said, Refused> {
        self.check_door(admin, asked)?;
        let (Some(code), Some(password)) = (given.code, given.password) else {
            return Err(Refused::Malformed);
        };
        // Nothing is hashed for a code that opens nothing.
        admin.show_invitation(&code).map_err(Refused::of_code)?;
        let _turn = self.turn()?;
        let who = admin
            .acting_as(Actor::invited())
            .join_with_password(&code, &Secret::new(password))
            .map_err(Refused::of_code)?;
        self.enter(admin, asked, Who::Operator(who))
    }

    fn step_up(&self, admin: &Admin, asked: Asked<'_>, given: Given) -> Result<Said, Refused> {
        let Found { id, session, .. } = self.session(admin, asked)?.ok_or(Refused::NotSignedIn)?;
        check_csrf(asked.headers, &session.csrf)?;
        match (&session.who, given) {
            (
                Who::Operator(who),
                Given {
                    password: Some(password),
                    ..
                },
            ) => {
                self.check_password(admin, asked, &who.email, &password)?;
            }
            (
                Who::Key { text, .. },
                Given {
                    key: Some(given), ..
                },
            )
            | (
                Who::Workspace { text, .. },
                Given {
                    token: Some(given), ..
                },
            ) => {
                self.check_wait(None, asked.from)?;
                if !draw::same(text.expose(), given.trim()) {
                    return Err(self.failed(admin, None, asked.from, session.who.proof()));
                }
            }
            _ => return Err(Refused::Malformed),
        }
        self.book.prove(&id);
        let proved = self.book.find(&id, false).ok_or(Refused::NotSignedIn)?;
        Ok(Said::of(&proved))
    }

    fn sign_out(&self, asked: Asked<'_>) -> Result<Said, Refused> {
        let Some(id) = cookie::read(asked.headers, cookie::SESSION) else {
            return Err(Refused::NotSignedIn);
        };
        if let Some(session) = self.book.find(id, true) {
            check_csrf(asked.headers, &session.csrf)?;
            self.book.end(id);
        }
        Ok(Said {
            body: json!({ "signed_in": false }),
            cookies: cookie::clear(cookie::SESSION).into_iter().collect(),
        })
    }

    /// Starts a session under a new id, whatever the browser had before (S-77).
    fn enter(&self, admin: &Admin, asked: Asked<'_>, who: Who) -> Result<Said, Refused> {
        admin
            .acting_as(who.actor())
            .note_sign_in(who.id(), who.name())?;
        if let Some(old) = cookie::read(asked.headers, cookie::SESSION) {
            self.book.end(old);
        }
        let id = self.book.start(who)?;
        let session = self.book.find(&id, false).ok_or(Refused::NotSignedIn)?;
        let mut said = Said::of(&session);
        said.cookies.extend(cookie::set(cookie::SESSION, &id));
        said.cookies.extend(cookie::clear(cookie::DOOR));
        Ok(said)
    }

    /// A form for signing in comes from the browser it was given to: with the cookie and the same text in a header. One
    /// who is signed in already has the session's.
    fn check_door(&self, admin: &Admin, asked: Asked<'_>) -> Result<(), Refused> {
        if let Some(found) = self.session(admin, asked)? {
            return check_csrf(asked.headers, &found.session.csrf);
        }
        let door = cookie::read(asked.headers, cookie::DOOR).ok_or(Refused::Forged)?;
        check_csrf(asked.headers, door)
    }

    fn check_password(
        &self,
        admin: &Admin,
        asked: Asked<'_>,
        email: &str,
        password: &str,
    ) -> Result<SignedIn, Refused> {
        let account = canonical_email(email).ok();
        let account = account.as_deref();
        self.check_wait(account, asked.from)?;
        let _turn = self.turn()?;
        let password = Secret::new(password.to_owned());
        match admin.check_password(email, &password)? {
            Some(who) => {
                self.throttle.succeeded(&who.email);
                Ok(who)
            }
            None => Err(self.failed(admin, account, asked.from, Proof::Password)),
        }
    }

    fn check_key(&self, admin: &Admin, asked: Asked<'_>, text: &str) -> Result<Who, Refused> {
        self.check_wait(None, asked.from)?;
        let text = text.trim();
        match admin.key_holder(text)? {
            Some(holder) => Ok(Who::Key {
                id: holder.id,
                name: holder.name,
                text: Arc::new(Secret::new(text.to_owned())),
                actor: holder.actor,
            }),
            None => Err(self.failed(admin, None, asked.from, Proof::Key)),
        }
    }

    fn check_token(&self, admin: &Admin, asked: Asked<'_>, text: &str) -> Result<Who, Refused> {
        self.check_wait(None, asked.from)?;
        let text = text.trim();
        match admin.token_holder(text)? {
            Some(holder) if holder.role == Role::Admin => Ok(Who::Workspace {
                id: holder.id,
                name: holder.name,
                slug: holder.scope.slug().to_string(),
                text: Arc::new(Secret::new(text.to_owned())),
                actor: holder.actor,
            }),
            _ => Err(self.failed(admin, None, asked.from, Proof::Token)),
        }
    }

    fn check_wait(&self, account: Option<&str>, from: IpAddr) -> Result<(), Refused> {
        match self.throttle.wait_ms(account, from) {
            0 => Ok(()),
            wait_ms => Err(Refused::TooMany { wait_ms }),
        }
    }

    fn failed(&self, admin: &Admin, account: Option<&str>, from: IpAddr, what: Proof) -> Refused {
        if self.throttle.failed(account, from) {
            // The refusal stands whether or not it could be written down.
            let _ = admin
                .acting_as(Actor::stranger())
                .note_failed_sign_ins(&from.to_string());
        }
        Refused::Wrong(what)
    }

    fn turn(&self) -> Result<Turn<'_>, Refused> {
        let taken = self.hashing.fetch_add(1, Ordering::AcqRel);
        let turn = Turn(&self.hashing);
        if taken < HASHES_AT_ONCE {
            Ok(turn)
        } else {
            drop(turn);
            Err(Refused::Busy)
        }
    }
}

/// The right to check one password.
struct Turn<'a>(&'a AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Said {
    fn of(session: &Session) -> Self {
        let body = json!({
            "signed_in": true,
            "csrf": session.csrf,
            "who": {
                "kind": session.who.kind(),
                "name": session.who.name(),
                "workspace": session.who.workspace(),
            },
            "ends_in_s": session.left_ms / 1000,
            "proved_for_s": session.proved_for_ms.map(|left| left / 1000),
            "version": env!("CARGO_PKG_VERSION"),
        });
        Self {
            body,
            cookies: Vec::new(),
        }
    }
}

fn read(body: &[u8]) -> Result<Given, Refused> {
    serde_json::from_slice(body).map_err(|_| Refused::Malformed)
}

/// A change under `/api/session` comes from our page, as JSON.
fn check_form(asked: Asked<'_>, has_body: bool) -> Result<(), Refused> {
    check_origin(asked.headers)?;
    let kind = asked.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_json = kind.is_some_and(|kind| kind.starts_with(b"application/json"));
    if has_body && !is_json {
        return Err(Refused::NotJson);
    }
    Ok(())
}

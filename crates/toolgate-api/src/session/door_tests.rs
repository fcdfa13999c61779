//! S-76, S-77, S-78 at the door, without a network: what a browser sends and what it is told.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use toolgate_admin::{Admin, DataDir, MailPassword, NewToken, Role, Secret, operator};

use super::book::{IDLE_MS, PROVED_MS};
use super::clock::Clock;
use super::door::{Asked, Door, Said};
use super::refused::Refused;
use crate::problem::Problem;

const EMAIL: &str = "alice@example.com";
const PASSWORD: &str = "correct horse battery";
const TOKENS: &str = "/api/community/mcp/workspaces/team/tokens";

struct House {
    _folder: TempDir,
    admin: Admin,
    door: Door,
    time: Arc<AtomicU64>,
}

/// What a browser keeps: cookies and the token its page was given.
#[derive(Clone, Default)]
struct Browser {
    cookies: Vec<(String, String)>,
    csrf: String,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let admin = Admin::open(DataDir::new(folder.path().join("data")), operator()).unwrap();
        let time = Arc::new(AtomicU64::new(1));
        let read = Arc::clone(&time);
        let door = Door::new(Clock::of(move || read.load(Ordering::Relaxed)));
        Self {
            _folder: folder,
            admin,
            door,
            time,
        }
    }

    /// With an operator whose password is known.
    fn claimed() -> Self {
        let house = Self::new();
        let password = Secret::new(PASSWORD.to_owned());
        house.admin.claim_installation(EMAIL, &password).unwrap();
        house
    }

    fn wait(&self, ms: u64) {
        self.time.fetch_add(ms, Ordering::Relaxed);
    }

    fn ask(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: &Value,
    ) -> Result<Said, Refused> {
        let asked = asked(method, path, headers);
        self.door
            .answer(&self.admin, asked, body.to_string().as_bytes())
    }

    /// A page that was opened: a door cookie and a token.
    fn open(&self) -> Browser {
        let mut browser = Browser::default();
        let said = self
            .ask(&Method::GET, "/api/session", &browser.headers(), &json!({}))
            .unwrap();
        browser.hear(&said);
        browser
    }

    fn post(&self, browser: &mut Browser, path: &str, body: &Value) -> Result<Value, Refused> {
        let said = self.ask(&Method::POST, path, &browser.headers(), body)?;
        browser.hear(&said);
        Ok(said.body)
    }

    fn sign_in(&self) -> Browser {
        let mut browser = self.open();
        let given = json!({ "email": EMAIL, "password": PASSWORD });
        self.post(&mut browser, "/api/session", &given).unwrap();
        browser
    }

    fn may(&self, browser: &Browser, method: &Method, path: &str) -> Result<bool, Refused> {
        let headers = browser.headers();
        let found = self.door.caller(&self.admin, asked(method, path, &headers));
        found.map(|caller| caller.is_some())
    }
}

impl Browser {
    fn hear(&mut self, said: &Said) {
        for cookie in &said.cookies {
            let text = cookie.to_str().unwrap();
            let (pair, _) = text.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !text.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        if let Some(csrf) = said.body["csrf"].as_str() {
            csrf.clone_into(&mut self.csrf);
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let mut set = |name: HeaderName, value: &str| {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        };
        set(COOKIE, &cookies.join("; "));
        set(HOST, "127.0.0.1:8421");
        set(ORIGIN, "http://127.0.0.1:8421");
        set(CONTENT_TYPE, "application/json");
        set(HeaderName::from_static("x-csrf-token"), &self.csrf);
        headers
    }

    fn session(&self) -> Option<&str> {
        let found = self
            .cookies
            .iter()
            .find(|(name, _)| name == "__Host-toolgate");
        found.map(|(_, value)| value.as_str())
    }
}

fn asked<'a>(method: &'a Method, path: &'a str, headers: &'a HeaderMap) -> Asked<'a> {
    Asked {
        method,
        path,
        headers,
        from: IpAddr::from([192, 0, 2, 1]),
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Refused>, status: StatusCode, code: &str) {
    let problem = Problem::from(result.unwrap_err());
    assert_eq!((problem.status, problem.code), (status, code));
    assert!(problem.hint.is_some(), "a refusal says what to do next");
}

#[test]
fn s76_first_run_takeover() {
    let house = House::new();
    let mut browser = house.open();
    let claim = |token: &str| json!({ "setup_token": token, "email": EMAIL, "password": PASSWORD });
    let setup = "/api/session/setup";
    // Nothing was printed, so nothing can be claimed.
    refused(
        house.post(&mut browser, setup, &claim("")),
        StatusCode::UNAUTHORIZED,
        "wrong_credentials",
    );
    let token = house.door.issue_setup_token(&house.admin).unwrap().unwrap();
    let wrong = claim(&"0".repeat(64));
    refused(
        house.post(&mut browser, setup, &wrong),
        StatusCode::UNAUTHORIZED,
        "wrong_credentials",
    );
    // Late by a moment.
    house.wait(30 * 60_000);
    refused(
        house.post(&mut browser, setup, &claim(&token)),
        StatusCode::UNAUTHORIZED,
        "wrong_credentials",
    );
    let token = house.door.issue_setup_token(&house.admin).unwrap().unwrap();
    let said = house.post(&mut browser, setup, &claim(&token)).unwrap();
    assert_eq!(said["who"]["name"], EMAIL);
    assert!(browser.session().is_some());
    // Once.
    let mut other = house.open();
    assert!(house.post(&mut other, setup, &claim(&token)).is_err());
    assert_eq!(house.door.issue_setup_token(&house.admin).unwrap(), None);
}

type Spoil = fn(&mut HeaderMap);

#[test]
fn s78_csrf_matrix() {
    let house = House::claimed();
    let signed_in = house.sign_in();
    let given = json!({ "email": EMAIL, "password": PASSWORD });
    let spoiled: [(&str, Spoil); 7] = [
        ("no token", |headers| drop(headers.remove("x-csrf-token"))),
        ("another token", |headers| {
            headers.insert("x-csrf-token", HeaderValue::from_static("0000"));
        }),
        ("no origin", |headers| drop(headers.remove(ORIGIN))),
        ("another site", |headers| {
            headers.insert(ORIGIN, HeaderValue::from_static("https://evil.example"));
        }),
        ("another port", |headers| {
            headers.insert(ORIGIN, HeaderValue::from_static("http://127.0.0.1:9999"));
        }),
        ("an opaque origin", |headers| {
            headers.insert(ORIGIN, HeaderValue::from_static("null"));
        }),
        ("from a neighbour", |headers| {
            headers.insert("sec-fetch-site", HeaderValue::from_static("same-site"));
        }),
    ];
    for (what, spoil) in spoiled {
        for (method, path) in [
            (Method::POST, "/api/session"),
            (Method::POST, "/api/session/setup"),
            (Method::POST, "/api/session/step-up"),
            (Method::DELETE, "/api/session"),
        ] {
            for browser in [&signed_in, &house.open()] {
                let mut headers = browser.headers();
                spoil(&mut headers);
                let answer = house.ask(&method, path, &headers, &given);
                assert!(answer.is_err(), "{what}: {method} {path}");
            }
        }
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            let mut headers = signed_in.headers();
            spoil(&mut headers);
            let asked = asked(&method, "/api/community/mcp/workspaces/team", &headers);
            let answer = house.door.caller(&house.admin, asked);
            refused(answer, StatusCode::FORBIDDEN, "forged");
        }
    }
    // All that failed above ended nothing, and looking needs no token.
    let mut headers = signed_in.headers();
    headers.remove("x-csrf-token");
    headers.remove(ORIGIN);
    let looked = asked(&Method::GET, TOKENS, &headers);
    assert!(house.door.caller(&house.admin, looked).unwrap().is_some());
    assert!(house.may(&signed_in, &Method::POST, TOKENS).unwrap());
    // A form of a page cannot send JSON.
    let mut form = house.open().headers();
    form.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    refused(
        house.ask(&Method::POST, "/api/session", &form, &given),
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
    );
}

#[test]
fn s77_a_session_gets_a_new_id_at_login_and_ends_when_signed_out() {
    let house = House::claimed();
    let mut browser = house.sign_in();
    let first = browser.clone();
    let given = json!({ "email": " Alice@EXAMPLE.com", "password": PASSWORD });
    house.post(&mut browser, "/api/session", &given).unwrap();
    assert_ne!(first.session(), browser.session());
    refused(
        house.may(&first, &Method::GET, TOKENS),
        StatusCode::UNAUTHORIZED,
        "not_signed_in",
    );
    assert!(house.may(&browser, &Method::GET, TOKENS).unwrap());
    house
        .ask(
            &Method::DELETE,
            "/api/session",
            &browser.headers(),
            &json!({}),
        )
        .unwrap();
    assert!(house.may(&browser, &Method::GET, TOKENS).is_err());
    assert!(!house.may(&house.open(), &Method::GET, TOKENS).unwrap());
}

/// Whoever is invited to the team chooses a password; the code works once, and no code opens anything else.
#[test]
fn s41_a_code_to_the_team_signs_in_once() {
    let house = House::claimed();
    let made = house
        .admin
        .invite_to_team("dora@example.com", None, &MailPassword::default())
        .unwrap();
    let join = "/api/session/join";
    let code = made.code.unwrap();
    let with = |code: &str, password: &str| json!({ "code": code, "password": password });
    let mut browser = house.open();
    assert!(
        house
            .post(&mut browser, join, &with("inv_x", PASSWORD))
            .is_err()
    );
    assert!(
        house
            .post(&mut browser, join, &with(&code, "short"))
            .is_err()
    );
    let said = house
        .post(&mut browser, join, &with(&code, PASSWORD))
        .unwrap();
    assert_eq!(said["who"]["name"], "dora@example.com");
    let mut other = house.open();
    refused(
        house.post(&mut other, join, &with(&code, PASSWORD)),
        StatusCode::NOT_FOUND,
        "not_found",
    );
}

#[test]
fn s77_an_idle_session_ends_and_secrets_want_the_password_again() {
    let house = House::claimed();
    let mut browser = house.sign_in();
    assert!(house.may(&browser, &Method::POST, TOKENS).unwrap());
    house.wait(PROVED_MS);
    for guarded in [
        TOKENS,
        "/api/community/mcp/workspaces/team/secrets",
        "/api/community/mcp/workspaces/team/invitations",
        "/api/keys",
        "/api/team",
        "/api/team/op_1",
        "/api/community/mcp/workspaces",
    ] {
        refused(
            house.may(&browser, &Method::POST, guarded),
            StatusCode::FORBIDDEN,
            "step_up_needed",
        );
        assert!(house.may(&browser, &Method::GET, guarded).unwrap());
    }
    let servers = "/api/community/mcp/workspaces/team/servers";
    assert!(house.may(&browser, &Method::POST, servers).unwrap());
    let again = |password: &str| json!({ "password": password });
    let step_up = "/api/session/step-up";
    refused(
        house.post(&mut browser, step_up, &again("something else")),
        StatusCode::UNAUTHORIZED,
        "wrong_credentials",
    );
    house.post(&mut browser, step_up, &again(PASSWORD)).unwrap();
    assert!(house.may(&browser, &Method::POST, TOKENS).unwrap());
    house.wait(IDLE_MS);
    assert!(house.may(&browser, &Method::GET, TOKENS).is_err());
}

/// S-41: a removal, a new password, a revoked key or token end what was signed in with them, at once.
#[test]
fn s41_what_is_taken_away_ends_its_sessions() {
    let house = House::claimed();
    let alice = house.sign_in();
    let key = house.admin.create_operator_key("ci", None).unwrap();
    let team = house.admin.create_workspace("team", "").unwrap();
    let scope = house.admin.scope("team").unwrap();
    let signed_in = |given: Value| {
        let mut browser = house.open();
        house
            .post(&mut browser, "/api/session", &given)
            .map(|_| browser)
    };
    let by_key = signed_in(json!({ "key": key.key })).unwrap();
    let by_token = signed_in(json!({ "token": team.token })).unwrap();
    let developer = NewToken {
        role: Role::Developer,
        ..NewToken::named("bob")
    };
    let developer = house.admin.create_token(&scope, &developer).unwrap();
    refused(
        signed_in(json!({ "token": developer.token })).map(drop),
        StatusCode::UNAUTHORIZED,
        "wrong_credentials",
    );
    for browser in [&alice, &by_key, &by_token] {
        assert!(house.may(browser, &Method::GET, TOKENS).unwrap());
    }
    let other = Secret::new("another horse battery".to_owned());
    house.admin.set_operator_password(EMAIL, &other).unwrap();
    house.admin.revoke_operator_key(&key.id).unwrap();
    house.admin.revoke_token(&scope, &team.token_id).unwrap();
    for browser in [&alice, &by_key, &by_token] {
        refused(
            house.may(browser, &Method::GET, TOKENS),
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
        );
    }
}

#[test]
fn s77_guessing_waits_and_all_spellings_of_a_name_are_one() {
    let house = House::claimed();
    let mut browser = house.open();
    let spellings = [
        EMAIL,
        "ALICE@example.com",
        " alice@example.com",
        "Alice@Example.Com ",
    ];
    for email in spellings {
        let given = json!({ "email": email, "password": "not the password" });
        refused(
            house.post(&mut browser, "/api/session", &given),
            StatusCode::UNAUTHORIZED,
            "wrong_credentials",
        );
    }
    let right = json!({ "email": EMAIL, "password": PASSWORD });
    refused(
        house.post(&mut browser, "/api/session", &right),
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_tries",
    );
    house.wait(1_000);
    house.post(&mut browser, "/api/session", &right).unwrap();
}

/// S-85: signing in is in the audit, under the name of who did.
#[test]
fn s85_a_sign_in_leaves_its_row() {
    let house = House::claimed();
    house.sign_in();
    let rows = house
        .admin
        .list_audit(&toolgate_admin::AuditQuery::newest(1))
        .unwrap();
    assert_eq!(rows[0].action, "session.start");
    assert_eq!(rows[0].actor, format!("operator {EMAIL}"));
}

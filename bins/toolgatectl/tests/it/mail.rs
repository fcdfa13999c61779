//! Invitations by mail, against a mail server over a real socket: what is mailed, and what is never said in clear.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::installation::{Installation, Ran};
use crate::mail_server::{Heard, MailServer, Offer};

/// Obviously fake; `AUTH PLAIN` sends it as `\0mailer\0not-a-real-password` in base 64.
const PASSWORD: &str = "not-a-real-password";
const PLAIN: &str = "AG1haWxlcgBub3QtYS1yZWFsLXBhc3N3b3Jk";
/// On Linux this is the host itself, and to the rule about TLS it is any other host.
const ELSEWHERE: &str = "0.0.0.0";

/// An installation with a workspace that mails over `server`.
fn installation(url: &str) -> Installation {
    let home = Installation::new();
    home.ok(&["workspace", "create", "Team tools"]);
    for (name, value) in [
        ("smtp_url", url),
        ("smtp_from", "Tools <toolgate@example.com>"),
        ("dashboard_url", "https://tools.example.com"),
    ] {
        home.ok(&["settings", "set", name, value]);
    }
    home
}

/// Invites alice, with this in the environment.
fn invite(home: &Installation, flags: &[&str], environment: &[(&str, &str)]) -> Ran {
    let args = [
        "workspace",
        "member",
        "invite",
        "team-tools",
        "alice@example.com",
        "--json",
    ];
    run(home, &[&args, flags].concat(), environment)
}

fn run(home: &Installation, args: &[&str], environment: &[(&str, &str)]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_toolgatectl"))
        .args(args)
        .env("TOOLGATE_DATA_DIR", home.dir())
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn trusting(server: &MailServer) -> (&'static str, String) {
    (
        "SSL_CERT_FILE",
        server.certificate.to_str().unwrap().to_owned(),
    )
}

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Nothing that opens anything was said where others can read it.
#[track_caller]
fn kept_quiet(heard: &Heard) {
    let clear = heard.clear.join("\n");
    for secret in ["AUTH", "MAIL", "RCPT", PASSWORD, PLAIN, "inv_", "alice"] {
        assert!(!clear.contains(secret), "`{secret}` in clear:\n{clear}");
    }
    assert!(heard.mail.is_none(), "{heard:?}");
}

#[test]
fn a_mail_has_the_link_and_says_who_invites_to_what_until_when() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start("127.0.0.1", Offer::Nothing, folder.path());
    let home = installation(&format!("smtp://{}", server.address));
    let ran = invite(&home, &["--invited-by", "Carol"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let made = report(&ran);
    assert_eq!(made["mail"]["state"], "sent");
    assert_eq!((&made["code"], &made["link"]), (&Value::Null, &Value::Null));

    let mail = server.heard().mail.unwrap();
    let until = made["expires_at"].as_str().unwrap()[..16].replace('T', " ");
    for part in [
        "From: Tools <toolgate@example.com>",
        "To: alice@example.com",
        "Subject: Invitation to the workspace \"Team tools\"",
        "Carol invites you to the workspace \"Team tools\".",
        "It works once",
        &format!("until {until} UTC"),
        "https://tools.example.com/invite/inv_",
    ] {
        assert!(mail.contains(part), "no `{part}` in:\n{mail}");
    }
    let code = mail
        .lines()
        .find_map(|line| line.split("/invite/").nth(1))
        .unwrap();
    let joined = home.one(&["workspace", "member", "accept", code]);
    assert_eq!(joined["email"], "alice@example.com");
    assert!(home.holds(code.as_bytes()).is_none());
}

#[test]
fn password_and_link_go_over_starttls() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(ELSEWHERE, Offer::StartTls, folder.path());
    let home = installation(&format!("smtp://mailer@{}", server.address));
    let (name, path) = trusting(&server);
    let ran = invite(
        &home,
        &[],
        &[(name, &path), ("TOOLGATE_SMTP_PASSWORD", PASSWORD)],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let heard = server.heard();
    assert!(
        heard
            .clear
            .iter()
            .all(|line| line.starts_with("EHLO") || line == "STARTTLS")
    );
    assert!(
        heard.covered.iter().any(|line| line.contains(PLAIN)),
        "{heard:?}"
    );
    assert!(heard.mail.unwrap().contains("/invite/inv_"));
    assert!(home.holds(PASSWORD.as_bytes()).is_none());
    assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD));
}

#[test]
fn password_and_link_go_over_tls_from_the_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(ELSEWHERE, Offer::Wrapped, folder.path());
    let home = installation(&format!("smtps://mailer@{}", server.address));
    let (name, path) = trusting(&server);
    let file = password_file(folder.path(), 0o600);
    home.ok(&["settings", "set", "smtp_password_file", &file]);
    let ran = invite(&home, &[], &[(name, &path)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let heard = server.heard();
    assert_eq!(heard.clear, Vec::<String>::new());
    assert!(
        heard.covered.iter().any(|line| line.contains(PLAIN)),
        "{heard:?}"
    );
}

/// Somebody between takes the offer of TLS away: nothing is said, the invitation stands, the link is handed over.
#[test]
fn a_server_elsewhere_without_tls_is_told_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(ELSEWHERE, Offer::Nothing, folder.path());
    let home = installation(&format!("smtp://mailer@{}", server.address));
    let ran = invite(&home, &[], &[("TOOLGATE_SMTP_PASSWORD", PASSWORD)]);
    kept_quiet(&server.heard());
    assert_eq!(ran.code, 1, "{ran:?}");
    let made = report(&ran);
    assert_eq!(made["mail"]["state"], "failed");
    assert!(made["mail"]["error"].as_str().unwrap().len() > 5, "{made}");
    let code = made["link"].as_str().unwrap().rsplit('/').next().unwrap();
    home.ok(&["workspace", "member", "accept", code]);
}

#[test]
fn a_certificate_that_nobody_vouches_for_ends_it() {
    for offer in [Offer::StartTls, Offer::Wrapped] {
        let folder = tempfile::tempdir().unwrap();
        let server = MailServer::start(ELSEWHERE, offer, folder.path());
        let scheme = if offer == Offer::Wrapped {
            "smtps"
        } else {
            "smtp"
        };
        let home = installation(&format!("{scheme}://mailer@{}", server.address));
        let ran = invite(&home, &[], &[("TOOLGATE_SMTP_PASSWORD", PASSWORD)]);
        let heard = server.heard();
        kept_quiet(&heard);
        assert_eq!(heard.covered, Vec::<String>::new());
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(report(&ran)["mail"]["state"], "failed");
    }
}

/// What is known to fail is refused before anybody is invited.
#[test]
fn mail_that_cannot_be_sent_is_refused_before_anything_is_made() {
    #[track_caller]
    fn check(home: &Installation, flags: &[&str], message: &str) {
        let ran = invite(home, flags, &[]);
        assert_eq!(ran.code, 4, "{ran:?}");
        let error: Value = serde_json::from_str(&ran.err).unwrap();
        let error = &error["error"];
        assert!(
            error["message"].as_str().unwrap().contains(message),
            "{error}"
        );
        assert!(error["hint"].as_str().is_some(), "{error}");
        assert!(
            home.json(&["workspace", "invitation", "list", "team-tools"])
                .is_empty()
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let home = installation("smtps://mailer@mail.example.com");
    check(&home, &[], "wants the password of `mailer`");
    let open = password_file(folder.path(), 0o644);
    check(&home, &["--smtp-password-file", &open], "others can read");
    fs::write(&open, "").unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o600)).unwrap();
    check(&home, &["--smtp-password-file", &open], "is empty");
    home.ok(&["settings", "set", "smtp_url", "smtps://mail.example.com"]);
    home.ok(&["settings", "unset", "dashboard_url"]);
    check(&home, &[], "would hold no link");
    home.ok(&["settings", "unset", "smtp_from"]);
    check(&home, &[], "`smtp_from` is not set");
}

/// Sends a mail to whoever asks, with this in the environment.
fn mail_test(home: &Installation, flags: &[&str], environment: &[(&str, &str)]) -> Ran {
    let args = ["settings", "mail-test", "me@example.com"];
    run(home, &[&args, flags].concat(), environment)
}

#[test]
fn a_mail_to_oneself_shows_that_mails_leave() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(ELSEWHERE, Offer::StartTls, folder.path());
    let home = installation(&format!("smtp://mailer@{}", server.address));
    let (name, path) = trusting(&server);
    let file = password_file(folder.path(), 0o600);
    let flags = ["--smtp-password-file", &file, "--json"];
    let ran = mail_test(&home, &flags, &[(name, &path)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let tested = report(&ran);
    assert_eq!(tested["sent"], true);
    assert_eq!(tested["to"], "me@example.com");
    assert_eq!(tested["error"], Value::Null);
    let heard = server.heard();
    assert!(heard.covered.iter().any(|line| line.contains(PLAIN)));
    let mail = heard.mail.unwrap();
    assert!(mail.contains("Subject: Mail from Toolgate works"), "{mail}");
    assert!(
        !mail.contains("http") && !mail.contains("/invite/"),
        "{mail}"
    );
    assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD));
}

/// Each way mail can be set up wrongly says what to do.
#[test]
fn a_mail_that_does_not_leave_says_what_to_do() {
    #[track_caller]
    fn check(url: &str, environment: &[(&str, &str)], parts: &[&str]) {
        let home = installation(url);
        let password = ("TOOLGATE_SMTP_PASSWORD", PASSWORD);
        let ran = mail_test(&home, &[], &[environment, &[password]].concat());
        assert_eq!(ran.code, 1, "{ran:?}");
        for part in parts {
            assert!(ran.out.contains(part), "no `{part}` in {ran:?}");
        }
        assert!(ran.out.contains("hint: ") && !ran.out.contains(PASSWORD));
    }
    let folder = tempfile::tempdir().unwrap();
    let start = |offer| MailServer::start(ELSEWHERE, offer, folder.path());
    // The password is wrong.
    let server = start(Offer::StartTls).refusing("AUTH", "535 5.7.8 not you");
    let (name, path) = trusting(&server);
    let url = format!("smtp://mailer@{}", server.address);
    check(
        &url,
        &[(name, &path)],
        &["535", "user in `smtp_url` and the password"],
    );
    // The sender is not one of the account's.
    let server = start(Offer::StartTls).refusing("MAIL", "553 not yours");
    let (name, path) = trusting(&server);
    let url = format!("smtp://mailer@{}", server.address);
    check(&url, &[(name, &path)], &["553", "`smtp_from`"]);
    // It is too busy.
    let server = start(Offer::StartTls).refusing("MAIL", "451 come back");
    let (name, path) = trusting(&server);
    let url = format!("smtp://mailer@{}", server.address);
    check(&url, &[(name, &path)], &["451", "later"]);
    // Nobody vouches for its certificate.
    let server = start(Offer::Wrapped);
    let url = format!("smtps://mailer@{}", server.address);
    check(&url, &[], &["certificate", "smtp_url"]);
    // It has no STARTTLS.
    let server = start(Offer::Nothing);
    let url = format!("smtp://mailer@{}", server.address);
    check(&url, &[], &["STARTTLS", "port 465 is smtps://"]);
    // Nobody is there.
    let nobody = std::net::TcpListener::bind((ELSEWHERE, 0)).unwrap();
    let url = format!("smtp://mailer@{}", nobody.local_addr().unwrap());
    drop(nobody);
    check(&url, &[], &["host and port", "firewall"]);
}

#[test]
fn mail_settings_that_cannot_work_are_said_before_anything_is_sent() {
    let home = Installation::new();
    let ran = mail_test(&home, &[], &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("no mail server is set"), "{ran:?}");
    assert!(ran.err.contains("settings set smtp_url"), "{ran:?}");
    let doctor = |home: &Installation| -> Vec<Value> {
        let found = run(home, &["doctor", "--json"], &[]).out;
        let found = found
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        found.filter(|one: &Value| one["check"] == "mail").collect()
    };
    assert!(doctor(&home).is_empty(), "no mail server is no mistake");
    let home = installation("smtps://mailer@mail.example.com");
    let found = doctor(&home);
    assert_eq!(found[0]["level"], "warning", "{found:?}");
    assert!(
        found[0]["fix"]
            .as_str()
            .unwrap()
            .contains("smtp_password_file")
    );
    let folder = tempfile::tempdir().unwrap();
    let open = password_file(folder.path(), 0o644);
    home.ok(&["settings", "set", "smtp_password_file", &open]);
    let found = doctor(&home);
    assert_eq!(found[0]["level"], "problem", "{found:?}");
    assert!(
        found[0]["message"]
            .as_str()
            .unwrap()
            .contains("others can read")
    );
    password_file(folder.path(), 0o600);
    let found = doctor(&home);
    assert_eq!(found[0]["level"], "ok", "{found:?}");
    assert!(found[0]["message"].as_str().unwrap().contains("mail-test"));
}

fn password_file(folder: &Path, mode: u32) -> String {
    let path = folder.join("password");
    fs::write(&path, format!("{PASSWORD}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

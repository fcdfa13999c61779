//! A mail to oneself, and what a mail server's refusal means.

use lettre::transport::smtp::Error;
use schemars::JsonSchema;
use serde::Serialize;
use toolgate_policy::{Email, InvitationId};

use crate::mail::Letter;
use crate::setting::{SMTP_FROM, SMTP_PASSWORD_FILE, SMTP_URL};
use crate::{Admin, AdminError, Finding, MailError, MailPassword, draw};

/// What became of a mail that was to show whether mails leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MailTested {
    /// Whom it was for.
    pub to: String,
    /// Whom it came from.
    pub from: String,
    /// The mail server, as `host:port`.
    pub server: String,
    /// Whether the mail server took it. Whether it arrives is between that server and the next.
    pub sent: bool,
    /// What the mail server or the system said.
    pub error: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A mail that did not leave.
#[derive(Debug)]
pub(crate) struct NotSent {
    pub(crate) error: String,
    pub(crate) hint: &'static str,
}

impl From<Error> for NotSent {
    fn from(error: Error) -> Self {
        Self {
            error: error.to_string(),
            hint: hint(&error),
        }
    }
}

impl Admin {
    /// Sends a mail without any link or code in it, the way invitations go.
    pub fn test_mail(&self, to: &str, password: &MailPassword) -> Result<MailTested, AdminError> {
        let to: Email = to.parse()?;
        let mailer = self.mailer(password)?.ok_or(MailError::NotConfigured)?;
        let id = InvitationId::from_random(draw::bytes()?).to_string();
        let sent = mailer.send(Letter {
            id: &id,
            to: &to,
            subject: "Mail from Toolgate works".to_owned(),
            text: "Somebody wanted to know whether mail from Toolgate arrives: it does.\n\
                   Nothing has to be done.\n"
                .to_owned(),
        });
        let failure = sent.err();
        Ok(MailTested {
            to: to.to_string(),
            from: mailer.from(),
            server: mailer.server().to_owned(),
            sent: failure.is_none(),
            error: failure.as_ref().map(|failure| failure.error.clone()),
            hint: failure.map(|failure| failure.hint.to_owned()),
        })
    }

    /// Whether mails could leave, as far as settings tell; `None` where no mail server is set.
    pub(crate) fn mail_finding(&self) -> Result<Option<Finding>, AdminError> {
        const CHECK: &str = "mail";
        let settings = self.store.settings()?;
        if settings.get(SMTP_URL).is_none() {
            return Ok(None);
        }
        let tried = match self.mailer(&MailPassword::default()) {
            // It may be in the environment of whoever sends.
            Err(AdminError::Mail(error @ MailError::NoPassword { .. })) => {
                return Ok(Some(Finding::warning(
                    CHECK,
                    format!("{error}; mails leave only where TOOLGATE_SMTP_PASSWORD is set"),
                    format!("toolgatectl settings set {SMTP_PASSWORD_FILE} FILE"),
                )));
            }
            tried => tried,
        };
        Ok(Some(match tried {
            Err(error) => {
                let fix = error.hint().unwrap_or_default();
                let cause = std::error::Error::source(&error);
                let cause = cause.map(|cause| format!(": {cause}"));
                let message = format!("{error}{}", cause.unwrap_or_default());
                Finding::problem(CHECK, message, fix)
            }
            Ok(_) => match settings.get(SMTP_FROM) {
                Some(from) => Finding::ok(
                    CHECK,
                    format!(
                        "mails leave as {from}; `toolgatectl settings mail-test ADDRESS` sends one"
                    ),
                ),
                None => Finding::problem(
                    CHECK,
                    MailError::NoFrom.to_string(),
                    MailError::NoFrom.hint(),
                ),
            },
        }))
    }
}

/// What a person can do about it.
fn hint(error: &Error) -> &'static str {
    let code = error.status().map(|code| code.to_string());
    match code.as_deref() {
        Some("530" | "534" | "535" | "538") => {
            "check the user in `smtp_url` and the password; accounts with a second factor want a password for programs"
        }
        Some("550" | "551" | "553" | "554") => {
            "check the address it is for, and `smtp_from`, which may have to be an address of the mail account"
        }
        Some(_) if error.is_transient() => {
            "the mail server wants it to be tried later; if that lasts, ask whoever runs it"
        }
        Some(_) => "ask whoever runs the mail server what it means",
        None if error.is_tls() => {
            "the server's certificate has to be valid for the host in `smtp_url` (SSL_CERT_FILE names other authorities); port 465 is smtps://, port 587 is smtp://"
        }
        None if error.is_client() => {
            "the server does not offer what is needed (STARTTLS, or a way to sign in): port 465 is smtps://, port 587 is smtp://"
        }
        None => {
            "check host and port in `smtp_url` and whether a firewall is between: port 465 is smtps://, port 587 is smtp://"
        }
    }
}

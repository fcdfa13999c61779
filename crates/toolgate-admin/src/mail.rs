//! Mail: invitations on their way, over SMTP.
//!
//! A mail holds a code that opens something, so it is as much a secret as the password it is sent with: both leave
//! over TLS alone, except to a mail server on this very host. The password is in no setting: this process can seal
//! and not open (S-16), so it is read when a mail is sent, from the environment or a file.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use schemars::JsonSchema;
use serde::Serialize;
use toolgate_policy::Email;
use toolgate_vault::Secret;
use url::{Host, Url};

use crate::mail_test::NotSent;
use crate::setting::{SMTP_FROM, SMTP_PASSWORD_FILE, SMTP_URL};
use crate::{Admin, AdminError};

/// The environment variable with the password of the mail account.
pub const SMTP_PASSWORD_VARIABLE: &str = "TOOLGATE_SMTP_PASSWORD";

/// A mail server answers in seconds or not at all.
const TIMEOUT: Duration = Duration::from_secs(20);
const PASSWORD_MAX: u64 = 4_096;

/// Where the password of the mail account is, for mail servers that ask for one. What is given here goes before the
/// setting `smtp_password_file`.
#[derive(Debug, Default)]
pub struct MailPassword {
    /// A file that holds it.
    pub file: Option<PathBuf>,
    /// The password itself, from the environment.
    pub variable: Option<Secret<String>>,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Mailed {
    /// The mail server took it.
    Sent,
    /// No mail server is configured, so the link is to be handed over.
    NotConfigured,
    /// It did not leave; what it was about stands, and the link is to be handed over.
    Failed {
        /// What the mail server or the system said.
        error: String,
        /// What to do about it.
        hint: String,
    },
}

/// Settings that cannot be mailed with.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// There is no mail server to try.
    #[error("no mail server is set, so links of invitations are shown instead of mailed")]
    NotConfigured,
    /// Not the URL of a mail server.
    #[error("`{SMTP_URL}` is no URL of a mail server")]
    Url,
    /// A password in the URL would stand in the settings.
    #[error("`{SMTP_URL}` has a password in it")]
    PasswordInUrl,
    /// Not an address to send from.
    #[error("`{SMTP_FROM}` is no address to send from")]
    From,
    /// A mail server, and nobody to send from.
    #[error("`{SMTP_FROM}` is not set")]
    NoFrom,
    /// The account has a name and no password.
    #[error("the mail server wants the password of `{user}`, and none was given")]
    NoPassword {
        /// The account.
        user: String,
    },
    /// Everybody on this host could read the password.
    #[error("others can read the password file {path}")]
    OpenFile {
        /// The file.
        path: PathBuf,
    },
    /// The password file holds no password.
    #[error("the password file {path} is empty, or far too long")]
    NotAPassword {
        /// The file.
        path: PathBuf,
    },
    /// Links in a mail would lead nowhere.
    #[error(
        "it is not known under which URL people reach the dashboard, so a mail would hold no link"
    )]
    NoLink,
}

impl MailError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotConfigured => {
                "`toolgatectl settings set smtp_url smtps://user@mail.example.com:465`"
            }
            Self::Url => {
                "write it like smtps://user@mail.example.com:465, or smtp://user@mail.example.com:587 for STARTTLS"
            }
            Self::PasswordInUrl => {
                "leave it out; give the password as TOOLGATE_SMTP_PASSWORD or in a file: `toolgatectl settings set smtp_password_file PATH`"
            }
            Self::From => "write it like toolgate@example.com, or \"Tools <toolgate@example.com>\"",
            Self::NoFrom => "`toolgatectl settings set smtp_from toolgate@example.com`",
            Self::NoPassword { .. } => {
                "set TOOLGATE_SMTP_PASSWORD, or name a file: --smtp-password-file PATH, `toolgatectl settings set smtp_password_file PATH`"
            }
            Self::OpenFile { .. } => "`chmod 600` the file",
            Self::NotAPassword { .. } => "put the password alone into it, on one line",
            Self::NoLink => "`toolgatectl settings set dashboard_url https://tools.example.com`",
        }
    }
}

/// A mail server that can be reached, as far as settings tell.
pub(crate) struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
    /// As `host:port`.
    server: String,
}

/// A mail to one person.
pub(crate) struct Letter<'a> {
    pub(crate) id: &'a str,
    pub(crate) to: &'a Email,
    pub(crate) subject: String,
    pub(crate) text: String,
}

impl Admin {
    /// The mail server that is set; `None` where there is none. Everything that can be known to fail before a mail is
    /// sent fails here, before anything was changed.
    pub(crate) fn mailer(&self, password: &MailPassword) -> Result<Option<Mailer>, AdminError> {
        let settings = self.store.settings()?;
        let Some(url) = settings.get(SMTP_URL) else {
            return Ok(None);
        };
        let server = Server::parse(url)?;
        let from = settings.get(SMTP_FROM).ok_or(MailError::NoFrom)?;
        let from = parse_from(from)?;
        let mut transport = SmtpTransport::builder_dangerous(&server.host)
            .port(server.port)
            .timeout(Some(TIMEOUT))
            .tls(server.tls()?);
        if let Some(user) = server.user {
            let kept = settings.get(SMTP_PASSWORD_FILE).map(PathBuf::from);
            let password = password.read(kept.as_deref())?;
            let password = password.ok_or_else(|| MailError::NoPassword { user: user.clone() })?;
            transport = transport.credentials(Credentials::new(user, password.expose().clone()));
        }
        Ok(Some(Mailer {
            transport: transport.build(),
            from,
            server: format!("{}:{}", server.host, server.port),
        }))
    }
}

impl Mailer {
    /// Whom mails come from, as people read it.
    pub(crate) fn sender(&self) -> String {
        match &self.from.name {
            Some(name) => name.clone(),
            None => self.from.email.to_string(),
        }
    }

    /// The address mails come from, with its name.
    pub(crate) fn from(&self) -> String {
        self.from.to_string()
    }

    /// The mail server, as `host:port`.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Hands a letter to the mail server.
    pub(crate) fn send(&self, letter: Letter<'_>) -> Result<(), NotSent> {
        let unmailable = |error: &dyn std::error::Error| NotSent {
            error: error.to_string(),
            hint: "check the address it is for, and `smtp_from`",
        };
        let to = letter.to.as_str().parse::<Mailbox>();
        let to = to.map_err(|error| unmailable(&error))?;
        let id = format!("<{}@{}>", letter.id, self.from.email.domain());
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject)
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)
            .map_err(|error| unmailable(&error))?;
        self.transport.send(&message)?;
        Ok(())
    }
}

impl MailPassword {
    fn read(&self, kept: Option<&Path>) -> Result<Option<Secret<String>>, AdminError> {
        if let Some(file) = &self.file {
            return read_password(file).map(Some);
        }
        if let Some(password) = &self.variable {
            return Ok(Some(Secret::new(password.expose().clone())));
        }
        kept.map(read_password).transpose()
    }
}

fn read_password(path: &Path) -> Result<Secret<String>, AdminError> {
    let path = path.to_owned();
    let in_file = |source| AdminError::File {
        path: path.clone(),
        source,
    };
    let about = fs::metadata(&path).map_err(in_file)?;
    if about.permissions().mode() & 0o007 != 0 {
        return Err(MailError::OpenFile { path }.into());
    }
    if about.len() > PASSWORD_MAX {
        return Err(MailError::NotAPassword { path }.into());
    }
    let mut text = fs::read_to_string(&path).map_err(in_file)?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.is_empty() || text.contains(['\r', '\n']) {
        return Err(MailError::NotAPassword { path }.into());
    }
    Ok(Secret::new(text))
}

/// What a URL says of a mail server.
#[derive(Debug)]
pub(crate) struct Server {
    host: String,
    port: u16,
    user: Option<String>,
    /// TLS from the first byte, as opposed to STARTTLS.
    wrapped: bool,
    /// On this very host, where nobody is between.
    local: bool,
}

impl Server {
    pub(crate) fn parse(text: &str) -> Result<Self, MailError> {
        let url = Url::parse(text).map_err(|_| MailError::Url)?;
        let wrapped = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(MailError::Url),
        };
        if url.password().is_some() {
            return Err(MailError::PasswordInUrl);
        }
        let nothing_else =
            matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        // A host of another scheme than the web's is not looked at for numbers; this one is.
        let host = url
            .host_str()
            .filter(|host| !host.is_empty() && nothing_else);
        let host = host.and_then(|host| Host::parse(host).ok());
        let (host, local) = match host.ok_or(MailError::Url)? {
            Host::Domain(name) => (name.clone(), name == "localhost"),
            Host::Ipv4(ip) => (ip.to_string(), IpAddr::V4(ip).is_loopback()),
            Host::Ipv6(ip) => (ip.to_string(), IpAddr::V6(ip).is_loopback()),
        };
        let user = match url.username() {
            "" => None,
            user => Some(decoded(user).ok_or(MailError::Url)?),
        };
        Ok(Self {
            host,
            port: url.port().unwrap_or(if wrapped { 465 } else { 587 }),
            user,
            wrapped,
            local,
        })
    }

    /// A mail server elsewhere that offers no TLS, or somebody between who took the offer away, is told nothing.
    fn tls(&self) -> Result<Tls, MailError> {
        if self.local && !self.wrapped {
            return Ok(Tls::None);
        }
        let parameters = TlsParameters::new(self.host.clone()).map_err(|_| MailError::Url)?;
        Ok(if self.wrapped {
            Tls::Wrapper(parameters)
        } else {
            Tls::Required(parameters)
        })
    }
}

/// `user%40example.com` is `user@example.com`.
fn decoded(user: &str) -> Option<String> {
    // In a form these two mean something else; in a name they are themselves.
    let form = user.replace('+', "%2B").replace('&', "%26");
    let (decoded, _) = url::form_urlencoded::parse(form.as_bytes()).next()?;
    let plain = !decoded.is_empty() && !decoded.chars().any(char::is_control);
    plain.then(|| decoded.into_owned())
}

/// An address to send from, with or without a name.
pub(crate) fn parse_from(text: &str) -> Result<Mailbox, MailError> {
    let from: Mailbox = text.parse().map_err(|_| MailError::From)?;
    let address: &str = from.email.as_ref();
    address.parse::<Email>().map_err(|_| MailError::From)?;
    Ok(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: &str) {
        let said = match Server::parse(url) {
            Ok(Server {
                host,
                port,
                user,
                wrapped,
                local,
            }) => {
                format!("{host} {port} {user:?} wrapped={wrapped} local={local}")
            }
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(said, expected, "{url}");
    }

    #[test]
    fn a_mail_server_is_a_url() {
        check(
            "smtps://m.example.com",
            "m.example.com 465 None wrapped=true local=false",
        );
        check(
            "smtp://m.example.com/",
            "m.example.com 587 None wrapped=false local=false",
        );
        check(
            "smtp://a%40example.com@m.example.com:2525",
            "m.example.com 2525 Some(\"a@example.com\") wrapped=false local=false",
        );
        check(
            "smtp://a&b=c@m.example.com",
            "m.example.com 587 Some(\"a&b=c\") wrapped=false local=false",
        );
        check(
            "smtp://a+b@m.example.com",
            "m.example.com 587 Some(\"a+b\") wrapped=false local=false",
        );
        check(
            "smtp://127.0.0.1:25",
            "127.0.0.1 25 None wrapped=false local=true",
        );
        check("smtp://[::1]:25", "::1 25 None wrapped=false local=true");
        check(
            "smtp://localhost",
            "localhost 587 None wrapped=false local=true",
        );
        // None of these is this host, whatever it looks like.
        check(
            "smtp://0.0.0.0:25",
            "0.0.0.0 25 None wrapped=false local=false",
        );
        check(
            "smtp://localhost.example.com",
            "localhost.example.com 587 None wrapped=false local=false",
        );
        check("smtp://u:p@m.example.com", "PasswordInUrl");
        for url in [
            "",
            "m.example.com",
            "http://m.example.com",
            "smtp://",
            "smtp://m.example.com/path",
            "smtp://m.example.com?tls=none",
            "smtp://u%0a@m.example.com",
        ] {
            check(url, "Url");
        }
    }

    #[test]
    fn nothing_leaves_this_host_without_tls() {
        let kind = |url: &str| match Server::parse(url).unwrap().tls().unwrap() {
            Tls::None => "none",
            Tls::Opportunistic(_) => "opportunistic",
            Tls::Required(_) => "required",
            Tls::Wrapper(_) => "wrapper",
        };
        assert_eq!(kind("smtp://127.0.0.1:25"), "none");
        assert_eq!(kind("smtp://m.example.com:25"), "required");
        assert_eq!(kind("smtps://127.0.0.1"), "wrapper");
        assert_eq!(kind("smtps://m.example.com"), "wrapper");
    }
}

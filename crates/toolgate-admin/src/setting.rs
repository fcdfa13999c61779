//! Settings of the installation: which there are, what they mean, and what they may be.

use schemars::JsonSchema;
use serde::Serialize;
use toolgate_store::Plan;
use toolgate_store::plan::PLAN;
use toolgate_store::settings::{HISTORY_DAYS, PUBLIC_URL, RETENTION_DAYS};
use url::Url;

use crate::mail::{Server, parse_from};
use crate::{Admin, AdminError, GatewayState};

/// Under which URL people reach the dashboard, for links in invitations.
pub const DASHBOARD_URL: &str = "dashboard_url";
/// The mail server.
pub(crate) const SMTP_URL: &str = "smtp_url";
/// Whom mails come from.
pub(crate) const SMTP_FROM: &str = "smtp_from";
/// Where the password of the mail account is.
pub(crate) const SMTP_PASSWORD_FILE: &str = "smtp_password_file";

/// One setting that this program knows.
struct Known {
    name: &'static str,
    about: &'static str,
    default: Option<&'static str>,
    /// What it must be, when a value breaks it.
    rule: &'static str,
    check: fn(&str) -> bool,
    /// Who writes it, when that is not the operator.
    written_by: Option<&'static str>,
    /// It has the host read a file, or send a password somewhere: whoever lacks the host leaves it alone.
    takes_host: bool,
}

/// Every setting there is.
const KNOWN: &[Known] = &[
    Known {
        name: DASHBOARD_URL,
        about: "where people reach the dashboard (`toolgatectl serve`); links in invitations begin with it",
        default: None,
        rule: "an https:// URL without query (http:// on this host alone), such as https://tools.example.com",
        check: is_dashboard_url,
        written_by: None,
        takes_host: false,
    },
    Known {
        name: HISTORY_DAYS,
        about: "how many days of what calls came to are kept, by the hour: charts and figures go back so far",
        default: Some("400"),
        rule: "a number of days from 1 to 3650",
        check: is_days,
        written_by: None,
        takes_host: false,
    },
    Known {
        name: PLAN,
        about: "how much there may be, as JSON; `toolgatectl plan` shows and changes it",
        default: Some(
            "self-hosted: 50 servers in a workspace, 120 requests a minute for a new token",
        ),
        rule: "the JSON of a plan, as `toolgatectl plan show --json` prints it",
        check: |value| Plan::parse(value).is_some(),
        written_by: None,
        takes_host: false,
    },
    Known {
        name: PUBLIC_URL,
        about: "where clients reach the gateway; it writes down what it was started with (`toolgate --public-url`)",
        default: Some("http://127.0.0.1:8420"),
        rule: "left to the gateway: start it with `toolgate --public-url URL`",
        check: |_| false,
        written_by: Some("the gateway"),
        takes_host: false,
    },
    Known {
        name: RETENTION_DAYS,
        about: "how many days calls are remembered; what is older is deleted",
        default: Some("30"),
        rule: "a number of days from 1 to 3650",
        check: is_days,
        written_by: None,
        takes_host: false,
    },
    Known {
        name: SMTP_FROM,
        about: "whom mails come from",
        default: None,
        rule: "an address such as toolgate@example.com, or \"Tools <toolgate@example.com>\"",
        check: |value| parse_from(value).is_ok(),
        written_by: None,
        takes_host: false,
    },
    Known {
        name: SMTP_PASSWORD_FILE,
        about: "file with the password of the mail account, read when a mail is sent; TOOLGATE_SMTP_PASSWORD goes before it",
        default: None,
        rule: "the full path of a file",
        check: |value| value.starts_with('/') && !value.chars().any(char::is_control),
        written_by: None,
        takes_host: true,
    },
    Known {
        name: SMTP_URL,
        about: "the mail server that takes invitations; none: links are shown instead",
        default: None,
        rule: "smtps://user@host:465, or smtp://user@host:587 for STARTTLS, without a password",
        check: |value| Server::parse(value).is_ok(),
        written_by: None,
        takes_host: true,
    },
];

/// A setting and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SettingListed {
    /// Its name.
    pub name: &'static str,
    /// Its value; null = it was not set, and is as `default` says.
    pub value: Option<String>,
    /// What holds while it is not set.
    pub default: Option<&'static str>,
    /// What it means.
    pub about: &'static str,
    /// What a value must be.
    pub rule: &'static str,
}

/// A setting that was changed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SettingChanged {
    /// The setting as it is now.
    #[serde(flatten)]
    pub setting: SettingListed,
    /// What became of the change at the gateway.
    pub gateway: GatewayState,
}

impl Admin {
    /// Every setting there is, by name.
    pub fn list_settings(&self) -> Result<Vec<SettingListed>, AdminError> {
        let set = self.store.settings()?;
        Ok(KNOWN
            .iter()
            .map(|known| known.listed(set.get(known.name).map(str::to_owned)))
            .collect())
    }

    /// One setting.
    pub fn setting(&self, name: &str) -> Result<SettingListed, AdminError> {
        let known = known(name)?;
        Ok(known.listed(self.store.setting(known.name)?))
    }

    /// Sets a setting.
    pub fn set_setting(&self, name: &str, value: &str) -> Result<SettingChanged, AdminError> {
        let known = self.changeable(name)?;
        let value = value.trim();
        if !(known.check)(value) {
            return Err(AdminError::SettingValue {
                name: known.name,
                rule: known.rule,
            });
        }
        if known.name == RETENTION_DAYS {
            self.check_retention(value)?;
        }
        self.store.set_setting(&self.actor, known.name, value)?;
        self.setting_changed(known)
    }

    /// Takes a setting back to its default.
    pub fn unset_setting(&self, name: &str) -> Result<SettingChanged, AdminError> {
        let known = self.changeable(name)?;
        if let Some(writer) = known.written_by {
            return Err(AdminError::SettingWritten {
                name: known.name,
                writer,
            });
        }
        self.store.unset_setting(&self.actor, known.name)?;
        self.setting_changed(known)
    }

    /// The setting of this name, if whoever acts may change it.
    fn changeable(&self, name: &str) -> Result<&'static Known, AdminError> {
        let known = known(name)?;
        if known.takes_host && !self.on_host {
            return Err(AdminError::SettingOverApi { name: known.name });
        }
        Ok(known)
    }

    fn setting_changed(&self, known: &Known) -> Result<SettingChanged, AdminError> {
        Ok(SettingChanged {
            setting: known.listed(self.store.setting(known.name)?),
            gateway: self.knock(),
        })
    }

    fn check_retention(&self, days: &str) -> Result<(), AdminError> {
        let plan = self.plan()?;
        match plan.retention_days {
            Some(most) if days.parse().is_ok_and(|days: u32| days > most) => {
                Err(AdminError::RetentionOverPlan {
                    plan: plan.name,
                    most,
                })
            }
            _ => Ok(()),
        }
    }
}

impl Known {
    fn listed(&self, value: Option<String>) -> SettingListed {
        SettingListed {
            name: self.name,
            value,
            default: self.default,
            about: self.about,
            rule: self.rule,
        }
    }
}

fn known(name: &str) -> Result<&'static Known, AdminError> {
    let found = KNOWN.iter().find(|known| known.name == name);
    found.ok_or_else(|| AdminError::UnknownSetting {
        name: name.to_owned(),
        known: KNOWN.iter().map(|known| known.name).collect(),
    })
}

fn is_days(value: &str) -> bool {
    value
        .parse()
        .is_ok_and(|days: u32| (1..=3650).contains(&days))
}

/// A code in a link over plain http could be read on the way, so that is for this host alone.
fn is_dashboard_url(value: &str) -> bool {
    let Ok(url) = Url::parse(value) else {
        return false;
    };
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => return false,
    };
    let safe = url.scheme() == "https" || (url.scheme() == "http" && local);
    safe && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, value: &str, fits: bool) {
        let known = known(name).unwrap();
        assert_eq!((known.check)(value), fits, "{name} {value:?}");
    }

    #[test]
    fn values_are_what_they_must_be() {
        check(DASHBOARD_URL, "https://tools.example.com", true);
        check(DASHBOARD_URL, "https://tools.example.com/toolgate/", true);
        check(DASHBOARD_URL, "http://127.0.0.1:8430", true);
        check(DASHBOARD_URL, "http://[::1]:8430", true);
        check(DASHBOARD_URL, "http://tools.example.com", false);
        check(DASHBOARD_URL, "https://a@tools.example.com", false);
        check(DASHBOARD_URL, "https://tools.example.com/?a=b", false);
        check(DASHBOARD_URL, "tools.example.com", false);
        check(RETENTION_DAYS, "90", true);
        check(RETENTION_DAYS, "0", false);
        check(RETENTION_DAYS, "ever", false);
        check(SMTP_FROM, "toolgate@example.com", true);
        check(SMTP_FROM, "Tools <toolgate@example.com>", true);
        check(SMTP_FROM, "Tools", false);
        check(SMTP_URL, "smtps://u@m.example.com", true);
        check(SMTP_URL, "smtps://u:p@m.example.com", false);
        check(SMTP_PASSWORD_FILE, "/etc/toolgate/smtp", true);
        check(SMTP_PASSWORD_FILE, "smtp", false);
        check(PLAN, r#"{"name":"ours","workspaces":3}"#, true);
        check(PLAN, r#"{"name":"ours","workspace":3}"#, false);
        check(HISTORY_DAYS, "400", true);
        check(HISTORY_DAYS, "4000", false);
        check("public_url", "https://tools.example.com", false);
    }

    #[test]
    fn every_setting_of_the_store_is_known() {
        for name in toolgate_store::settings::NAMES {
            assert!(known(name).is_ok(), "{name} is not in KNOWN");
        }
    }

    #[test]
    fn settings_are_listed_by_name() {
        assert!(KNOWN.is_sorted_by_key(|known| known.name));
    }
}

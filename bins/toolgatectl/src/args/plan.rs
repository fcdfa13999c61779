//! `toolgatectl plan …` and `toolgatectl settings …`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use toolgate_admin::Bound;

#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Show the plan in force: how much there may be
    #[command(after_help = "Examples:
  toolgatectl plan show
  toolgatectl plan show --json > plan.json")]
    Show,
    /// List the plans that have a name from the start
    #[command(after_help = "Examples:
  toolgatectl plan list")]
    List,
    /// Put a plan in force, or change limits of the one that is
    Set(PlanSetArgs),
    /// Show how much there is beside how much there may be
    #[command(after_help = "Examples:
  toolgatectl plan usage
  toolgatectl plan usage --json | jq '.limits[] | select(.max != null and .used >= .max)'")]
    Usage,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl plan set pro
  toolgatectl plan set --servers 100
  toolgatectl plan set free --members 5 --retention 30
  toolgatectl plan set --workspaces unlimited

What there is above a lowered limit stays; nothing new is added. Only calls older than the
retention are deleted, which is asked about.")]
pub(crate) struct PlanSetArgs {
    /// A built-in plan: self-hosted, free, starter, pro, business or unlimited
    #[arg(required_unless_present_any = [
        "workspaces", "servers", "secrets", "members", "calls", "retention", "rate",
    ])]
    pub(crate) name: Option<String>,
    /// Workspaces
    #[arg(long, value_name = "NUMBER|unlimited", value_parser = bound)]
    pub(crate) workspaces: Option<Bound>,
    /// Servers in each workspace
    #[arg(long, value_name = "NUMBER|unlimited", value_parser = bound)]
    pub(crate) servers: Option<Bound>,
    /// Secrets in each workspace
    #[arg(long, value_name = "NUMBER|unlimited", value_parser = bound)]
    pub(crate) secrets: Option<Bound>,
    /// People: team, members and open invitations, each address once
    #[arg(long, value_name = "NUMBER|unlimited", value_parser = bound)]
    pub(crate) members: Option<Bound>,
    /// Calls in a calendar month, of all workspaces together
    #[arg(long, value_name = "NUMBER|unlimited", value_parser = bound)]
    pub(crate) calls: Option<Bound>,
    /// Days that calls are remembered at most
    #[arg(long, value_name = "DAYS|unlimited", value_parser = bound)]
    pub(crate) retention: Option<Bound>,
    /// Requests in any 60 seconds of a new token, unless it is made with another limit
    #[arg(long, value_name = "NUMBER|unlimited", value_parser = bound)]
    pub(crate) rate: Option<Bound>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// List every setting, its value and what it means
    #[command(after_help = "Examples:
  toolgatectl settings list
  toolgatectl settings list --json | jq -r 'select(.value != null) | .name'")]
    List,
    /// Show one setting and what it may be
    #[command(after_help = "Examples:
  toolgatectl settings get retention_days
  toolgatectl settings get retention_days --json | jq -r .value")]
    Get {
        /// Its name
        name: String,
    },
    /// Set a setting
    #[command(after_help = "Examples:
  toolgatectl settings set retention_days 90
  toolgatectl settings set dashboard_url https://tools.example.com
  toolgatectl settings set smtp_url smtps://toolgate@mail.example.com:465
  toolgatectl settings set smtp_from 'Tools <toolgate@example.com>'")]
    Set {
        /// Its name
        name: String,
        /// Its value
        value: String,
    },
    /// Take a setting back to its default
    #[command(after_help = "Examples:
  toolgatectl settings unset retention_days")]
    Unset {
        /// Its name
        name: String,
    },
    /// Send a mail to yourself, the way invitations go
    #[command(after_help = "Examples:
  toolgatectl settings mail-test me@example.com
  toolgatectl settings mail-test me@example.com --smtp-password-file /etc/toolgate/smtp-password

The mail has no link and no code in it. Exits with 1 when the mail server did not take it, and says
what to do.")]
    MailTest {
        /// Whom it is for
        #[arg(value_name = "EMAIL")]
        address: String,
        /// File with the password of the mail account; else `TOOLGATE_SMTP_PASSWORD`, else the setting `smtp_password_file`
        #[arg(
            long,
            value_name = "FILE",
            env = "TOOLGATE_SMTP_PASSWORD_FILE",
            hide_env_values = true
        )]
        smtp_password_file: Option<PathBuf>,
    },
}

/// Reads `20`, `500k`, `5M` or `unlimited`.
fn bound(text: &str) -> Result<Bound, String> {
    if matches!(text, "unlimited" | "none" | "off") {
        return Ok(Bound::Unlimited);
    }
    let (number, times) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1_000),
        None => text
            .strip_suffix('M')
            .map_or((text, 1), |number| (number, 1_000_000)),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(times))
        .filter(|number| *number <= MAX)
        .map(Bound::AtMost)
        .ok_or_else(|| "use a number such as 20, 500k or 5M, or `unlimited`".to_owned())
}

/// Far beyond what anything here counts to, and exact in every JSON reader.
const MAX: u64 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_numbers_or_unlimited() {
        assert_eq!(bound("0"), Ok(Bound::AtMost(0)));
        assert_eq!(bound("20"), Ok(Bound::AtMost(20)));
        assert_eq!(bound("500k"), Ok(Bound::AtMost(500_000)));
        assert_eq!(bound("5M"), Ok(Bound::AtMost(5_000_000)));
        assert_eq!(bound("unlimited"), Ok(Bound::Unlimited));
        for text in [
            "",
            "-1",
            "1.5",
            "k",
            "5G",
            "99999999999999999999",
            "9999999M",
        ] {
            assert!(bound(text).is_err(), "{text:?}");
        }
    }
}

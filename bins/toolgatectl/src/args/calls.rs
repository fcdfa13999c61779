//! `toolgatectl calls …`

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use toolgate_admin::{CallQuery, GroupBy};
use toolgate_export::Format;

use super::span;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  toolgatectl calls
  toolgatectl calls --since 1h --server github
  toolgatectl calls --status failed --member alice@example.com
  toolgatectl calls --follow
  toolgatectl calls overview
  toolgatectl calls stats --by tool --since 7d
  toolgatectl calls --json | jq 'select(.status != \"ok\")'"
)]
pub(crate) struct CallsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<CallsCommand>,
    #[command(flatten)]
    pub(crate) list: CallsList,
}

/// Which calls are meant, one by one.
#[derive(Debug, Args)]
pub(crate) struct CallsMeant {
    /// Only this workspace; all of them when absent
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
    /// Only calls not older than this: seconds, or a number with s, m, h, d or w
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    pub(crate) since: Option<Duration>,
    /// Only calls to this server
    #[arg(long)]
    pub(crate) server: Option<String>,
    /// Only calls of this tool, under the name its server gives it
    #[arg(long)]
    pub(crate) tool: Option<String>,
    /// Only calls with this token, by id or by name
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Only calls of this member, by address or id
    #[arg(long)]
    pub(crate) member: Option<String>,
    /// Only calls that ended like this; `failed` is any failure
    #[arg(long, value_parser = PossibleValuesParser::new(CallQuery::endings()))]
    pub(crate) status: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CallsList {
    #[command(flatten)]
    pub(crate) meant: CallsMeant,
    /// How many, the newest ones
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// Go on showing calls as they happen
    #[arg(long, short)]
    pub(crate) follow: bool,
}

/// One variant for each question.
#[derive(Debug, Subcommand)]
pub(crate) enum CallsCommand {
    /// Today, this week, this month: how many calls, how they go, how long they take
    #[command(after_help = "Examples:
  toolgatectl calls overview
  toolgatectl calls overview --workspace team --json

Days are those of UTC; a week begins on Monday.")]
    Overview {
        /// Only this workspace; all of them when absent
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
    },
    /// Calls in groups: by tool, server, token, member, hour, day or status
    Stats(CallsStats),
    /// Why a server is slow this week: beside the week before, by tool and by hour
    #[command(after_help = "Examples:
  toolgatectl calls slow github
  toolgatectl calls slow github --json | jq .reasons

This week is the last seven days, to the hour.")]
    Slow {
        /// The server
        server: String,
        /// Its workspace; by default the active one
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
    },
    /// Who goes over the rate limit, how often and when
    #[command(after_help = "Examples:
  toolgatectl calls limits
  toolgatectl calls limits --since 24h --workspace team")]
    Limits {
        /// Only this workspace; all of them when absent
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
        /// How far to look back
        #[arg(long, value_name = "TIME", default_value = "7d", value_parser = span::parse)]
        since: Duration,
    },
    /// What one member or token did: with which tools, on which days, and the calls
    #[command(after_help = "Examples:
  toolgatectl calls member alice@example.com
  toolgatectl calls member ci --since 24h --limit 100")]
    Member {
        /// A member, by address or id; or a token, by name or id
        who: String,
        /// Their workspace; by default the active one
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
        /// How far to look back
        #[arg(long, value_name = "TIME", default_value = "7d", value_parser = span::parse)]
        since: Duration,
        /// How many of the calls to show, the newest ones
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000))]
        limit: u32,
    },
    /// One call, by the id that its client saw
    #[command(after_help = "Examples:
  toolgatectl calls show call_2b7e151628aed2a6abf71f
  toolgatectl calls show call_2b7e151628aed2a6abf71f --json")]
    Show {
        /// The id, `call_…`
        id: String,
        /// Only in this workspace; in all of them when absent
        #[arg(long, value_name = "SLUG")]
        workspace: Option<String>,
    },
    /// Calls as a file for other programs: CSV, JSON Lines or Parquet
    Export(CallsExport),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl calls stats
  toolgatectl calls stats --by server --since 30d
  toolgatectl calls stats --by hour --since 24h --server github
  toolgatectl calls stats --by member --workspace team --json

Calls are counted for 400 days, long after they themselves are forgotten (docs/calls.md).")]
pub(crate) struct CallsStats {
    /// What to group by
    #[arg(long, value_enum, default_value = "tool")]
    pub(crate) by: GroupByArgument,
    /// How far to look back
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = span::parse)]
    pub(crate) since: Duration,
    /// Only this workspace; all of them when absent
    #[arg(long, value_name = "SLUG")]
    pub(crate) workspace: Option<String>,
    /// Only calls to this server
    #[arg(long)]
    pub(crate) server: Option<String>,
    /// Only calls of this tool, under the name its server gives it
    #[arg(long)]
    pub(crate) tool: Option<String>,
    /// Only calls with this token, by id or by name
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Only calls of this member, by address or id
    #[arg(long)]
    pub(crate) member: Option<String>,
    /// How many groups, those with most calls; hours and days are all shown
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolgatectl calls export --since 30d --output calls.parquet
  toolgatectl calls export --format csv > calls.csv
  toolgatectl calls export --format jsonl --server github | gzip > calls.jsonl.gz

In CSV, text that a spreadsheet would take for a formula begins with a quotation mark.")]
pub(crate) struct CallsExport {
    /// How to write them; by default what the file's ending says, else CSV
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatArgument>,
    /// The file; standard output when absent
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) meant: CallsMeant,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum GroupByArgument {
    Tool,
    Server,
    Token,
    Member,
    Hour,
    Day,
    Status,
}

impl From<GroupByArgument> for GroupBy {
    fn from(by: GroupByArgument) -> Self {
        match by {
            GroupByArgument::Tool => Self::Tool,
            GroupByArgument::Server => Self::Server,
            GroupByArgument::Token => Self::Token,
            GroupByArgument::Member => Self::Member,
            GroupByArgument::Hour => Self::Hour,
            GroupByArgument::Day => Self::Day,
            GroupByArgument::Status => Self::Status,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArgument {
    Csv,
    Jsonl,
    Parquet,
}

impl From<FormatArgument> for Format {
    fn from(format: FormatArgument) -> Self {
        match format {
            FormatArgument::Csv => Self::Csv,
            FormatArgument::Jsonl => Self::JsonLines,
            FormatArgument::Parquet => Self::Parquet,
        }
    }
}

impl CallsExport {
    /// The format that was named, or that the file's ending says.
    pub(crate) fn format(&self) -> Format {
        let ending = self.output.as_deref().and_then(|file| file.extension());
        let by_ending = ending.and_then(|ending| match ending.to_str()? {
            "jsonl" | "ndjson" => Some(Format::JsonLines),
            "parquet" => Some(Format::Parquet),
            _ => None,
        });
        let named = self.format.map(Into::into);
        named.or(by_ending).unwrap_or(Format::Csv)
    }
}

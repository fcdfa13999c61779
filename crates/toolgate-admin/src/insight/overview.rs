//! How things are at a glance: today, this week, this month.

use std::collections::BTreeSet;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::Serialize;
use toolgate_store::{CallFilter, CallsReader, Dimension, Figures, Group, WorkspaceScope};

use super::figures::CallFigures;
use crate::time::{now_ms, rfc3339};
use crate::{Admin, AdminError};

/// How things are, in days of UTC.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Overview {
    /// When it was looked.
    pub at: String,
    /// Slug of the workspace; null for all of them.
    pub workspace: Option<String>,
    /// Since midnight.
    pub today: OverviewSpan,
    /// Since Monday.
    pub week: OverviewSpan,
    /// Since the first of the month.
    pub month: OverviewSpan,
    /// Records of the whole installation that were lost since the first of the month.
    pub lost: u64,
}

/// What a part of an overview comes to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OverviewSpan {
    /// When it began.
    pub from: String,
    /// How many tokens were used.
    pub active_tokens: usize,
    /// What the calls come to.
    #[serde(flatten)]
    pub figures: CallFigures,
}

impl Admin {
    /// How things are: calls of today, this week and this month.
    pub fn overview(&self, workspace: Option<&WorkspaceScope>) -> Result<Overview, AdminError> {
        let now_ms = now_ms();
        let starts = Starts::of(now_ms);
        let reader = CallsReader::open(&self.dir)?;
        let filter = CallFilter {
            workspace: workspace.cloned(),
            since_ms: Some(starts.week_ms.min(starts.month_ms)),
            ..CallFilter::default()
        };
        let groups = reader
            .groups(&filter, &[Dimension::Token, Dimension::Day])?
            .groups;
        Ok(Overview {
            at: rfc3339(now_ms),
            workspace: workspace.map(|scope| scope.slug().to_string()),
            today: OverviewSpan::of(&groups, starts.day_ms),
            week: OverviewSpan::of(&groups, starts.week_ms),
            month: OverviewSpan::of(&groups, starts.month_ms),
            lost: reader.lost(Some(starts.month_ms))?,
        })
    }
}

impl OverviewSpan {
    fn of(groups: &[Group], from_ms: u64) -> Self {
        let since = groups.iter().filter(|group| group.time_ms >= Some(from_ms));
        let mut figures = Figures::default();
        let mut tokens = BTreeSet::new();
        for group in since {
            figures.merge(&group.figures);
            tokens.insert(&group.token_id);
        }
        Self {
            from: rfc3339(from_ms),
            active_tokens: tokens.len(),
            figures: CallFigures::from(&figures),
        }
    }
}

/// When the day, the week and the month began.
struct Starts {
    day_ms: u64,
    week_ms: u64,
    month_ms: u64,
}

impl Starts {
    fn of(now_ms: u64) -> Self {
        let now = i64::try_from(now_ms).ok();
        let now = now.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let today = now.unwrap_or_default().to_zoned(TimeZone::UTC).date();
        let since_monday = i64::from(today.weekday().since(Weekday::Monday));
        let monday = today.checked_sub(since_monday.days()).unwrap_or(today);
        let start = |date: jiff::civil::Date| {
            let start = date.to_zoned(TimeZone::UTC).ok();
            let ms = start.map_or(0, |start| start.timestamp().as_millisecond());
            u64::try_from(ms).unwrap_or(0)
        };
        Self {
            day_ms: start(today),
            week_ms: start(monday),
            month_ms: start(today.first_of_month()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(now: &str, day: &str, week: &str, month: &str) {
        let now: Timestamp = now.parse().unwrap();
        let starts = Starts::of(now.as_millisecond().unsigned_abs());
        let shown = [starts.day_ms, starts.week_ms, starts.month_ms].map(rfc3339);
        let midnight = [day, week, month].map(|date| format!("{date}T00:00:00.000Z"));
        assert_eq!(shown, midnight);
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        check(
            "2026-11-21T16:00:00Z",
            "2026-11-21",
            "2026-11-16",
            "2026-11-01",
        );
        check(
            "2026-11-16T00:00:00Z",
            "2026-11-16",
            "2026-11-16",
            "2026-11-01",
        );
        check(
            "2027-01-02T23:59:59Z",
            "2027-01-02",
            "2026-12-28",
            "2027-01-01",
        );
    }
}

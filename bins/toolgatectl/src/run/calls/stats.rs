//! `toolgatectl calls overview` and `calls stats`

use std::fmt::Write;
use std::time::Duration;

use toolgate_admin::{
    Analytics, AnalyticsQuery, AnalyticsRow, GroupBy, Overview, OverviewSpan, WorkspaceScope,
};

use super::figures::{bar, number, rate, size, spark, took};
use super::{ago_ms, narrowed};
use crate::args::CallsStats;
use crate::failure::Failure;
use crate::run::Context;
use crate::table::{Tone, plain, table, time};

const HOURS: u64 = 24;
const DAYS: u64 = 30;

pub(super) fn overview(
    context: &Context<'_>,
    scope: Option<&WorkspaceScope>,
) -> Result<(), Failure> {
    let report = context.admin.overview(scope)?;
    let calls = |group_by, hours| -> Result<Vec<u64>, Failure> {
        let rows = context.admin.analytics(&AnalyticsQuery {
            workspace: scope.cloned(),
            from_ms: Some(ago_ms(Duration::from_hours(hours))),
            ..AnalyticsQuery::by(group_by)
        })?;
        Ok(rows.rows.iter().map(|row| row.figures.calls).collect())
    };
    let hours = calls(GroupBy::Hour, HOURS - 1)?;
    let days = calls(GroupBy::Day, (DAYS - 1) * 24)?;
    context
        .output
        .one(&report, |report| shown(report, &hours, &days))
}

fn shown(report: &Overview, hours: &[u64], days: &[u64]) -> String {
    let spans = [
        ("today", &report.today),
        ("this week", &report.week),
        ("this month", &report.month),
    ];
    let mut text = table(
        &[
            "", "CALLS", "SUCCESS", "ERRORS", "REFUSED", "MEAN", "P95", "TOKENS", "IN", "OUT",
        ],
        spans.map(|(name, span)| span_row(name, span)),
        "",
    );
    let _ = writeln!(text, "\nlast 24 hours  |{}|", spark(hours));
    let _ = writeln!(text, "last 30 days   |{}|", spark(days));
    if report.lost > 0 {
        let _ = writeln!(
            text,
            "\n{} call records were lost this month and are in no figure",
            report.lost
        );
    }
    text
}

fn span_row(name: &str, span: &OverviewSpan) -> Vec<(String, Tone)> {
    let figures = &span.figures;
    vec![
        plain(name),
        plain(number(figures.calls)),
        rate(figures.success_rate),
        plain(number(figures.errors)),
        plain(number(figures.refused)),
        plain(took(figures.mean_ms)),
        plain(took(figures.p95_ms)),
        plain(span.active_tokens.to_string()),
        plain(size(figures.bytes_in)),
        plain(size(figures.bytes_out)),
    ]
}

pub(super) fn stats(context: &Context<'_>, asked: CallsStats) -> Result<(), Failure> {
    let query = AnalyticsQuery {
        workspace: narrowed(context, asked.workspace.as_deref())?,
        from_ms: Some(ago_ms(asked.since)),
        to_ms: None,
        group_by: asked.by.into(),
        server: asked.server,
        tool: asked.tool,
        token: asked.token,
        member: asked.member,
        limit: Some(asked.limit as usize),
    };
    let report = context.admin.analytics(&query)?;
    context.output.one(&report, stats_table)
}

fn stats_table(report: &Analytics) -> String {
    let heading = match report.group_by {
        GroupBy::Tool => "TOOL",
        GroupBy::Server => "SERVER",
        GroupBy::Token => "TOKEN",
        GroupBy::Member => "MEMBER",
        GroupBy::Hour => "HOUR (UTC)",
        GroupBy::Day => "DAY (UTC)",
        GroupBy::Status => "STATUS",
    };
    let mut text = rows_table(heading, report.group_by, &report.rows);
    if report.more > 0 {
        let _ = writeln!(text, "… and {} more; show them with --limit", report.more);
    }
    let total = &report.total;
    if total.calls > 0 {
        let _ = writeln!(
            text,
            "\n{} calls from {} to {} UTC: {} succeeded, {} on average, 95 of 100 within {}",
            number(total.calls),
            time(&report.from),
            time(&report.to),
            rate(total.success_rate).0,
            took(total.mean_ms),
            took(total.p95_ms),
        );
    }
    text
}

/// Groups of calls, with a bar for how many each has.
pub(super) fn rows_table(heading: &str, group_by: GroupBy, rows: &[AnalyticsRow]) -> String {
    let greatest = rows.iter().map(|row| row.figures.calls).max().unwrap_or(0);
    let shown = rows.iter().map(|row| {
        let figures = &row.figures;
        vec![
            plain(label(row, group_by)),
            plain(number(figures.calls)),
            plain(bar(figures.calls, greatest)),
            rate(figures.success_rate),
            plain(number(figures.errors)),
            plain(number(figures.refused)),
            plain(took(figures.mean_ms)),
            plain(took(figures.p50_ms)),
            plain(took(figures.p95_ms)),
            plain(took(figures.p99_ms)),
        ]
    });
    let none = if greatest == 0 { "No calls." } else { "" };
    table(
        &[
            heading, "CALLS", "", "SUCCESS", "ERRORS", "REFUSED", "MEAN", "P50", "P95", "P99",
        ],
        shown.filter(|_| greatest > 0),
        none,
    )
}

fn label(row: &AnalyticsRow, group_by: GroupBy) -> String {
    let shown = time(&row.label);
    match group_by {
        GroupBy::Day => shown.split(' ').next().unwrap_or_default().to_owned(),
        GroupBy::Hour => shown.get(..16).unwrap_or(&shown).to_owned(),
        _ => row.label.clone(),
    }
}

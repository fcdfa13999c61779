//! `toolgatectl calls slow`

use std::fmt::Write;

use toolgate_admin::SlowServer;

use super::figures::{number, rate, spark, took};
use crate::table::{clean, maybe, plain, table, time};

/// Tools that are shown, those that added most time.
const TOOLS: usize = 10;

pub(super) fn slow(report: &SlowServer) -> String {
    let mut text = format!(
        "{} in {}, {} to {} UTC\n",
        clean(&report.server),
        report.workspace,
        time(&report.this_week.from),
        time(&report.this_week.to),
    );
    for reason in &report.reasons {
        let _ = writeln!(text, "- {}", clean(reason));
    }
    let weeks = [
        ("this week", &report.this_week.figures),
        ("week before", &report.week_before.figures),
    ];
    text.push('\n');
    text += &table(
        &[
            "",
            "CALLS",
            "SUCCESS",
            "MEAN",
            "P50",
            "P95",
            "P99",
            "TIMED OUT",
            "NOT TRIED",
        ],
        weeks.map(|(name, figures)| {
            vec![
                plain(name),
                plain(number(figures.calls)),
                rate(figures.success_rate),
                plain(took(figures.mean_ms)),
                plain(took(figures.p50_ms)),
                plain(took(figures.p95_ms)),
                plain(took(figures.p99_ms)),
                plain(number(figures.timed_out)),
                plain(number(figures.overloaded)),
            ]
        }),
        "",
    );
    if report.this_week.figures.calls == 0 {
        return text;
    }
    text.push('\n');
    text += &tools(report);
    if !report.errors.is_empty() {
        text.push('\n');
        text += &errors(report);
    }
    let means = report
        .hours
        .iter()
        .map(|hour| hour.figures.mean_ms.unwrap_or(0));
    let means: Vec<u64> = means.collect();
    let _ = writeln!(text, "\nmean time, hour by hour, a line a day:");
    for day in means.chunks(24) {
        // Each day by itself would hide which day was slow.
        let greatest = means.iter().copied().max().unwrap_or(0);
        let scaled: Vec<u64> = day.iter().copied().chain([greatest]).collect();
        let line: String = spark(&scaled).chars().take(day.len()).collect();
        let _ = writeln!(text, "|{line}|");
    }
    text
}

fn tools(report: &SlowServer) -> String {
    let rows = report.tools.iter().take(TOOLS).map(|tool| {
        let (now, before) = (&tool.this_week, &tool.week_before);
        let share = tool.share_of_added_time.unwrap_or(0.0) * 100.0;
        vec![
            plain(&tool.tool),
            plain(format!("{share:.0} %")),
            plain(took(now.mean_ms)),
            plain(took(before.mean_ms)),
            plain(took(now.p95_ms)),
            plain(took(before.p95_ms)),
            plain(number(now.calls)),
            plain(number(before.calls)),
            plain(number(now.timed_out)),
        ]
    });
    table(
        &[
            "TOOL",
            "ADDED TIME",
            "MEAN",
            "BEFORE",
            "P95",
            "BEFORE",
            "CALLS",
            "BEFORE",
            "TIMED OUT",
        ],
        rows,
        "",
    )
}

fn errors(report: &SlowServer) -> String {
    let rows = report.errors.iter().map(|error| {
        let code = error.error_code.map(|code| code.to_string());
        vec![
            plain(error.status.as_str()),
            maybe(code.as_deref()),
            plain(number(error.calls)),
        ]
    });
    table(&["ERROR", "CODE", "CALLS"], rows, "")
}

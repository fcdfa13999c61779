//! `toolgatectl calls limits` and `calls member`

use std::fmt::Write;

use toolgate_admin::{GroupBy, LimitsReport, MemberTimeline};

use super::figures::{number, rate, spark, took};
use super::list::calls_table;
use super::stats::rows_table;
use crate::table::{Tone, clean, maybe, plain, table, time};

pub(super) fn limits(report: &LimitsReport) -> String {
    let rows = report.tokens.iter().map(|token| {
        let limit = token.per_minute.map(|limit| format!("{limit} a minute"));
        let name = token.token_name.as_deref().unwrap_or(&token.token_id);
        vec![
            plain(&token.workspace),
            plain(name),
            maybe(token.member.as_deref()),
            maybe(limit.as_deref()),
            (number(token.rate_limited), Tone::Doubtful),
            plain(number(token.calls)),
            plain(token.minutes.to_string()),
            plain(format!(
                "{} at {}",
                number(token.worst.rate_limited),
                minute(&token.worst.time)
            )),
            plain(minute(&token.last)),
        ]
    });
    table(
        &[
            "WORKSPACE",
            "TOKEN",
            "MEMBER",
            "LIMIT",
            "TURNED AWAY",
            "OF CALLS",
            "MINUTES",
            "WORST (UTC)",
            "LAST (UTC)",
        ],
        rows,
        &format!(
            "No call was over a rate limit since {} UTC.",
            time(&report.from)
        ),
    )
}

pub(super) fn member(report: &MemberTimeline) -> String {
    let total = &report.total;
    let mut text = format!(
        "{}: {} calls from {} to {} UTC, {} succeeded, {} on average, {} refused\n",
        clean(&report.label),
        number(total.calls),
        time(&report.from),
        time(&report.to),
        rate(total.success_rate).0,
        took(total.mean_ms),
        number(total.refused),
    );
    if total.calls == 0 {
        return text;
    }
    let days: Vec<u64> = report.days.iter().map(|day| day.figures.calls).collect();
    let _ = writeln!(text, "day by day |{}|\n", spark(&days));
    text += &rows_table("TOOL", GroupBy::Tool, &report.tools);
    if !report.calls.is_empty() {
        text.push('\n');
        text += &calls_table(&report.calls);
    }
    text
}

fn minute(rfc3339: &str) -> String {
    let shown = time(rfc3339);
    shown.get(..16).unwrap_or(&shown).to_owned()
}

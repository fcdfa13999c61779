//! What stands out when a server is slow, in sentences.

use std::collections::BTreeMap;

use toolgate_analytics::CallStatus;
use toolgate_store::Figures;

use super::analytics::HOUR_MS;
use super::slow::Both;

/// A part of the added time that makes a tool the one to look at: three tenths.
const MUCH: f64 = 0.3;

/// What stands out, the weightiest first.
pub(super) fn reasons(both: &Both, circuit: Option<&str>) -> Vec<String> {
    let Both { now, before, .. } = both;
    if now.calls() == 0 {
        return vec!["it was not called this week".to_owned()];
    }
    let mut reasons = Vec::new();
    match circuit {
        Some("open") => reasons.push(
            "right now no call is sent to it: it kept failing and is left alone for a while"
                .to_owned(),
        ),
        Some("probing") => {
            reasons.push("it kept failing; whether it is back is being tried now".to_owned());
        }
        _ => {}
    }
    reasons.push(compared(now, before));
    reasons.extend(both.tools.iter().take(3).filter_map(|tool| {
        let share = tool.share.filter(|share| *share >= MUCH)?;
        let mean = tool.now.mean_ms()?;
        let was = match tool.before.mean_ms() {
            Some(was) => format!("{was} ms the week before"),
            None => "not called the week before".to_owned(),
        };
        Some(format!(
            "`{}` is {:.0} % of the added time: {mean} ms on average, {was}",
            tool.tool,
            share * 100.0
        ))
    }));
    let ended = [
        (CallStatus::TimedOut, "had no answer in time"),
        (CallStatus::Unreachable, "did not reach it"),
        (
            CallStatus::Overloaded,
            "were not tried, since it was left alone or its queue was full",
        ),
    ];
    for (status, what) in ended {
        let (count, was) = (now.ended(status), before.ended(status));
        if count > 0 {
            reasons.push(format!(
                "calls that {what}: {count}, and {was} the week before"
            ));
        }
    }
    reasons.extend(load(now, before));
    reasons.extend(hour_of_day(both));
    reasons
}

/// Whether it is slower at all.
fn compared(now: &Figures, before: &Figures) -> String {
    let p95 = |figures: &Figures| figures.latency.permille(950);
    match (p95(now), p95(before)) {
        (Some(now), Some(before)) if now > before.saturating_mul(6) / 5 => format!(
            "it is slower: 95 of 100 calls took up to {now} ms, and up to {before} ms the week before"
        ),
        (Some(now), Some(before)) => format!(
            "it is not slower than the week before: 95 of 100 calls took up to {now} ms, then up to {before} ms"
        ),
        (Some(now), None) => format!(
            "95 of 100 calls took up to {now} ms; there were none the week before to compare with"
        ),
        (None, _) => "no call was given to it this week".to_owned(),
    }
}

/// Whether it has half as much again to do.
fn load(now: &Figures, before: &Figures) -> Option<String> {
    let (calls, was) = (now.calls(), before.calls());
    (was > 0 && calls > was.saturating_mul(3) / 2)
        .then(|| format!("it was called {calls} times, {was} times the week before"))
}

/// The hour of the day in which it is at least twice as slow as usual.
fn hour_of_day(both: &Both) -> Option<String> {
    let usual = both.now.mean_ms()?;
    let mut hours: BTreeMap<u64, Figures> = BTreeMap::new();
    for group in &both.hours {
        let hour = group.time_ms? / HOUR_MS % 24;
        hours.entry(hour).or_default().merge(&group.figures);
    }
    // A few calls in the night say nothing.
    let enough = (both.now.latency.count() / 50).max(4);
    let (hour, mean) = hours
        .iter()
        .filter(|(_, figures)| figures.latency.count() > enough)
        .filter_map(|(hour, figures)| Some((hour, figures.mean_ms()?)))
        .max_by_key(|(_, mean)| *mean)?;
    (mean > usual.saturating_mul(2)).then(|| {
        format!(
            "it is slowest from {hour:02}:00 to {:02}:00 UTC: {mean} ms on average, {usual} ms over the day",
            (hour + 1) % 24
        )
    })
}

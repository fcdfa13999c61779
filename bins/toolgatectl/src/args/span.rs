//! Lengths of time as people type them.

use std::time::Duration;

/// The longest accepted, about a hundred years: beyond it dates stop making sense.
const MAX_SECONDS: u64 = 3_155_760_000;

/// Reads `90` (seconds), `90s`, `15m`, `1h`, `14d` or `2w`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let seconds_each = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err("use seconds, or a number with s, m, h, d or w, such as 14d".to_owned()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(seconds_each))
        .filter(|seconds| (1..=MAX_SECONDS).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "use a number from 1 second to 100 years, such as 14d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, seconds: Option<u64>) {
        assert_eq!(
            parse(text).ok(),
            seconds.map(Duration::from_secs),
            "{text:?}"
        );
    }

    #[test]
    fn spans_are_seconds_or_a_number_with_a_unit() {
        check("90", Some(90));
        check("10s", Some(10));
        check("15m", Some(900));
        check("1h", Some(3_600));
        check("14d", Some(1_209_600));
        check("2w", Some(1_209_600));
        for text in [
            "",
            "0",
            "d",
            "-1",
            "1.5h",
            "1 h",
            "1y",
            "1D",
            "99999999999999999999",
            "999999999999d",
        ] {
            check(text, None);
        }
    }
}

//! Figures as people read them: times, parts, sizes, and small pictures.

use crate::table::{Tone, plain};

/// Width of the longest bar.
const BAR: u64 = 12;
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `850 ms`, `2.40 s`, `95 s`; `-` of nothing.
pub(super) fn took(ms: Option<u64>) -> String {
    match ms {
        None => "-".to_owned(),
        Some(ms) if ms < 1_000 => format!("{ms} ms"),
        Some(ms) if ms < 60_000 => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
        Some(ms) => format!("{} s", ms / 1_000),
    }
}

/// `99.2 %`, in the colour of how that is meant.
pub(super) fn rate(rate: Option<f64>) -> (String, Tone) {
    let Some(rate) = rate else { return plain("-") };
    let tone = match rate {
        rate if rate >= 0.99 => Tone::Good,
        rate if rate >= 0.9 => Tone::Doubtful,
        _ => Tone::Bad,
    };
    // Rounded down: 100 % has no exception.
    let percent = (rate * 1_000.0).floor() / 10.0;
    (format!("{percent:.1} %"), tone)
}

/// `900 B`, `12.4 kB`, `3.1 GB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes / 100;
    for unit in UNITS {
        if tenths < 10_000 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1_000;
    }
    format!("{} EB", tenths / 10)
}

/// `12,345`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A bar as long as the part of the greatest.
pub(super) fn bar(part: u64, greatest: u64) -> String {
    let eighths = u128::from(part) * u128::from(BAR * 8) / u128::from(greatest.max(1));
    let eighths = usize::try_from(eighths).unwrap_or(0);
    let mut bar = "█".repeat(eighths / 8);
    match (eighths % 8, part) {
        (0, part) if part > 0 && bar.is_empty() => bar.push('▏'),
        (0, _) => {}
        (rest, _) => bar.push(['▏', '▎', '▍', '▌', '▋', '▊', '▉'][rest - 1]),
    }
    bar
}

/// A line of columns, each as high as its part of the greatest; nothing is a blank.
pub(super) fn spark(parts: &[u64]) -> String {
    let greatest = parts.iter().copied().max().unwrap_or(0).max(1);
    let column = |part: &u64| match part {
        0 => ' ',
        part => {
            let step = (u128::from(*part) * 8).div_ceil(u128::from(greatest));
            STEPS[usize::try_from(step).unwrap_or(1).clamp(1, 8) - 1]
        }
    };
    parts.iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let times = [Some(0), Some(999), Some(2_405), Some(95_400), None].map(took);
        assert_eq!(times, ["0 ms", "999 ms", "2.40 s", "95 s", "-"]);
        let sizes = [0, 999, 1_000, 12_449, 999_999, 3_100_000_000].map(size);
        assert_eq!(
            sizes,
            ["0 B", "999 B", "1.0 kB", "12.4 kB", "999.9 kB", "3.1 GB"]
        );
        assert!(size(u64::MAX).ends_with(" EB") || size(u64::MAX).ends_with(" PB"));
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(rate(Some(0.9958)).0, "99.5 %");
        assert_eq!(rate(Some(0.9999)).0, "99.9 %");
        assert_eq!(rate(Some(1.0)).0, "100.0 %");
    }

    #[test]
    fn pictures_are_to_scale_and_show_what_is_little() {
        assert_eq!(bar(12, 12), "█".repeat(12));
        assert_eq!(bar(6, 12), "█".repeat(6));
        assert_eq!(
            (bar(0, 12), bar(1, 1_000_000)),
            (String::new(), "▏".to_owned())
        );
        assert_eq!(bar(0, 0), "");
        assert_eq!(spark(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(spark(&[1, 1_000_000]), "▁█");
        assert_eq!(spark(&[u64::MAX]), "█");
        assert_eq!(spark(&[]), "");
    }
}

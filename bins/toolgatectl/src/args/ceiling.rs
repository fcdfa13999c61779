//! Limits as people type them.

/// A limit that may be lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ceiling(pub(crate) Option<u64>);

/// Reads `512` or `none`.
pub(super) fn count(text: &str) -> Result<Ceiling, String> {
    if text == "none" {
        return Ok(Ceiling(None));
    }
    let number = text.parse().ok().filter(|number| *number > 0);
    let number: u64 = number.ok_or("use a number, or `none`")?;
    Ok(Ceiling(Some(number)))
}

/// Reads `4096` (bytes), `64K`, `512M`, `4G`, `1T` or `none`.
pub(super) fn size(text: &str) -> Result<Ceiling, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let each = match &text[digits.len()..] {
        "" => 1_u64,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        "T" | "t" => 1 << 40,
        "none" if digits.is_empty() => return Ok(Ceiling(None)),
        _ => return Err("use bytes, a number with K, M, G or T, or `none`".to_owned()),
    };
    let bytes = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(each));
    let bytes = bytes.filter(|bytes| *bytes > 0);
    Ok(Ceiling(Some(
        bytes.ok_or("use a number that is not zero, such as 512M")?,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_a_number_with_a_unit() {
        for (text, bytes) in [
            ("4096", 4096),
            ("64K", 65_536),
            ("512m", 512 << 20),
            ("4G", 4 << 30),
        ] {
            assert_eq!(size(text), Ok(Ceiling(Some(bytes))), "{text}");
        }
        assert_eq!(size("none"), Ok(Ceiling(None)));
        for text in [
            "",
            "0",
            "G",
            "-1",
            "1.5G",
            "4GB",
            "99999999999999999999",
            "20000000T",
            "1none",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_numbers() {
        assert_eq!(count("512"), Ok(Ceiling(Some(512))));
        assert_eq!(count("none"), Ok(Ceiling(None)));
        assert!(count("0").is_err() && count("4K").is_err() && count("").is_err());
    }
}

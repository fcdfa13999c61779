//! Months of the calendar, which calls are counted by.

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A month of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    year: u64,
    /// From 1.
    month: u64,
}

impl Month {
    /// The month of a time, unix milliseconds.
    pub fn of(unix_ms: u64) -> Self {
        // Years that begin in March have their leap day at the end; 1970-01-01 is day 719468 of such a count.
        let day = unix_ms / DAY_MS + 719_468;
        let (era, day) = (day / 146_097, day % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let year = era * 400 + year + u64::from(month <= 2);
        Self { year, month }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self.month {
            12 => Self {
                year: self.year + 1,
                month: 1,
            },
            month => Self {
                month: month + 1,
                ..self
            },
        }
    }

    /// When it begins, unix milliseconds.
    pub fn starts_ms(self) -> u64 {
        let year = self.year - u64::from(self.month <= 2);
        let from_march = (self.month + 9) % 12;
        let (era, year) = (year / 400, year % 400);
        let day = 365 * year + year / 4 - year / 100 + (153 * from_march + 2) / 5;
        (era * 146_097 + day).saturating_sub(719_468) * DAY_MS
    }

    /// Its name, such as `2026-11`.
    pub fn name(self) -> String {
        format!("{:04}-{:02}", self.year, self.month)
    }

    /// Its beginning as people and programs read it.
    pub fn starts(self) -> String {
        self.name() + "-01T00:00:00Z"
    }

    /// Its place among all months, for packing.
    pub fn number(self) -> u64 {
        self.year * 12 + self.month
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unix_ms: u64, starts: &str) {
        let month = Month::of(unix_ms);
        assert_eq!(month.starts(), starts, "{unix_ms}");
        assert!(month.starts_ms() <= unix_ms && unix_ms < month.next().starts_ms());
        assert_eq!(Month::of(month.starts_ms()), month);
        assert_eq!(Month::of(month.next().starts_ms()), month.next());
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_399_999, "2000-02-01T00:00:00Z");
        check(951_782_400_000, "2000-02-01T00:00:00Z");
        check(951_868_800_000, "2000-03-01T00:00:00Z");
        check(1_795_253_400_125, "2026-11-01T00:00:00Z");
        check(1_798_761_599_999, "2026-12-01T00:00:00Z");
        check(1_798_761_600_000, "2027-01-01T00:00:00Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00Z");
    }
}

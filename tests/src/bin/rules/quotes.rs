//! Rules as texts quote them: `P9.31`, `P9.60–P9.62`, and `p9_31_…` in names.

use std::collections::BTreeSet;
use std::fmt;

/// The number of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) section: u32,
    number: u32,
}

impl Rule {
    /// Reads a rule that is the whole text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (section, number) = text.strip_prefix('P')?.split_once('.')?;
        Some(Self {
            section: section.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}.{}", self.section, self.number)
    }
}

/// The rules that a text quotes; a range stands for all that is in it.
pub(crate) fn in_text(text: &str) -> BTreeSet<Rule> {
    let mut rules = BTreeSet::new();
    let mut last: Option<(Rule, usize)> = None;
    for (at, _) in text.match_indices('P') {
        let within_word = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let Some((rule, length)) = leading(&text[at + 1..], '.').filter(|_| !within_word) else {
            continue;
        };
        if let Some((first, end)) = last
            && first.section == rule.section
            && matches!(&text[end..at], "–" | "-" | " to ")
        {
            rules.extend((first.number..rule.number).map(|number| Rule { number, ..first }));
        }
        rules.insert(rule);
        last = Some((rule, at + 1 + length));
    }
    rules
}

/// The rules that a test's name quotes.
pub(crate) fn in_name(name: &str) -> BTreeSet<Rule> {
    let starts = name
        .match_indices('p')
        .filter(|(at, _)| *at == 0 || name[..*at].ends_with('_'));
    starts
        .filter_map(|(at, _)| leading(&name[at + 1..], '_'))
        .map(|(rule, _)| rule)
        .collect()
}

/// Two numbers at the start of a text, and how long they are with what stands between them.
fn leading(text: &str, between: char) -> Option<(Rule, usize)> {
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let first = digits(text);
    let rest = text[first..].strip_prefix(between)?;
    let second = digits(rest);
    let rule = Rule {
        section: text[..first].parse().ok()?,
        number: rest[..second].parse().ok()?,
    };
    Some((rule, first + 1 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &BTreeSet<Rule>, expected: &str) {
        let found: Vec<String> = found.iter().map(Rule::to_string).collect();
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn texts_quote_rules_and_ranges() {
        check(&in_text("(P9.1, P9.10) and P9.1"), "P9.1 P9.10");
        check(&in_text("P8.2–P8.4, P7.1"), "P7.1 P8.2 P8.3 P8.4");
        check(&in_text("XP9.1 P9 P.9 P9x.1"), "");
    }

    #[test]
    fn names_quote_rules() {
        check(&in_name("p9_31_it_holds"), "P9.31");
        check(&in_name("p9_3_p8_4_both_hold"), "P8.4 P9.3");
        check(&in_name("help_9_1_or_step_2"), "");
    }
}

//! Rules as texts quote them: `P9.31`, `P9.60–P9.62`, `S-06` and, in names, `p9_31_…`, `s06_…`.

use std::collections::BTreeSet;
use std::fmt;

/// The number of a rule: `P9.31` of the protocol, `S-06` of security, `R-05` of reliability, `F-01` a fuzz target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) letter: char,
    /// 0 for rules that are numbered through.
    pub(crate) section: u32,
    number: u32,
}

impl Rule {
    /// Reads a rule that is the whole text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let letter = text.chars().next().filter(char::is_ascii_uppercase)?;
        let (rule, length) = leading(letter, &text[1..], Spelling::Text)?;
        (1 + length == text.len()).then_some(rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.letter {
            'P' => write!(f, "P{}.{}", self.section, self.number),
            letter => write!(f, "{letter}-{:02}", self.number),
        }
    }
}

/// How a rule is written: `P9.31` and `S-06`, or `p9_31` and `s06`.
#[derive(Clone, Copy)]
enum Spelling {
    Text,
    Name,
}

/// The rules that a text quotes; a range stands for all that is in it.
pub(crate) fn in_text(text: &str) -> BTreeSet<Rule> {
    let mut rules = BTreeSet::new();
    let mut last: Option<(Rule, usize)> = None;
    for (at, letter) in text.match_indices(['P', 'S', 'R', 'F']) {
        let within_word =
            text[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
        let letter = letter.chars().next().unwrap_or_default();
        let found = leading(letter, &text[at + 1..], Spelling::Text).filter(|_| !within_word);
        let Some((rule, length)) = found else {
            continue;
        };
        if let Some((first, end)) = last
            && (first.letter, first.section) == (rule.letter, rule.section)
            && matches!(&text[end..at], "–" | "…" | "-" | " to ")
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
        .match_indices(['p', 's', 'r', 'f'])
        .filter(|(at, _)| *at == 0 || name[..*at].ends_with('_'));
    starts
        .filter_map(|(at, letter)| {
            let letter = letter.chars().next()?.to_ascii_uppercase();
            leading(letter, &name[at + 1..], Spelling::Name)
        })
        .map(|(rule, _)| rule)
        .collect()
}

/// The rest of a rule at the start of a text, and how long it is.
fn leading(letter: char, text: &str, spelling: Spelling) -> Option<(Rule, usize)> {
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if letter == 'P' {
        let between = match spelling {
            Spelling::Text => '.',
            Spelling::Name => '_',
        };
        let first = digits(text);
        let rest = text[first..].strip_prefix(between)?;
        let second = digits(rest);
        let rule = Rule {
            letter,
            section: text[..first].parse().ok()?,
            number: rest[..second].parse().ok()?,
        };
        return Some((rule, first + 1 + second));
    }
    let dash = match spelling {
        Spelling::Text => 1,
        Spelling::Name => usize::from(text.starts_with('_')),
    };
    let rest = match spelling {
        Spelling::Text => text.strip_prefix('-')?,
        Spelling::Name => &text[dash..],
    };
    // Always two digits, so that `UTF-8` and `RFC-1234` are no rules.
    let length = digits(rest);
    let rule = Rule {
        letter,
        section: 0,
        number: rest[..length].parse().ok()?,
    };
    (length == 2).then_some((rule, dash + length))
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
        check(
            &in_text("S-06…S-08, R-11 (F-01)"),
            "F-01 R-11 S-06 S-07 S-08",
        );
        check(&in_text("UTF-16 S-6 S-123 AES-25"), "");
    }

    #[test]
    fn names_quote_rules() {
        check(&in_name("p9_31_it_holds"), "P9.31");
        check(&in_name("p9_3_p8_4_both_hold"), "P8.4 P9.3");
        check(&in_name("help_9_1_or_step_2"), "");
        check(&in_name("s06_r_11_hold_s9_f123"), "R-11 S-06");
    }
}

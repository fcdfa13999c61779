//! What differs between a message that was sent and the one that arrived, and whether a rule explains it.

use std::collections::BTreeMap;

use crate::json::{self, Member};
use crate::judge::{Judge, Place, Verdict};
use crate::rule::Rule;

/// The differences of any number of messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// How often each rule explained a difference.
    pub(crate) explained: BTreeMap<Rule, u64>,
    /// What no rule explains.
    pub(crate) unexplained: Vec<String>,
}

impl Findings {
    pub(crate) fn explain(&mut self, rule: Rule) {
        *self.explained.entry(rule).or_default() += 1;
    }

    pub(crate) fn accuse(&mut self, what: String) {
        self.unexplained.push(what);
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (rule, count) in other.explained {
            *self.explained.entry(rule).or_default() += count;
        }
        self.unexplained.extend(other.unexplained);
    }
}

/// From this size on the gateway may hand a result on before it is whole.
const LARGE: usize = 64 * 1024;
/// How much of a text is shown.
const LONGEST: usize = 300;

/// Compares texts, and lets the judge explain what differs.
pub(crate) struct Comparison<'a> {
    pub(crate) judge: &'a dyn Judge,
    pub(crate) findings: &'a mut Findings,
}

impl Comparison<'_> {
    /// Compares two objects: members that the judge does not know must be the same bytes in the same order.
    pub(crate) fn objects(&mut self, place: Place, path: &str, sent: &str, arrived: &str) {
        if sent == arrived {
            return;
        }
        let (Some(before), Some(after)) = (json::members(sent), json::members(arrived)) else {
            return self.accuse(path, Some(sent), Some(arrived));
        };
        for member in &before {
            let other = find(&after, &member.name);
            if other.is_none_or(|other| !is_kept(place, member, other)) {
                let arrived = other.map(|other| other.value);
                self.member(place, path, &member.name, Some(member.value), arrived);
            }
        }
        for member in &after {
            if find(&before, &member.name).is_none() {
                self.member(place, path, &member.name, None, Some(member.value));
            }
        }
        self.order(place, path, &before, &after);
        if is_compact(arrived, &after) {
            if !is_compact(sent, &before) {
                self.findings.explain(Rule::Edited);
            }
            return;
        }
        // What is handed on as it comes keeps what stands between its members, and gets nothing added.
        let is_large = arrived.len() > LARGE;
        if !is_large || !stood_there(&between(sent, &before), &between(arrived, &after)) {
            self.accuse(path, Some(sent), Some(arrived));
        }
    }

    /// Compares two arrays of objects, element by element.
    fn arrays(&mut self, place: Place, path: &str, sent: &str, arrived: &str) {
        let (Some(before), Some(after)) = (json::elements(sent), json::elements(arrived)) else {
            return self.accuse(path, Some(sent), Some(arrived));
        };
        let compact = format!("[{}]", after.join(","));
        if before.len() != after.len() || compact != arrived {
            return self.accuse(path, Some(sent), Some(arrived));
        }
        if sent.len()
            != before
                .iter()
                .map(|element| element.len() + 1)
                .sum::<usize>()
                + 1
        {
            self.findings.explain(Rule::Edited);
        }
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            if before != after {
                self.value(place, &format!("{path}[{at}]"), before, after);
            }
        }
    }

    /// Compares an element that a rule may have changed.
    fn value(&mut self, place: Place, path: &str, sent: &str, arrived: &str) {
        match self.judge.element(place, sent, arrived) {
            Verdict::Rule(rule) => self.findings.explain(rule),
            Verdict::Inside(place, _) => self.objects(place, path, sent, arrived),
            Verdict::Elements(..) | Verdict::Unexplained => {
                self.accuse(path, Some(sent), Some(arrived));
            }
        }
    }

    fn member(
        &mut self,
        place: Place,
        path: &str,
        name: &str,
        sent: Option<&str>,
        arrived: Option<&str>,
    ) {
        let path = format!("{path}.{name}");
        match self.judge.judge(place, name, sent, arrived) {
            Verdict::Rule(rule) => self.findings.explain(rule),
            Verdict::Inside(place, rule) => {
                // What appeared or vanished as a whole is compared with nothing.
                if sent.is_none() || arrived.is_none() {
                    self.findings.explain(rule);
                }
                self.objects(place, &path, sent.unwrap_or("{}"), arrived.unwrap_or("{}"));
            }
            Verdict::Elements(place) => {
                self.arrays(place, &path, sent.unwrap_or("[]"), arrived.unwrap_or("[]"));
            }
            Verdict::Unexplained => self.accuse(&path, sent, arrived),
        }
    }

    /// What both have stands in the same order, but for what the gateway puts where it likes.
    fn order(&mut self, place: Place, path: &str, before: &[Member<'_>], after: &[Member<'_>]) {
        let names = |these: &[Member<'_>], those: &[Member<'_>]| -> Vec<String> {
            let both = these
                .iter()
                .filter(|member| find(those, &member.name).is_some());
            both.map(|member| member.name.clone())
                .filter(|name| !place.is_own(name))
                .collect()
        };
        let (sent, arrived) = (names(before, after), names(after, before));
        if sent != arrived {
            self.accuse(path, Some(&sent.join(", ")), Some(&arrived.join(", ")));
        }
    }

    fn accuse(&mut self, path: &str, sent: Option<&str>, arrived: Option<&str>) {
        // Line ends would break the report, and they may be the difference.
        let visible = |text: &str| text.replace('\r', "<CR>").replace('\n', "<LF>");
        let show = |text: Option<&str>| match text {
            None => "nothing".to_owned(),
            Some(text) if text.len() <= LONGEST => format!("`{}`", visible(text)),
            Some(text) => {
                let start: String = text.chars().take(LONGEST).collect();
                format!("`{}...`", visible(&start))
            }
        };
        let (sent, arrived) = (show(sent), show(arrived));
        self.findings
            .accuse(format!("{path}: {sent} was sent, {arrived} arrived"));
    }
}

fn find<'m, 't>(members: &'m [Member<'t>], name: &str) -> Option<&'m Member<'t>> {
    members.iter().find(|member| member.name == name)
}

/// Whether a member arrived as it was sent; in an envelope only the value counts.
fn is_kept(place: Place, sent: &Member<'_>, arrived: &Member<'_>) -> bool {
    sent.whole == arrived.whole || (place.is_own(&sent.name) && sent.value == arrived.value)
}

/// What stands around the members.
fn between(text: &str, members: &[Member<'_>]) -> String {
    let mut rest = text;
    let mut found = String::new();
    for member in members {
        if let Some((before, behind)) = rest.split_once(member.whole) {
            found.push_str(before);
            rest = behind;
        }
    }
    found + rest
}

/// Whether all the white space in `arrived` was sent, in this order.
fn stood_there(sent: &str, arrived: &str) -> bool {
    let space = |c: &char| c.is_ascii_whitespace();
    let mut sent = sent.chars().filter(space);
    arrived.chars().filter(space).all(|c| sent.any(|s| s == c))
}

/// Whether nothing but a comma stands between the members.
fn is_compact(text: &str, members: &[Member<'_>]) -> bool {
    let length: usize = members.iter().map(|member| member.whole.len()).sum();
    let commas = members.len().saturating_sub(1);
    text.len() == length + commas + 2
}

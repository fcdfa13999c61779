//! Lists compared: the definitions of tools, prompts and resources.

use crate::difference::{Comparison, Findings};
use crate::json;
use crate::judge::{Judge, OLD, Place, Verdict};
use crate::offer::Offered;
use crate::pair::{MODERN, Named};
use crate::rule::Rule;

/// A definition on its way to a client of this revision.
#[derive(Debug, Clone, Copy)]
struct Definition<'a> {
    client: &'static str,
    named: &'a Named,
}

/// Compares the definitions of one kind.
pub(crate) fn definitions(
    place: Place,
    client: &'static str,
    sent: &[&Offered],
    arrived: &[&str],
) -> Findings {
    let mut findings = Findings::default();
    if sent.len() != arrived.len() {
        let (sent, arrived) = (sent.len(), arrived.len());
        findings.accuse(format!("{place:?}: {sent} were listed, {arrived} arrived"));
        return findings;
    }
    for (Offered { named, text }, arrived) in sent.iter().zip(arrived) {
        let definition = Definition { client, named };
        let mut comparison = Comparison {
            judge: &definition,
            findings: &mut findings,
        };
        comparison.objects(place, &format!("{place:?} `{}`", named.own), text, arrived);
    }
    findings
}

impl Judge for Definition<'_> {
    fn judge(
        &self,
        place: Place,
        name: &str,
        sent: Option<&str>,
        arrived: Option<&str>,
    ) -> Verdict {
        let old = OLD.contains(&self.client);
        let is_gone = sent.is_some() && arrived.is_none();
        let gone = |rule: Rule| Verdict::from(is_gone.then_some(rule));
        match (place, name) {
            (Place::Tool, "name") => self.named(Rule::Name, sent, arrived).into(),
            (Place::Prompt, "name") => self.named(Rule::Prompt, sent, arrived).into(),
            (Place::Tool, "execution") => gone(Rule::Execution),
            (Place::Tool, "annotations") if self.client == "2024-11-05" => gone(Rule::Title),
            (Place::Tool, "outputSchema")
            | (Place::Tool | Place::Prompt | Place::Resource, "icons" | "_meta")
            | (_, "title")
                if old =>
            {
                gone(Rule::Title)
            }
            (Place::Tool, "outputSchema") if self.client != MODERN => {
                let root = sent.and_then(|schema| json::member(schema, "type"));
                match root.and_then(json::decoded).as_deref() {
                    Some("object") => Verdict::Unexplained,
                    _ => gone(Rule::OutputSchema),
                }
            }
            (Place::Prompt, "arguments") if old => Verdict::Elements(Place::Argument),
            (_, "icons") => safe_icons(sent, arrived).into(),
            _ => Verdict::Unexplained,
        }
    }

    fn element(&self, place: Place, _: &str, _: &str) -> Verdict {
        match place {
            Place::Argument => Verdict::Inside(place, Rule::Title),
            _ => Verdict::Unexplained,
        }
    }
}

impl Definition<'_> {
    fn named(&self, rule: Rule, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        let said =
            |text: Option<&str>, what: &str| text.and_then(json::decoded).as_deref() == Some(what);
        (said(sent, &self.named.own) && said(arrived, &self.named.shown)).then_some(rule)
    }
}

/// What is left are the icons with safe addresses, as they were.
fn safe_icons(sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
    let is_safe = |icon: &&str| {
        let source = json::member(icon, "src").and_then(json::decoded);
        source.is_some_and(|source| source.starts_with("https:"))
    };
    let icons = json::elements(sent?)?;
    let safe: Vec<&str> = icons.into_iter().filter(is_safe).collect();
    (arrived? == format!("[{}]", safe.join(","))).then_some(Rule::Icons)
}

//! The scanner: what is suspicious in a definition (S-53). A tripwire, not a guarantee.

use std::collections::HashSet;

use super::letters::{hidden_in, reveal};
use super::names::mixes_scripts;
use super::phrases::{self, Speech};
use crate::{Json, JsonKind};

/// Longest text of an ordinary definition, bytes.
pub const MAX_TEXT_BYTES: usize = 4 * 1024;
/// Largest ordinary definition, bytes.
pub const MAX_DEFINITION_BYTES: usize = 64 * 1024;
/// Findings reported of one definition; more say nothing new.
const MAX_FINDINGS: usize = 32;
/// Longest place reported, in characters.
const MAX_PLACE: usize = 120;
/// Blanks in a row that push what follows out of sight.
const GAP: usize = 60;
/// Letters of an encoded blob in a row.
const BLOB: usize = 100;
/// Words that tools are called but texts use as well; only longer or composed names count as a reference.
const PLAIN_WORD: usize = 9;

/// What kind of suspicion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Control characters.
    Control,
    /// The beginning of a terminal's escape sequence.
    Ansi,
    /// Characters without a shape: zero width, fillers, selectors in a row.
    Invisible,
    /// Characters that turn the direction of writing.
    Bidi,
    /// Tag characters, which spell text that nobody sees.
    Tags,
    /// A word of letters from several scripts.
    MixedScript,
    /// Markup or gaps that people are not shown, and tags that set a text apart for a model.
    HiddenMarkup,
    /// A text or a definition beyond the ordinary.
    TooLong,
    /// The name of a tool of another server.
    OtherTool,
    /// A phrase that instructs a model rather than describes a tool.
    Instruction,
    /// An encoded blob.
    Blob,
}

/// One suspicion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub class: Class,
    /// Where in the definition, such as `inputSchema.properties.path.description`.
    pub place: String,
}

/// Looks at definitions of one server, knowing the tools of the others.
#[derive(Debug, Clone, Default)]
pub struct Scanner {
    others: HashSet<String>,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 11] = [
        Self::Control,
        Self::Ansi,
        Self::Invisible,
        Self::Bidi,
        Self::Tags,
        Self::MixedScript,
        Self::HiddenMarkup,
        Self::TooLong,
        Self::OtherTool,
        Self::Instruction,
        Self::Blob,
    ];

    /// Whether a tool is held for it: no ordinary definition has a use for what nobody can see. The others warn.
    pub fn quarantines(self) -> bool {
        matches!(
            self,
            Self::Control | Self::Ansi | Self::Invisible | Self::Bidi | Self::Tags
        )
    }

    /// One word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Ansi => "ansi",
            Self::Invisible => "invisible",
            Self::Bidi => "bidi",
            Self::Tags => "tags",
            Self::MixedScript => "mixed-script",
            Self::HiddenMarkup => "hidden-markup",
            Self::TooLong => "too-long",
            Self::OtherTool => "other-tool",
            Self::Instruction => "instruction",
            Self::Blob => "blob",
        }
    }

    /// What it means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Control => "control characters",
            Self::Ansi => "terminal escape sequences",
            Self::Invisible => "invisible characters",
            Self::Bidi => "characters that turn the direction of writing",
            Self::Tags => "tag characters, which spell hidden text",
            Self::MixedScript => "a word that mixes the letters of several scripts",
            Self::HiddenMarkup => "markup or gaps that hide text from people",
            Self::TooLong => "more text than a description needs",
            Self::OtherTool => "a tool of another server is named",
            Self::Instruction => "a phrase that instructs a model",
            Self::Blob => "an encoded blob",
        }
    }
}

impl Scanner {
    /// A scanner that also notices when one of these tools of other servers is named.
    pub fn beside<'a>(others: impl IntoIterator<Item = &'a str>) -> Self {
        let telling = |name: &&str| name.len() >= PLAIN_WORD || name.contains(['_', '-']);
        Self {
            others: others
                .into_iter()
                .filter(telling)
                .map(str::to_ascii_lowercase)
                .collect(),
        }
    }

    /// Everything suspicious in a definition, the worst first. Takes time in proportion to its length.
    pub fn scan(&self, definition: &Json) -> Vec<Finding> {
        let mut report = Report::default();
        if definition.bytes().len() > MAX_DEFINITION_BYTES {
            report.add(Class::TooLong, "");
        }
        self.value(definition, "", &mut report);
        report.findings.sort_by_key(|finding| finding.class);
        report.findings
    }

    /// Whether a definition has to be held until somebody looked at it.
    pub fn quarantines(&self, definition: &Json) -> Option<Class> {
        let findings = self.scan(definition);
        let mut classes = findings.into_iter().map(|finding| finding.class);
        classes.find(|class| class.quarantines())
    }

    fn value(&self, value: &Json, place: &str, report: &mut Report) {
        match value.kind() {
            JsonKind::Object => {
                for (name, member) in value.object().unwrap_or_default().iter() {
                    let below = join(place, &name);
                    label(&name, &below, report);
                    self.value(&member, &below, report);
                }
            }
            JsonKind::Array => {
                for element in value.array().unwrap_or_default() {
                    self.value(&element, place, report);
                }
            }
            JsonKind::String => match value.text() {
                Some(text) if place.starts_with("icons") => report.all(hidden_in(&text), place),
                Some(text) => self.text(&text, place, report),
                // Half of a surrogate pair is no character at all.
                None => report.add(Class::Control, place),
            },
            JsonKind::Number | JsonKind::Bool | JsonKind::Null => {}
        }
    }

    fn text(&self, text: &str, place: &str, report: &mut Report) {
        report.all(hidden_in(text), place);
        if text.len() > MAX_TEXT_BYTES {
            report.add(Class::TooLong, place);
        }
        if mixes_scripts(text) {
            report.add(Class::MixedScript, place);
        }
        // A tool's own name is no sentence.
        if place == "name" {
            return;
        }
        if hides_markup(text) || has_gap(text) {
            report.add(Class::HiddenMarkup, place);
        }
        if has_blob(text) {
            report.add(Class::Blob, place);
        }
        if self.names_another(text) {
            report.add(Class::OtherTool, place);
        }
        let speech = phrases::speech(text);
        if speech.contains(Speech::Instruction) {
            report.add(Class::Instruction, place);
        }
        if speech.contains(Speech::Shadowing) {
            report.add(Class::OtherTool, place);
        }
    }

    fn names_another(&self, text: &str) -> bool {
        if self.others.is_empty() {
            return false;
        }
        let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        text.split(|c| !in_name(c))
            .any(|word| self.others.contains(&word.to_ascii_lowercase()))
    }
}

/// Names of members: arguments have their say, too.
fn label(name: &str, place: &str, report: &mut Report) {
    report.all(hidden_in(name), place);
    if mixes_scripts(name) {
        report.add(Class::MixedScript, place);
    }
    if name.len() > 24 && phrases::speech(name).contains(Speech::Instruction) {
        report.add(Class::Instruction, place);
    }
}

#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, class: Class, place: &str) {
        let place: String = reveal(place).chars().take(MAX_PLACE).collect();
        let finding = Finding { class, place };
        // What quarantines is never crowded out by what warns.
        let room = self.findings.len() < MAX_FINDINGS
            || (class.quarantines() && !self.findings.iter().any(|f| f.class == class));
        if room && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn all(&mut self, classes: Vec<Class>, place: &str) {
        for class in classes {
            self.add(class, place);
        }
    }
}

/// A place below another. Bounded, or deep definitions would take quadratic time.
fn join(place: &str, name: &str) -> String {
    let name: String = name.chars().take(MAX_PLACE).collect();
    if place.is_empty() || place.len() > 2 * MAX_PLACE {
        return if place.is_empty() {
            name
        } else {
            place.to_owned()
        };
    }
    format!("{place}.{name}")
}

/// Openings of markup that is not shown, or that sets a text apart for a model.
const MARKUP: &[&str] = &[
    "<!--",
    "<important",
    "<system",
    "</system",
    "<secret",
    "<hidden",
    "<instruction",
    "<critical",
    "<assistant",
    "<admin",
    "<override",
    "<mandatory",
    "<llm",
    "<ai_",
    "<agent_",
    "<priority",
    "<prerequisite",
    "<script",
    "<iframe",
    "<|im_start",
    "<|system",
    "<|endoftext",
    "<|start_header",
    "[inst]",
    "<<sys>>",
    "[system]",
    "[/inst]",
    "[//]: #",
    "[comment]: <",
    "display:none",
    "display: none",
    "visibility:hidden",
    "visibility: hidden",
    "font-size:0",
    "font-size: 0",
    "color:white",
    "color: white",
    "opacity:0",
    "opacity: 0",
    "javascript:",
    "![](http",
    "### system",
    "### instruction",
    "\\x1b[",
    "\\u001b[",
    "\\u200b",
    "\\u202e",
];

fn hides_markup(text: &str) -> bool {
    if !text.contains(['<', '[', ':', '\\', '#']) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    MARKUP.iter().any(|mark| lower.contains(mark))
}

/// Whether blanks push something out of sight.
fn has_gap(text: &str) -> bool {
    let (mut blanks, mut lines) = (0, 0);
    for character in text.trim().chars() {
        match character {
            '\n' => {
                lines += 1;
                blanks = 0;
            }
            c if c.is_whitespace() || c == '\u{2800}' => blanks += 1,
            _ => (blanks, lines) = (0, 0),
        }
        if blanks >= GAP || lines >= GAP / 4 {
            return true;
        }
    }
    false
}

/// Whether letters in a row look like base64, hex or escapes rather than like words, paths or lists.
fn has_blob(text: &str) -> bool {
    let encoded = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    let long = text
        .split(|c| !encoded(c))
        .filter(|run| run.len() >= BLOB / 2)
        .any(looks_encoded);
    long || repeated(text, '%', 2) >= 12 || repeated(text, '\\', 3) >= 8
}

fn looks_encoded(run: &str) -> bool {
    let count = |test: fn(&u8) -> bool| run.bytes().filter(test).count();
    let digits = count(u8::is_ascii_digit);
    let (upper, lower) = (count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let marks = run.len() - digits - upper - lower;
    let hex = run.len() >= 64 && run.bytes().all(|b| b.is_ascii_hexdigit()) && digits >= 8;
    // Words change between capitals and small letters seldom, encodings all the time.
    let turns = run
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
        .count();
    let base64 = upper >= 6 && lower >= 6 && turns * 12 >= run.len() && marks * 8 <= run.len();
    hex || base64
}

/// How often an escape such as `%41` or `\x41` follows another at once.
fn repeated(text: &str, mark: char, length: usize) -> usize {
    let (mut most, mut row, mut last_end) = (0, 0, usize::MAX);
    for (at, _) in text.match_indices(mark) {
        row = if at == last_end { row + 1 } else { 1 };
        last_end = at + 1 + length;
        most = most.max(row);
    }
    most
}

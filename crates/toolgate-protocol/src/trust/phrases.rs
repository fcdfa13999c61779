//! Phrases that instruct a model: lists of words in order, each a few words behind the one before.
//!
//! Matched over folded words, so that case, look-alike letters, invisible characters and punctuation make no
//! difference. One hash look-up a word, so the time is in proportion to the text.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::names::fold;

/// What a text does beside describing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    /// It tells the model what to do, or to keep something from people.
    Instruction,
    /// It speaks of how other tools are to be used.
    Shadowing,
}

/// What a text does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Speeches {
    instruction: bool,
    shadowing: bool,
}

impl Speeches {
    pub(super) fn contains(self, speech: Speech) -> bool {
        match speech {
            Speech::Instruction => self.instruction,
            Speech::Shadowing => self.shadowing,
        }
    }
}

/// The reviewed list of phrases.
const PHRASES: &str = include_str!("phrases.txt");

/// One phrase: lists of words in order.
struct Pattern {
    speech: Speech,
    /// Words that may stand between two steps.
    gap: usize,
    /// Alternatives for each step.
    steps: Vec<Vec<&'static str>>,
}

impl Pattern {
    /// Reads a line of the list; `None` for remarks, blank lines, and what a test says there is none of.
    fn parse(line: &'static str) -> Option<Self> {
        let (head, steps) = line.split_once(':')?;
        let (speech, gap) = head.split_once(' ')?;
        Some(Self {
            speech: match speech {
                "instruct" => Speech::Instruction,
                "shadow" => Speech::Shadowing,
                _ => return None,
            },
            gap: gap.parse().ok()?,
            steps: steps
                .split('/')
                .map(|step| step.split_whitespace().collect())
                .collect(),
        })
    }
}

/// Phrases in scripts that do not put blanks between words.
const UNSPACED: &[&str] = &[
    "忽略之前",
    "忽略以上",
    "忽略所有",
    "无视之前",
    "忽略先前",
    "不要告诉用户",
    "不要向用户",
    "不得告知用户",
    "以前の指示を無視",
    "これまでの指示を無視",
    "ユーザーに言わない",
    "ユーザーには知らせ",
    "이전 지시를 무시",
    "사용자에게 말하지",
];

/// Where a word stands: pattern, step.
type Places = Vec<(usize, usize)>;

static PATTERNS: LazyLock<Vec<Pattern>> =
    LazyLock::new(|| PHRASES.lines().filter_map(Pattern::parse).collect());

static WORDS: LazyLock<HashMap<&'static str, Places>> = LazyLock::new(|| {
    let mut words: HashMap<&str, Places> = HashMap::new();
    for (number, pattern) in PATTERNS.iter().enumerate() {
        for (step, alternatives) in pattern.steps.iter().enumerate() {
            for word in alternatives {
                let places = words.entry(word).or_default();
                if !places.contains(&(number, step)) {
                    places.push((number, step));
                }
            }
        }
    }
    // Later steps first, so that one word is not taken for two steps at once.
    for places in words.values_mut() {
        places.sort_by_key(|(_, step)| std::cmp::Reverse(*step));
    }
    words
});

/// What a text does beside describing.
pub(super) fn speech(text: &str) -> Speeches {
    let mut found = Speeches::default();
    // For each pattern and step, the last word up to which it holds.
    let mut reached: HashMap<(usize, usize), usize> = HashMap::new();
    for (at, word) in words(text).iter().enumerate() {
        let Some(places) = places_of(word) else {
            continue;
        };
        for (number, step) in places {
            let pattern = &PATTERNS[*number];
            let follows = *step == 0
                || reached
                    .get(&(*number, step - 1))
                    .is_some_and(|last| at - last <= pattern.gap + 1);
            if !follows {
                continue;
            }
            reached.insert((*number, *step), at);
            if step + 1 == pattern.steps.len() {
                match pattern.speech {
                    Speech::Instruction => found.instruction = true,
                    Speech::Shadowing => found.shadowing = true,
                }
            }
        }
    }
    if !text.is_ascii() && UNSPACED.iter().any(|phrase| text.contains(phrase)) {
        found.instruction = true;
    }
    found
}

/// Where a word stands, also when some of its letters only look like the ones they are.
fn places_of(word: &str) -> Option<&'static Places> {
    let places = WORDS.get(word);
    if places.is_some() || word.is_ascii() {
        return places;
    }
    let folded: String = word.chars().map(fold).collect();
    WORDS.get(folded.as_str())
}

/// Words in lower case, apostrophes left out. Letters that are set apart one by one are one word.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut apart = String::new();
    for character in text.chars() {
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        } else if !is_inside_words(character) {
            end_word(&mut word, &mut apart, &mut words);
        }
    }
    end_word(&mut word, &mut apart, &mut words);
    end_apart(&mut apart, &mut words);
    words
}

fn end_word(word: &mut String, apart: &mut String, words: &mut Vec<String>) {
    match word.chars().count() {
        0 => {}
        1 => apart.push_str(&std::mem::take(word)),
        _ => {
            end_apart(apart, words);
            words.push(std::mem::take(word));
        }
    }
}

fn end_apart(apart: &mut String, words: &mut Vec<String>) {
    if apart.chars().count() > 3 {
        words.push(std::mem::take(apart));
    } else {
        words.extend(apart.chars().map(String::from));
        apart.clear();
    }
}

/// What may stand inside a word without ending it.
fn is_inside_words(character: char) -> bool {
    matches!(
        character,
        '\'' | '\u{2019}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_read() {
        let phrases = PHRASES
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(phrases.count(), PATTERNS.len());
        let whole = |pattern: &Pattern| pattern.steps.iter().all(|step| !step.is_empty());
        assert!(PATTERNS.len() > 50 && PATTERNS.iter().all(whole));
    }
}

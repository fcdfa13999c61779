//! Words that mix letters of several scripts, so that they look like another word.

/// The scripts whose letters are mistaken for one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    Greek,
    Other,
}

/// Whether a word of the text mixes scripts. Units such as `μs` and single signs are no words.
pub(super) fn mixes_scripts(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    text.split(|character: char| !character.is_alphabetic())
        .any(|word| {
            let mut scripts = word.chars().filter_map(script);
            let Some(first) = scripts.next() else {
                return false;
            };
            word.chars().count() > 3 && scripts.any(|other| other != first)
        })
}

fn script(character: char) -> Option<Script> {
    Some(match character {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{250}'..='\u{2af}' | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' => Script::Other,
        '\u{ab70}'..='\u{abbf}' | '\u{ff21}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}' => {
            Script::Other
        }
        _ => return None,
    })
}

/// A letter as it is read: lower case, and the Latin letter for one that only looks like it.
pub(super) fn fold(character: char) -> char {
    match character {
        'а' | 'А' | 'α' | 'Α' => 'a',
        'В' | 'Β' | 'β' => 'b',
        'с' | 'С' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'Е' | 'ё' | 'Ε' | 'ε' => 'e',
        'һ' | 'Н' | 'Η' => 'h',
        'і' | 'І' | 'ι' | 'Ι' | 'ı' => 'i',
        'ј' | 'Ј' => 'j',
        'К' | 'κ' | 'Κ' | 'к' => 'k',
        'М' | 'Μ' => 'm',
        'Ν' | 'п' => 'n',
        'о' | 'О' | 'ο' | 'Ο' | 'օ' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'ѕ' | 'Ѕ' => 's',
        'т' | 'Т' | 'τ' | 'Τ' => 't',
        'υ' | 'ս' => 'u',
        'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'Х' | 'χ' | 'Χ' => 'x',
        'у' | 'У' | 'Υ' => 'y',
        'Ζ' => 'z',
        '\u{ff21}'..='\u{ff3a}' => shifted(character, 0xff21),
        '\u{ff41}'..='\u{ff5a}' => shifted(character, 0xff41),
        '\u{1d400}'..='\u{1d6a3}' => shifted_by_case(character),
        _ => character.to_ascii_lowercase(),
    }
}

fn shifted(character: char, first: u32) -> char {
    let letter = u8::try_from(u32::from(character) - first).unwrap_or_default();
    char::from(b'a' + letter % 26)
}

/// The alphabets for formulas: capitals and small letters in turn, 26 each.
fn shifted_by_case(character: char) -> char {
    let letter = (u32::from(character) - 0x1d400) % 26;
    char::from(b'a' + u8::try_from(letter).unwrap_or_default())
}

//! Characters that people do not see, or do not see for what they are.

use std::fmt::Write;

use super::scan::Class;

/// The text with everything invisible written out as `\u{…}`, so that what is shown is what is there (S-51).
///
/// Line ends and tabs are written out as well: the caller decides where its lines end.
pub fn reveal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if character.is_control() || hidden(character).is_some() || is_blank(character) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{{{:04x}}}", u32::from(character));
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// White space that is no plain space.
fn is_blank(character: char) -> bool {
    character != ' ' && character.is_whitespace()
}

/// The classes of hidden characters in a text, each once.
pub(super) fn hidden_in(text: &str) -> Vec<Class> {
    let mut found = Vec::new();
    if text
        .bytes()
        .all(|byte| (b' '..0x7f).contains(&byte) || byte == b'\n')
    {
        return found;
    }
    let right_to_left = text.chars().any(is_right_to_left);
    let mut note = |class| {
        if !found.contains(&class) {
            found.push(class);
        }
    };
    let mut before = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let after = rest.clone().next();
        if character == '\u{1f3f4}'
            && let Some(flag) = flag_length(rest.as_str())
        {
            rest = rest.as_str()[flag..].chars();
        } else if let Some(class) = hidden(character)
            && !is_ordinary(character, before, after, right_to_left)
        {
            note(class);
        }
        before = Some(character);
    }
    found
}

/// What a character hides, wherever it stands.
fn hidden(character: char) -> Option<Class> {
    Some(match character {
        '\t' | '\n' | '\r' => return None,
        '\u{1b}' | '\u{9b}' => Class::Ansi,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' => Class::Control,
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Class::Bidi
        }
        '\u{e0000}'..='\u{e007f}' => Class::Tags,
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{e0080}'..='\u{e0fff}' => Class::Invisible,
        _ => return None,
    })
}

/// Whether an invisible character does here what it is for: joining emoji and letters of scripts that join.
fn is_ordinary(
    character: char,
    before: Option<char>,
    after: Option<char>,
    right_to_left: bool,
) -> bool {
    let both = |test: fn(char) -> bool| before.is_some_and(test) && after.is_some_and(test);
    match character {
        // One selector after a picture or a sign; two in a row carry data.
        '\u{fe0e}' | '\u{fe0f}' => before.is_some_and(takes_a_selector),
        '\u{200d}' => {
            let pictures = before.is_some_and(|c| is_picture(c) || c == '\u{fe0f}')
                && after.is_some_and(is_picture);
            pictures || both(joins)
        }
        '\u{200c}' => both(joins),
        '\u{200e}' | '\u{200f}' | '\u{61c}' => right_to_left,
        _ => false,
    }
}

fn is_picture(character: char) -> bool {
    matches!(character, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' | '\u{3030}' | '\u{303d}')
}

fn takes_a_selector(character: char) -> bool {
    is_picture(character)
        || matches!(
            character,
            '#' | '*' | '0'
                ..='9'
                    | '\u{a9}'
                    | '\u{ae}'
                    | '\u{203c}'
                    | '\u{2049}'
                    | '\u{2122}'
                    | '\u{2139}'
                    | '\u{3297}'
                    | '\u{3299}'
        )
}

/// Letters of Arabic and of the scripts of India, which joiners shape.
fn joins(character: char) -> bool {
    matches!(character, '\u{600}'..='\u{7bf}' | '\u{8a0}'..='\u{dff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

fn is_right_to_left(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

/// Bytes of tags after a black flag, if they spell one of the three flags that exist.
fn flag_length(rest: &str) -> Option<usize> {
    const FLAGS: [&str; 3] = [
        "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
    ];
    FLAGS
        .iter()
        .find(|flag| rest.starts_with(**flag))
        .map(|flag| flag.len())
}

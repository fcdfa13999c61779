//! Tables for people: as wide as the terminal, styled on terminals only.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};

/// How a cell is meant, shown by colour on terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Doubtful,
    Bad,
}

/// A table, or `empty` where there are no rows.
pub(crate) fn table(
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<(String, Tone)>>,
    empty: &str,
) -> String {
    let bold = if refuses_colors() {
        Vec::new()
    } else {
        vec![Attribute::Bold]
    };
    let mut table = Table::new();
    let arrangement = arrangement(table.width());
    table
        .load_style(NOTHING)
        .set_content_arrangement(arrangement)
        .set_header(
            header
                .iter()
                .map(|title| Cell::new(title).add_attributes(bold.clone())),
        );
    for row in rows {
        table.add_row(row.into_iter().map(|(text, tone)| cell(&text, tone)));
    }
    if table.is_empty() {
        return format!("{empty}\n");
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Within the terminal, unless it is too narrow for any table. One that was not told its size yet says that it has no
/// column at all, as terminals inside containers do at first.
fn arrangement(terminal: Option<u16>) -> ContentArrangement {
    const NARROWEST: u16 = 20;
    match terminal {
        Some(0..NARROWEST) => ContentArrangement::Disabled,
        _ => ContentArrangement::Dynamic,
    }
}

/// A cell without a meaning of its own.
pub(crate) fn plain(text: impl Into<String>) -> (String, Tone) {
    (text.into(), Tone::Plain)
}

/// A cell for something that may be absent.
pub(crate) fn maybe(text: Option<&str>) -> (String, Tone) {
    plain(text.unwrap_or("-"))
}

/// `2026-11-21 09:30:00` of an RFC 3339 time; UTC like it.
pub(crate) fn time(rfc3339: &str) -> String {
    let seconds = rfc3339.split(['.', 'Z']).next().unwrap_or(rfc3339);
    seconds.replacen('T', " ", 1)
}

/// The first line of a text, at most `max` characters of it.
pub(crate) fn brief(text: &str, max: usize) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    if line.chars().count() <= max {
        return line.to_owned();
    }
    let cut: String = line.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// Text of others made harmless for a terminal: control characters and invisible or direction-changing ones
/// are shown as escapes, since a server's description could otherwise rewrite what the operator sees.
pub(crate) fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// A line in the colour of its tone, where colours are wanted.
pub(crate) fn paint(text: &str, tone: Tone, color: bool) -> String {
    let code = match tone {
        Tone::Plain => 0,
        Tone::Good => 32,
        Tone::Doubtful => 33,
        Tone::Bad => 31,
    };
    if !color || code == 0 {
        return text.to_owned();
    }
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Whether whoever runs this wants none, even on a terminal.
pub(crate) fn refuses_colors() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb")
}

fn cell(text: &str, tone: Tone) -> Cell {
    let cell = Cell::new(clean(text));
    if refuses_colors() {
        return cell;
    }
    match tone {
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::Green),
        Tone::Doubtful => cell.fg(Color::Yellow),
        Tone::Bad => cell.fg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_columns_and_an_empty_one_says_so() {
        let rows = [
            vec![plain("a"), plain("long one")],
            vec![plain("bcd"), plain("x")],
        ];
        let text = table(&["A", "B"], rows, "none");
        assert_eq!(text, "A    B\na    long one\nbcd  x\n");
        assert_eq!(table(&["A"], [], "none"), "none\n");
    }

    #[test]
    fn a_terminal_without_a_size_gets_whole_lines() {
        for size in [Some(0), Some(19)] {
            assert!(matches!(arrangement(size), ContentArrangement::Disabled));
        }
        for size in [None, Some(20), Some(80)] {
            assert!(matches!(arrangement(size), ContentArrangement::Dynamic));
        }
    }

    #[test]
    fn s24_text_of_others_cannot_steer_the_terminal() {
        assert_eq!(
            clean("a\u{1b}[2Jb\u{202e}c\r\n"),
            "a\\u{1b}[2Jb\\u{202e}c\\u{d}\\u{a}"
        );
        assert_eq!(clean("grüße 日本"), "grüße 日本");
    }

    #[test]
    fn long_texts_are_cut_at_a_line() {
        assert_eq!(brief("  one\ntwo", 10), "one");
        assert_eq!(brief("abcdefghij", 10), "abcdefghij");
        assert_eq!(brief("abcdefghijk", 10), "abcdefghi…");
    }

    #[test]
    fn times_lose_their_marks() {
        assert_eq!(time("2026-11-21T09:30:00.125Z"), "2026-11-21 09:30:00");
    }
}

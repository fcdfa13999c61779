//! Which URIs a template could have made (P9.19).

use std::ops::Range;

/// Templates and URIs longer than this match nothing: the work is bounded by the product of both.
const LENGTH_MAX: usize = 2048;

/// Whether a URI matches a template, as far as RFC 6570 level 1 goes (P9.19).
///
/// `{name}` stands for one or more characters other than `/`; expressions with an operator, such as `{+path}`
/// or `{?query}`, stand for anything, and so do those that are no expressions of RFC 6570. A brace without its
/// partner stands for itself. Texts over 2,048 bytes do not match.
pub fn template_matches(template: &str, uri: &str) -> bool {
    if template.len() > LENGTH_MAX || uri.len() > LENGTH_MAX {
        return false;
    }
    // All places in the URI where the parts so far may end, in order. Keeping them all instead of trying one
    // after the other is what makes the work bounded.
    let uri = uri.as_bytes();
    let mut ends = vec![0];
    for part in Parts(template) {
        ends = match part {
            Part::Literal(text) => after_literal(&ends, uri, text.as_bytes()),
            Part::Segment => after_segment(&ends, uri),
            Part::Anything => ends
                .first()
                .map_or(0..0, |&first| first..uri.len() + 1)
                .collect(),
        };
        if ends.is_empty() {
            return false;
        }
    }
    ends.last() == Some(&uri.len())
}

fn after_literal(starts: &[usize], uri: &[u8], literal: &[u8]) -> Vec<usize> {
    let matching = starts
        .iter()
        .filter(|&&start| uri[start..].starts_with(literal));
    matching.map(|start| start + literal.len()).collect()
}

fn after_segment(starts: &[usize], uri: &[u8]) -> Vec<usize> {
    let mut ends: Vec<usize> = Vec::new();
    for &start in starts {
        // What an earlier start has reached is not listed again.
        let first = ends.last().map_or(start, |&last| last.max(start)) + 1;
        let reached: Range<usize> = first..segment_end(uri, first - 1) + 1;
        ends.extend(reached);
    }
    ends
}

/// Where the next `/` stands, or the end.
fn segment_end(uri: &[u8], from: usize) -> usize {
    memchr::memchr(b'/', &uri[from..]).map_or(uri.len(), |slash| from + slash)
}

/// A part of a template.
enum Part<'t> {
    /// Text that stands for itself.
    Literal(&'t str),
    /// One or more characters other than `/`.
    Segment,
    /// Any characters, or none.
    Anything,
}

/// The parts of what is left of a template.
struct Parts<'t>(&'t str);

impl<'t> Iterator for Parts<'t> {
    type Item = Part<'t>;

    fn next(&mut self) -> Option<Part<'t>> {
        let rest = self.0;
        if rest.is_empty() {
            return None;
        }
        if let Some((expression, after)) =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}'))
        {
            self.0 = after;
            return Some(if is_simple(expression) {
                Part::Segment
            } else {
                Part::Anything
            });
        }
        // A brace without its partner: none of those behind it has one either.
        let next = rest.find('{').filter(|&at| at > 0).unwrap_or(rest.len());
        let (literal, after) = rest.split_at(next);
        self.0 = after;
        Some(Part::Literal(literal))
    }
}

/// Whether an expression is names of variables and nothing else, so that no `/` comes from it.
fn is_simple(expression: &str) -> bool {
    !expression.is_empty()
        && expression
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.%,:*".contains(&byte))
        && !expression.starts_with(['.', ','])
}

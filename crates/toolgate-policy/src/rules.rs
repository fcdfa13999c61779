//! Which tools a token is for, as globs over their names.
//!
//! Exclusions win over everything, whatever the order, and nothing is allowed unless a pattern
//! allows it. So adding an exclusion or removing a grant never permits more, and a list that says
//! nothing grants nothing (S-01).

use std::fmt;
use std::sync::Arc;

use globset::{Glob, GlobBuilder, GlobMatcher};

/// A list of patterns that cannot be tool rules.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRule {
    /// One of them is not a glob.
    #[error("`{glob}` is not a tool pattern")]
    Syntax {
        /// What was given.
        glob: String,
        /// What is wrong with it.
        #[source]
        source: globset::Error,
    },
    /// One of them is empty or longer than any tool's name.
    #[error("a tool pattern has 1 to {max} bytes, not {length}")]
    Length {
        /// Its length in bytes.
        length: usize,
        /// The longest accepted.
        max: usize,
    },
    /// There are more than a token can carry.
    #[error("a token has at most {max} tool patterns")]
    TooMany {
        /// The most accepted.
        max: usize,
    },
}

impl InvalidRule {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::Length { .. } => {
                "write patterns like `github__*`, and `!github__delete_*` to exclude"
            }
            Self::TooMany { .. } => "cover several tools by one pattern, such as `github__*`",
        }
    }
}

/// The tools a token may use, as globs over exposed and full names.
///
/// `*` stands for any text, `__` and `/` included, `?` for one byte, `[a-z]` and `{a,b}` for
/// choices, `\` makes the next character plain; case matters. A leading `!` excludes.
///
/// `Default`, like the empty list, is for nobody's use: [`ToolRules::all`] is the way to say "every
/// tool" (S-01).
///
/// ```
/// use toolgate_policy::ToolRules;
///
/// let rules = ToolRules::parse(["github__*", "!github__delete_*"])?;
/// assert!(rules.allows("github__create_issue"));
/// assert!(!rules.allows("github__delete_repo"));
/// assert!(!rules.allows("files__read"));
/// assert!(!ToolRules::default().allows("files__read"));
/// # Ok::<(), toolgate_policy::InvalidRule>(())
/// ```
#[derive(Clone, Default)]
pub struct ToolRules(Arc<Compiled>);

/// Shared by whoever has the same list: thousands of tokens may.
#[derive(Default)]
struct Compiled {
    patterns: Vec<String>,
    granted: Granted,
    excluded: Vec<Pattern>,
}

enum Granted {
    /// Some pattern is `*`: by far the most common list, so nothing is matched for it.
    Everything,
    Matching(Vec<Pattern>),
}

/// One pattern, ready to be matched.
enum Pattern {
    /// Text with `*` at some places and nothing else special, as nearly all are: matched as it stands.
    Stars(Stars),
    /// Any other glob. Compiled it takes kilobytes.
    Glob(Box<GlobMatcher>),
}

impl ToolRules {
    /// Most patterns in one list.
    pub const MAX_PATTERNS: usize = 256;

    /// Longest pattern, in bytes: room for any full name and a `!`.
    pub const MAX_PATTERN_LEN: usize = 640;

    /// Allows every tool of the workspace, those still to come included.
    pub fn all() -> Self {
        Self(Arc::new(Compiled {
            patterns: vec![EVERYTHING.to_owned()],
            granted: Granted::Everything,
            excluded: Vec::new(),
        }))
    }

    /// Reads patterns such as `github__*` and `!github__delete_*`, in any order.
    ///
    /// The empty list allows nothing, and exclusions alone allow nothing either.
    pub fn parse<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidRule> {
        let mut rules = Compiled::default();
        for glob in globs {
            if rules.patterns.len() == Self::MAX_PATTERNS {
                return Err(InvalidRule::TooMany {
                    max: Self::MAX_PATTERNS,
                });
            }
            match glob.strip_prefix('!') {
                Some(exclusion) => rules.excluded.push(compile(exclusion)?),
                None => rules.granted.add(glob, compile(glob)?),
            }
            rules.patterns.push(glob.to_owned());
        }
        Ok(Self(Arc::new(rules)))
    }

    /// The patterns as given, for storage and display; parsing them again gives equal rules.
    ///
    /// [`ToolRules::all`] is `["*"]`; empty means nobody.
    pub fn patterns(&self) -> &[String] {
        &self.0.patterns
    }

    /// Whether no tool whatsoever can be allowed, since nothing is granted.
    ///
    /// Worth a word to the admin who types such a list: exclusions do not imply "the rest".
    pub fn grant_nothing(&self) -> bool {
        matches!(&self.0.granted, Granted::Matching(globs) if globs.is_empty())
    }

    /// Whether a tool with this one name is allowed.
    pub fn allows(&self, exposed: &str) -> bool {
        self.0.granted.matches(exposed) && !any_matches(&self.0.excluded, exposed)
    }

    /// Whether a tool with these two names is allowed: one of them granted, neither excluded.
    ///
    /// Not the same as asking [`allows`](Self::allows) twice: `!*_delete` must hold a tool back
    /// although the shortened form of its name lost the ending.
    pub fn allow_tool(&self, exposed: &str, full: &str) -> bool {
        if exposed == full {
            return self.allows(exposed);
        }
        let Compiled {
            granted, excluded, ..
        } = &*self.0;
        let granted = granted.matches(exposed) || granted.matches(full);
        let excluded = any_matches(excluded, exposed) || any_matches(excluded, full);
        granted && !excluded
    }
}

impl PartialEq for ToolRules {
    fn eq(&self, other: &Self) -> bool {
        // Everything else is made from the patterns.
        Arc::ptr_eq(&self.0, &other.0) || self.0.patterns == other.0.patterns
    }
}

impl Eq for ToolRules {}

impl fmt::Debug for ToolRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToolRules").field(&self.0.patterns).finish()
    }
}

impl Granted {
    fn add(&mut self, glob: &str, pattern: Pattern) {
        if glob == EVERYTHING {
            *self = Self::Everything;
        }
        match self {
            Self::Everything => {}
            Self::Matching(patterns) => patterns.push(pattern),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Matching(patterns) => any_matches(patterns, name),
        }
    }
}

impl Default for Granted {
    fn default() -> Self {
        Self::Matching(Vec::new())
    }
}

fn compile(glob: &str) -> Result<Pattern, InvalidRule> {
    if !(1..=ToolRules::MAX_PATTERN_LEN).contains(&glob.len()) {
        return Err(InvalidRule::Length {
            length: glob.len(),
            max: ToolRules::MAX_PATTERN_LEN,
        });
    }
    // Two stars together mean something of their own where names have slashes.
    if !glob.contains(['?', '[', ']', '{', '}', '\\']) && !glob.contains("**") {
        return Ok(Pattern::Stars(Stars::new(glob)));
    }
    let glob: Glob = GlobBuilder::new(glob)
        .literal_separator(false)
        .backslash_escape(true)
        .build()
        .map_err(|source| InvalidRule::Syntax {
            glob: glob.to_owned(),
            source,
        })?;
    // One matcher a pattern instead of a `GlobSet`: the set takes shortcuts by path component, and
    // a name that ends in `/..` would slip through an exclusion such as `!*.`.
    Ok(Pattern::Glob(Box::new(glob.compile_matcher())))
}

fn any_matches(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern {
        Pattern::Stars(stars) => stars.matches(name),
        Pattern::Glob(glob) => glob.is_match(name),
    })
}

/// A text with `*` at some places, which stand for any text.
struct Stars {
    text: Box<str>,
    /// Where the first and the last star are.
    stars: Option<(usize, usize)>,
}

impl Stars {
    fn new(glob: &str) -> Self {
        Self {
            stars: glob.find('*').zip(glob.rfind('*')),
            text: glob.into(),
        }
    }

    /// Whether the name begins with what stands before the first star, ends with what stands behind the last, and has
    /// the rest in between in this order.
    fn matches(&self, name: &str) -> bool {
        let Some((first, last)) = self.stars else {
            return *self.text == *name;
        };
        let within = name.strip_prefix(&self.text[..first]);
        let within = within.and_then(|name| name.strip_suffix(&self.text[last + 1..]));
        let middle = self.text.get(first + 1..last).unwrap_or_default();
        within.is_some_and(|within| middle.is_empty() || in_order(middle, within.as_bytes()))
    }
}

/// Whether the pieces between the stars stand in a text in this order. Each is taken at its first place: a later one
/// would leave less room.
fn in_order(pieces: &str, mut within: &[u8]) -> bool {
    pieces.split('*').all(|piece| {
        let found = place_of(piece.as_bytes(), within);
        within = found.map_or(within, |at| &within[at + piece.len()..]);
        found.is_some()
    })
}

/// The first place of a piece. Names are short, and a searcher would take longer to be made than to search.
fn place_of(piece: &[u8], text: &[u8]) -> Option<usize> {
    let Some(first) = piece.first() else {
        return Some(0);
    };
    memchr::memchr_iter(*first, text).find(|at| text[*at..].starts_with(piece))
}

const EVERYTHING: &str = "*";

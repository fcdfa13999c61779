use std::borrow::Cow;
use std::fmt;

use hyper::Method;

/// A route table in which no handler stands without an access rule `A` (S-02).
///
/// Patterns are segments, literal or `{named}`: `/ws/{slug}/sse`. A path is normalised once,
/// before anything compares it (S-62).
///
/// ```
/// use hyper::Method;
/// use toolgate_http::serve::{Found, Routes};
///
/// let routes = Routes::new()
///     .route(Method::GET, "/healthz", "public", 1)
///     .route(Method::POST, "/ws/{slug}", "token", 2);
/// let Found::Route(found) = routes.find(&Method::POST, "/ws/default") else { panic!() };
/// assert_eq!((*found.access, *found.handler), ("token", 2));
/// assert_eq!(found.params.get("slug"), Some("default"));
/// ```
pub struct Routes<A, H> {
    entries: Vec<Entry<A, H>>,
}

struct Entry<A, H> {
    method: Method,
    pattern: &'static str,
    access: A,
    handler: H,
}

/// What a method and path lead to.
#[derive(Debug)]
pub enum Found<'r, 'p, A, H> {
    /// A handler, behind its access rule.
    Route(Matched<'r, 'p, A, H>),
    /// The path exists, for other methods (405).
    MethodNotAllowed {
        /// The value of the `Allow` header.
        allow: String,
    },
    /// No such path (404).
    NotFound,
    /// Not a path that can mean one thing only: encoded slashes, dot or empty segments,
    /// backslashes, broken escapes, controls (400, S-62).
    BadPath,
}

/// A handler with its access rule and the path's named segments.
pub struct Matched<'r, 'p, A, H> {
    /// The rule to apply before the handler may run.
    pub access: &'r A,
    /// The handler.
    pub handler: &'r H,
    /// What the `{named}` segments stood for.
    pub params: Params<'p>,
}

/// The named segments of a path, percent-decoded.
#[derive(Debug, Default)]
pub struct Params<'p>([Option<(&'static str, Cow<'p, str>)>; MAX_PARAMS]);

const MAX_PARAMS: usize = 4;

impl<A, H> Routes<A, H> {
    /// An empty table, in which nothing is found.
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Adds a handler behind an access rule. Where two patterns fit, the earlier one wins.
    ///
    /// A handler without a rule does not compile:
    ///
    /// ```compile_fail,E0061
    /// # use hyper::Method;
    /// # use toolgate_http::serve::Routes;
    /// let routes = Routes::<&str, u8>::new().route(Method::GET, "/secrets", 1);
    /// ```
    ///
    /// # Panics
    ///
    /// If the pattern doesn't start with `/`, has more than four names or is there already.
    #[must_use]
    pub fn route(mut self, method: Method, pattern: &'static str, access: A, handler: H) -> Self {
        let names = segments(pattern)
            .filter(|segment| name_of(segment).is_some())
            .count();
        assert!(
            pattern.starts_with('/'),
            "route {pattern} must start with a slash"
        );
        assert!(
            names <= MAX_PARAMS,
            "route {pattern} has more than {MAX_PARAMS} names"
        );
        let twice = self
            .entries
            .iter()
            .any(|e| e.method == method && e.pattern == pattern);
        assert!(!twice, "route {method} {pattern} is there already");
        self.entries.push(Entry {
            method,
            pattern,
            access,
            handler,
        });
        self
    }

    /// Finds what a request's method and raw path lead to.
    pub fn find<'r, 'p>(&'r self, method: &Method, path: &'p str) -> Found<'r, 'p, A, H> {
        let Some(path) = normalised(path) else {
            return Found::BadPath;
        };
        let mut allow: Vec<&str> = Vec::new();
        for entry in &self.entries {
            if entry.method != *method {
                if fits(entry.pattern, path) {
                    allow.push(entry.method.as_str());
                }
            } else if let Some(params) = matched(entry.pattern, path) {
                return Found::Route(Matched {
                    access: &entry.access,
                    handler: &entry.handler,
                    params,
                });
            }
        }
        if allow.is_empty() {
            Found::NotFound
        } else {
            Found::MethodNotAllowed {
                allow: allow.join(", "),
            }
        }
    }

    /// Every route with its rule, for the reviewed list of S-02.
    pub fn inventory(&self) -> impl Iterator<Item = (&Method, &'static str, &A)> {
        self.entries
            .iter()
            .map(|entry| (&entry.method, entry.pattern, &entry.access))
    }
}

impl<A, H> Default for Routes<A, H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: fmt::Debug, H> fmt::Debug for Routes<A, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.inventory()).finish()
    }
}

impl<A: fmt::Debug, H> fmt::Debug for Matched<'_, '_, A, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matched")
            .field("access", self.access)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

impl Params<'_> {
    /// The decoded segment that stood for `{name}`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().flatten().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_ref())
    }
}

/// The path without one trailing slash, or `None` if it could be read in two ways.
fn normalised(path: &str) -> Option<&str> {
    if path == "/" {
        return Some(path);
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut segments = path.strip_prefix('/')?.split('/');
    segments.all(is_clear).then_some(path)
}

/// Whether a raw segment means one thing to every reader.
fn is_clear(segment: &str) -> bool {
    // What nearly all are made of.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !segment.is_empty() && segment.bytes().all(plain) {
        return true;
    }
    let decoded = decode(segment);
    let Some(decoded) = decoded else { return false };
    !matches!(decoded.as_ref(), "" | "." | "..")
        && !decoded.contains(['/', '\\'])
        && !decoded.contains(char::is_control)
}

/// Percent-decodes one segment; `None` for broken escapes and for what isn't UTF-8.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            hex(bytes.next()?)? << 4 | hex(bytes.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

fn segments(path: &str) -> std::str::Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn name_of(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn fits(pattern: &'static str, path: &str) -> bool {
    matched(pattern, path).is_some()
}

fn matched<'p>(pattern: &'static str, path: &'p str) -> Option<Params<'p>> {
    let mut params = Params::default();
    let mut free = params.0.iter_mut();
    let (mut pattern, mut path) = (segments(pattern), segments(path));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => break,
            (Some(wanted), Some(segment)) => {
                let segment = decode(segment)?;
                match name_of(wanted) {
                    Some(name) => *free.next()? = Some((name, segment)),
                    None if segment == wanted => {}
                    None => return None,
                }
            }
            _ => return None,
        }
    }
    Some(params)
}

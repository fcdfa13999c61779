//! The two cookies of a browser: one before signing in, one after (S-77, S-78).

use hyper::HeaderMap;
use hyper::header::{COOKIE, HeaderValue};

/// Holds a session's id.
pub(crate) const SESSION: &str = "__Host-toolgate";
/// Ties a form for signing in to the browser that asked for it.
pub(crate) const DOOR: &str = "__Host-toolgate-door";

/// The value of one of them, if it looks like one of ours and was sent once.
pub(crate) fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .map(|(_, value)| value);
    let value = found.next()?;
    let ours = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    (ours && found.next().is_none()).then_some(value)
}

/// Whether a request comes with a session.
pub(crate) fn is_there(headers: &HeaderMap) -> bool {
    read(headers, SESSION).is_some()
}

/// Sets one for as long as the browser is open; the server ends it sooner.
pub(crate) fn set(name: &str, value: &str) -> Option<HeaderValue> {
    header(&format!(
        "{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict"
    ))
}

/// Has the browser forget one.
pub(crate) fn clear(name: &str) -> Option<HeaderValue> {
    header(&format!(
        "{name}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
    ))
}

fn header(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookies: &[&str]) -> HeaderMap {
        cookies
            .iter()
            .map(|line| (COOKIE, HeaderValue::from_str(line).unwrap()))
            .collect()
    }

    /// S-77: the flags, all of them.
    #[test]
    fn s77_cookies_have_every_flag() {
        let set = set(SESSION, "x").unwrap();
        assert_eq!(
            set,
            "__Host-toolgate=x; Path=/; Secure; HttpOnly; SameSite=Strict"
        );
        let cleared = clear(SESSION).unwrap();
        assert!(
            cleared
                .to_str()
                .unwrap()
                .ends_with("SameSite=Strict; Max-Age=0")
        );
    }

    #[test]
    fn only_one_cookie_of_ours_is_read() {
        let id = "a1".repeat(32);
        let session = format!("{SESSION}={id}");
        assert_eq!(
            read(&sent(&[&format!("x=1; {session}")]), SESSION),
            Some(&*id)
        );
        assert_eq!(read(&sent(&["x=1", &session]), SESSION), Some(&*id));
        assert_eq!(read(&sent(&[&session, &session]), SESSION), None, "which?");
        assert_eq!(read(&sent(&[&format!("{SESSION}=short")]), SESSION), None);
        assert_eq!(read(&sent(&[&session]), DOOR), None);
        assert_eq!(read(&HeaderMap::new(), SESSION), None);
    }
}

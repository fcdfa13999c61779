//! Which values of an editor's file are secrets.

/// Words that say so in the name of a variable, header or parameter.
const WORDS: [&str; 14] = [
    "KEY",
    "TOKEN",
    "SECRET",
    "PASS",
    "PWD",
    "AUTH",
    "CREDENTIAL",
    "PRIVATE",
    "DSN",
    "COOKIE",
    "SESSION",
    "SIGNATURE",
    "CONNECTION",
    "WEBHOOK",
];
/// How well-known credentials begin.
const PREFIXES: [&str; 14] = [
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "eyJ",
    "mwt_",
];
/// The vault takes nothing shorter: it could not be masked (S-18).
pub(super) const SHORTEST: usize = 8;

/// Whether the name says that the value is a secret.
pub(super) fn is_named_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether a value reads like a credential, whatever its name.
pub(super) fn is_like_secret(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| value.as_bytes().iter().any(test);
    let is_random = value.len() >= 20
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_=+".contains(&b));
    PREFIXES.iter().any(|prefix| value.starts_with(prefix)) && value.len() >= SHORTEST || is_random
}

/// Whether a variable's value is plainly no secret; whatever is in doubt is one.
pub(super) fn is_plain(name: &str, value: &str) -> bool {
    if is_named_secret(name) || is_like_secret(value) {
        return false;
    }
    let is_path = value.starts_with(['/', '~', '.']);
    let is_address = ["http://", "https://"]
        .iter()
        .any(|scheme| value.starts_with(scheme))
        && !value.contains(['@', '?', '{']);
    value.len() < SHORTEST || value.parse::<f64>().is_ok() || is_path || is_address
}

/// Whether only the editor knows what stands there: `${input:key}`, `${workspaceFolder}`.
pub(super) fn is_reference(value: &str) -> bool {
    value.contains("${")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, value: &str, plain: bool) {
        assert_eq!(is_plain(name, value), plain, "{name}={value}");
    }

    #[test]
    fn what_is_in_doubt_is_a_secret() {
        check("DEBUG", "1", true);
        check("PORT", "30000000000", true);
        check("LOG_LEVEL", "info", true);
        check("DATA_DIR", "/srv/some/where", true);
        check("BASE", "https://example.com/api", true);
        check("BASE", "https://u:p@example.com/api", false);
        check("API_KEY", "1", false);
        check("ANYTHING", "correct horse battery", false);
        check("X", "ghp_0123456789", false);
        check("DB", "postgres://u:p@host/db", false);
    }
}

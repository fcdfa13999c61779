//! `--header 'Name: {SECRET}'`: a header that carries a secret to a server.

use toolgate_namespace::Injection;
use toolgate_vault::SecretName;

use super::InvalidServer;

/// Headers the gateway writes itself, or that belong to one connection (S-27): none may be configured.
const OURS: [&str; 17] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "last-event-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Beginnings of such names.
const OUR_PREFIXES: [&str; 4] = ["mcp-", "proxy-", "x-forwarded-", "x-mcp-secret-"];

/// Reads `Name: template`.
pub(super) fn parse(text: &str) -> Result<Injection, InvalidServer> {
    let (name, template) = text.split_once(':').ok_or(InvalidServer::HeaderForm)?;
    let name = name.trim().to_ascii_lowercase();
    let template = template.trim();
    check_name(&name)?;
    if template
        .bytes()
        .any(|b| !(b == b' ' || b.is_ascii_graphic()))
    {
        return Err(InvalidServer::HeaderValue { name });
    }
    let injection = Injection::Header {
        name: name.clone(),
        template: template.to_owned(),
    };
    let placeholders = injection.secret_names();
    if placeholders.is_empty() {
        return Err(InvalidServer::HeaderWithoutSecret { name });
    }
    for placeholder in placeholders {
        check_placeholder(placeholder)?;
    }
    Ok(injection)
}

/// A placeholder is filled by its exact text, so it must be spelled as the secret is stored.
pub(super) fn check_placeholder(name: &str) -> Result<(), InvalidServer> {
    if SecretName::try_from(name).is_ok() {
        return Ok(());
    }
    Err(InvalidServer::Placeholder {
        given: name.to_owned(),
        normal: SecretName::normalise(name)
            .ok()
            .map(|name| name.as_str().to_owned()),
    })
}

fn check_name(name: &str) -> Result<(), InvalidServer> {
    let is_token = !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !is_token {
        return Err(InvalidServer::HeaderForm);
    }
    if OURS.contains(&name) || OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(InvalidServer::HeaderIsOurs {
            name: name.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str)>) {
        let parsed = parse(text);
        let found = match &parsed {
            Ok(Injection::Header { name, template }) => Some((name.as_str(), template.as_str())),
            _ => None,
        };
        assert_eq!(found, expected, "{text:?}: {parsed:?}");
    }

    #[test]
    fn s26_headers_are_a_token_and_a_template() {
        check("X-Api-Key: {API_KEY}", Some(("x-api-key", "{API_KEY}")));
        check(
            "Authorization:Basic {B64}",
            Some(("authorization", "Basic {B64}")),
        );
        check("X-Two: {A}:{B}", Some(("x-two", "{A}:{B}")));
    }

    #[test]
    fn s26_s27_other_headers_are_refused() {
        for text in [
            "",
            "X-Api-Key",
            ": {A}",
            "X Y: {A}",
            "X-Ä: {A}",
            "X: literal-value",
            "X: {a}",
            "X: {A}\r\nY: {B}",
            "X: {A}\u{e9}",
            "Host: {A}",
            "Content-Length: {A}",
            "Mcp-Session-Id: {A}",
            "X-Forwarded-For: {A}",
            "Proxy-Authorization: {A}",
        ] {
            check(text, None);
        }
    }
}

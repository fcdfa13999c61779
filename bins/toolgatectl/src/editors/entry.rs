//! One entry of an editor's file, and the server it becomes.

use serde_json::{Map, Value as Json};
use toolgate_admin::{ChildSettings, HttpKind, NewTransport, Secret};

use super::found::Value;
use super::secrets::{SHORTEST, is_like_secret, is_named_secret, is_plain, is_reference};

/// What an entry becomes.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) transport: NewTransport,
    pub(super) values: Vec<Value>,
    pub(super) notes: Vec<String>,
}

/// Reads an entry, or says why it cannot be taken; no value is in any reason or note.
pub(super) fn read(called: &str, entry: &Json) -> Result<Read, String> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str);
    let mut reader = Reader::default();
    let transport = match (text("command"), text("url").or_else(|| text("serverUrl"))) {
        (Some(command), _) => {
            let mut argv = vec![command.to_owned()];
            for argument in entry
                .get("args")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                argv.push(
                    argument
                        .as_str()
                        .ok_or("an argument is not text")?
                        .to_owned(),
                );
            }
            let none = Map::new();
            let env = entry.get("env").and_then(Json::as_object).unwrap_or(&none);
            match bridged(&argv, env) {
                Some((url, headers)) => reader.http(called, &url, &headers, HttpKind::Auto)?,
                None => reader.program(argv, env, text("cwd"))?,
            }
        }
        (None, Some(url)) => {
            let headers = entry.get("headers").and_then(Json::as_object);
            let headers = headers.into_iter().flatten();
            let headers: Vec<(String, String)> = headers
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect();
            let http = match text("type").or_else(|| text("transport")) {
                Some("sse") => HttpKind::Sse,
                _ => HttpKind::Auto,
            };
            reader.http(called, url, &headers, http)?
        }
        (None, None) => return Err("it has neither `command` nor `url`".to_owned()),
    };
    Ok(Read {
        transport,
        values: reader.values,
        notes: reader.notes,
    })
}

/// What `mcp-remote` bridges to: the gateway reaches that by itself.
fn bridged(argv: &[String], env: &Map<String, Json>) -> Option<(String, Vec<(String, String)>)> {
    let at = argv
        .iter()
        .position(|part| part == "mcp-remote" || part.starts_with("mcp-remote@"))?;
    let rest = &argv[at + 1..];
    let url = rest
        .iter()
        .find(|part| part.starts_with("http://") || part.starts_with("https://"))?;
    let headers = rest
        .windows(2)
        .filter(|pair| pair[0] == "--header")
        .filter_map(|pair| {
            let (name, value) = pair[1].split_once(':')?;
            let mut value = value.trim().to_owned();
            for (variable, given) in env {
                value = value.replace(&format!("${{{variable}}}"), given.as_str()?);
            }
            Some((name.trim().to_owned(), value))
        });
    Some((url.clone(), headers.collect()))
}

#[derive(Default)]
struct Reader {
    values: Vec<Value>,
    notes: Vec<String>,
}

impl Reader {
    fn program(
        &mut self,
        argv: Vec<String>,
        env: &Map<String, Json>,
        cwd: Option<&str>,
    ) -> Result<NewTransport, String> {
        for (argument, number) in argv.iter().zip(0..) {
            if is_reference(argument) {
                return Err("its command has a `${…}` that only the editor can fill in; add it with `toolgatectl mcp add`".to_owned());
            }
            let value = argument
                .split_once('=')
                .filter(|(name, _)| is_named_secret(name));
            let before = argv.get(usize::wrapping_sub(number, 1));
            let is_named =
                before.is_some_and(|flag| flag.starts_with('-') && is_named_secret(flag));
            if is_like_secret(argument)
                || is_named
                || value.is_some_and(|(_, value)| value.len() >= SHORTEST)
            {
                return Err(format!(
                    "argument {number} looks like a secret, and arguments are not kept secret; if the server takes it from a variable, add it with `toolgatectl mcp add --env`"
                ));
            }
        }
        let mut child = ChildSettings::default();
        let mut plain = Vec::new();
        let mut names = Vec::new();
        for (name, value) in env {
            let value = match value {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            if !child.permits_variable(name) {
                self.notes.push(format!(
                    "the variable {name} steers loaders or interpreters and is left out; `toolgatectl mcp add --allow-env {name}` takes it"
                ));
            } else if is_reference(&value) {
                self.value(name, format!("variable {name}"), None);
                names.push(name.clone());
            } else if is_plain(name, &value) {
                plain.push(format!("{name}={value}"));
            } else if is_upper(name) && value.len() >= SHORTEST {
                self.value(name, format!("variable {name}"), Some(value));
                names.push(name.clone());
            } else if value.is_empty() {
                self.notes
                    .push(format!("the variable {name} is empty and is left out"));
            } else {
                self.notes.push(format!(
                    "the variable {name} is left out: the vault takes values of 8 bytes and more, under names of capital letters, digits and underscores"
                ));
            }
        }
        if !plain.is_empty() {
            child.wrapper = vec!["env".to_owned()];
            child.wrapper.append(&mut plain);
        }
        child.cwd = cwd.filter(|cwd| !is_reference(cwd)).map(str::to_owned);
        Ok(NewTransport::Stdio {
            argv,
            env: names,
            child,
        })
    }

    fn http(
        &mut self,
        called: &str,
        url: &str,
        headers: &[(String, String)],
        http: HttpKind,
    ) -> Result<NewTransport, String> {
        if is_reference(url) {
            return Err("its URL has a `${…}` that only the editor can fill in; add it with `toolgatectl mcp add`".to_owned());
        }
        let url = self.url(url)?;
        let mut bearer = None;
        let mut templates = Vec::new();
        for (name, value) in headers {
            let place = format!("header {name}");
            let token = value.strip_prefix("Bearer ").map(str::trim);
            let is_bearer = name.eq_ignore_ascii_case("authorization") && token.is_some();
            let (secret, value) = if is_bearer {
                (format!("{called}_TOKEN"), token.unwrap_or_default())
            } else {
                (name.clone(), value.trim())
            };
            let secret = secret_name(&secret);
            if value.len() < SHORTEST && !is_reference(value) {
                self.notes.push(format!(
                    "the {place} is left out: its value is shorter than a secret may be"
                ));
                continue;
            }
            let value = (!is_reference(value)).then(|| value.to_owned());
            let secret = self.value(&secret, place, value);
            if is_bearer {
                bearer = Some(secret);
            } else {
                templates.push(format!("{name}: {{{secret}}}"));
            }
        }
        Ok(NewTransport::Http {
            url,
            http,
            bearer,
            headers: templates,
            allow_metadata: false,
        })
    }

    /// The URL with a name in place of each key in it.
    fn url(&mut self, url: &str) -> Result<String, String> {
        let (scheme, rest) = url.split_once("://").ok_or("its URL is not absolute")?;
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if host.contains('@') {
            return Err("its URL has a password; add it with `toolgatectl mcp add --header 'Authorization: Basic {SECRET}'`".to_owned());
        }
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query)));
        let path: Vec<String> = path
            .split('/')
            .map(|part| self.key_in_url("URL_KEY", "path of the URL", part))
            .collect();
        let mut whole = format!("{scheme}://{host}{}", path.join("/"));
        let parts = query.into_iter().flat_map(|query| query.split('&'));
        for (part, mark) in parts.zip(std::iter::once('?').chain(std::iter::repeat('&'))) {
            whole.push(mark);
            let Some((name, value)) = part.split_once('=') else {
                whole.push_str(part);
                continue;
            };
            let is_secret =
                is_named_secret(name) && value.len() >= SHORTEST || is_like_secret(value);
            let value = if is_secret {
                self.moved(
                    &secret_name(name),
                    format!("parameter {name} of the URL"),
                    value,
                )
            } else {
                value.to_owned()
            };
            whole.extend([name, "=", &value]);
        }
        Ok(whole)
    }

    fn key_in_url(&mut self, secret: &str, place: &str, part: &str) -> String {
        if is_like_secret(part) {
            self.moved(secret, place.to_owned(), part)
        } else {
            part.to_owned()
        }
    }

    fn moved(&mut self, secret: &str, place: String, value: &str) -> String {
        let secret = self.value(secret, place, Some(value.to_owned()));
        format!("{{{secret}}}")
    }

    /// Notes a secret; answers its name, with a number when the name is taken.
    fn value(&mut self, name: &str, place: String, value: Option<String>) -> String {
        let is_free = |name: &String| self.values.iter().all(|known| known.name != *name);
        let others = (2..).map(|number| format!("{name}_{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(others);
        let name = names.find(is_free).unwrap_or_default();
        self.values.push(Value {
            name: name.clone(),
            place,
            text: value.map(Secret::new),
        });
        name
    }
}

/// `x-api-key` is `X_API_KEY`; a name has to begin with a letter.
fn secret_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_uppercase());
    let name = name.get(..name.len().min(60)).unwrap_or_default();
    if name.is_empty() {
        "SECRET".to_owned()
    } else {
        name.to_owned()
    }
}

fn is_upper(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

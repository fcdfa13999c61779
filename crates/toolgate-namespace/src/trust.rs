//! How far a server is trusted, and by what it is known again (S-50, S-52).

use std::fmt::Write;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::Transport;

/// What happens when a server changes its tools (S-50).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Changes {
    /// New and changed tools are held until an admin approves them.
    #[default]
    Hold,
    /// Every change is accepted: for servers whose admin writes them.
    Accept,
}

/// What becomes of the first list of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// It is approved: whoever added the server is shown it.
    #[default]
    First,
    /// Each tool of it is held until an admin approves it.
    Review,
}

/// How far a server is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trust {
    /// When its tools change.
    pub changes: Changes,
    /// When its tools are first seen.
    pub baseline: Baseline,
}

/// By what a server is known again; what is not known is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ServerIdentity {
    /// Scheme, host and port, of a server that is reached by URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Program and arguments, of a child process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// SHA-256 of the program's file, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// The name the server gave itself (`serverInfo.name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl ServerIdentity {
    /// Longest name kept, in characters; a server chooses it.
    pub const MAX_NAME: usize = 200;

    /// What is known of a server before it was reached.
    pub fn of(transport: &Transport) -> Self {
        match transport {
            Transport::Http { url, .. } => Self {
                origin: Some(origin(url)),
                ..Self::default()
            },
            Transport::Stdio { argv, .. } => Self {
                argv: Some(argv.clone()),
                ..Self::default()
            },
        }
    }

    /// A digest in hex, which says which identity was shown (S-51).
    pub fn digest(&self) -> String {
        let mut context = Context::new(&SHA256);
        let argv = self.argv.as_ref().map(|argv| argv.join("\0"));
        for part in [&self.origin, &argv, &self.executable, &self.name] {
            // Lengths first, so that no two identities are written alike.
            let length = part.as_ref().map_or(u64::MAX, |part| part.len() as u64);
            context.update(&length.to_be_bytes());
            context.update(part.as_deref().unwrap_or_default().as_bytes());
        }
        let mut text = String::with_capacity(64);
        for byte in context.finish().as_ref() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// With the name a server gave itself; an empty one says nothing.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        if !name.is_empty() {
            self.name = Some(name.chars().take(Self::MAX_NAME).collect());
        }
        self
    }

    /// With everything that `seen` knows and this does not.
    #[must_use]
    pub fn completed_by(&self, seen: &Self) -> Self {
        Self {
            origin: self.origin.clone().or_else(|| seen.origin.clone()),
            argv: self.argv.clone().or_else(|| seen.argv.clone()),
            executable: self.executable.clone().or_else(|| seen.executable.clone()),
            name: self.name.clone().or_else(|| seen.name.clone()),
        }
    }

    /// What differs between what is pinned here and what was seen, in words; empty when nothing does. What one
    /// of the two does not know is no difference.
    pub fn differences(&self, seen: &Self) -> Vec<&'static str> {
        let mut words = Vec::new();
        let mut note = |differs: bool, what| {
            if differs {
                words.push(what);
            }
        };
        note(
            differ(self.origin.as_ref(), seen.origin.as_ref()),
            "its address",
        );
        note(
            differ(self.argv.as_ref(), seen.argv.as_ref()),
            "its command",
        );
        note(
            differ(self.executable.as_ref(), seen.executable.as_ref()),
            "its program",
        );
        note(differ(self.name.as_ref(), seen.name.as_ref()), "its name");
        words
    }
}

fn differ<T: PartialEq>(pinned: Option<&T>, seen: Option<&T>) -> bool {
    matches!((pinned, seen), (Some(pinned), Some(seen)) if pinned != seen)
}

/// Scheme, host and port of a URL as it is written; a path, a query and a fragment are no part of it.
fn origin(url: &str) -> String {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let rest = &url[after_scheme..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url[..after_scheme + end].to_ascii_lowercase()
}

/// Why the program that a command line names may be another one tomorrow; `None` when its version is fixed (S-52).
///
/// Knows the runners people use: `npx`, `bunx`, `pnpm dlx`, `uvx`, `pipx run`, `docker run`, `deno run`.
pub fn floating_version(argv: &[String]) -> Option<String> {
    let (program, arguments) = argv.split_first()?;
    let program = program.rsplit('/').next().unwrap_or(program);
    let program = program.strip_suffix(".cmd").unwrap_or(program);
    let mut words = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'));
    let package = match program {
        "npx" | "bunx" | "pnpx" | "uvx" => named_package(arguments).or_else(|| words.next()),
        "npm" | "pnpm" | "yarn" | "bun" | "pipx" | "uv" => words
            .by_ref()
            .find(|word| !matches!(*word, "exec" | "dlx" | "x" | "run" | "tool"))
            .filter(|_| {
                arguments
                    .iter()
                    .any(|word| matches!(word.as_str(), "exec" | "dlx" | "x" | "run"))
            }),
        "docker" | "podman" => return floating_image(arguments),
        "deno" => words.find(|word| word.starts_with("npm:") || word.starts_with("jsr:")),
        _ => None,
    }?;
    let is_path = package.starts_with(['.', '/']);
    (!is_path && !has_version(package)).then(|| package.to_owned())
}

/// The package a runner is told to take: `--package X`, `--from X`.
fn named_package(arguments: &[String]) -> Option<&str> {
    let at = arguments
        .iter()
        .position(|word| matches!(word.as_str(), "--package" | "-p" | "--from"))?;
    arguments.get(at + 1).map(String::as_str)
}

/// Whether a package is named with one exact version: `name@1.2.3`, `name==1.2.3`, a URL with a commit.
fn has_version(package: &str) -> bool {
    let bare = package
        .trim_start_matches("npm:")
        .trim_start_matches("jsr:");
    let version = bare
        .split_once("==")
        .or_else(|| bare.get(1..).and_then(|rest| rest.rsplit_once('@')))
        .map(|(_, version)| version);
    version.is_some_and(|version| {
        let exact = version
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-+_".contains(&b));
        let starts = version.starts_with(|c: char| c.is_ascii_digit() || c == 'v');
        let is_commit = version.len() == 40 && version.bytes().all(|b| b.is_ascii_hexdigit());
        is_commit
            || (exact && starts && version.matches('.').count() >= 2 && !version.contains('x'))
    })
}

/// An image without a digest can be another one tomorrow.
fn floating_image(arguments: &[String]) -> Option<String> {
    if arguments.first().map(String::as_str) != Some("run") {
        return None;
    }
    let is_image = |word: &&String| {
        !word.starts_with('-') && !word.contains('=') && (word.contains('/') || word.contains(':'))
    };
    let image = arguments.iter().skip(1).find(is_image)?;
    (!image.contains("@sha256:")).then(|| image.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn floats(command: &str, expected: Option<&str>) {
        let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert_eq!(floating_version(&argv).as_deref(), expected, "{command}");
    }

    /// From: postmark-mcp, fifteen clean releases and then one line.
    #[test]
    fn s52_floating_versions_are_seen() {
        floats("npx -y postmark-mcp", Some("postmark-mcp"));
        floats(
            "/usr/bin/npx -y postmark-mcp@latest",
            Some("postmark-mcp@latest"),
        );
        floats("npx -y postmark-mcp@1.0.12", None);
        floats("npx -y postmark-mcp@^1.0.12", Some("postmark-mcp@^1.0.12"));
        floats("npx -y postmark-mcp@1", Some("postmark-mcp@1"));
        floats("npx -y @scope/server /srv", Some("@scope/server"));
        floats("npx -y @scope/server@2.1.0 /srv", None);
        floats("npx --package @scope/server server", Some("@scope/server"));
        floats("npx ./local-server", None);
        floats("uvx mcp-server-git", Some("mcp-server-git"));
        floats("uvx mcp-server-git==2025.1.14", None);
        floats(
            "uvx --from git+https://example.com/a tool",
            Some("git+https://example.com/a"),
        );
        floats("pipx run mcp-server", Some("mcp-server"));
        floats("pnpm dlx thing@2.0.0", None);
        floats("pnpm dlx thing", Some("thing"));
        floats("npm start", None);
        floats("docker run -i --rm mcp/github", Some("mcp/github"));
        floats("docker run -i mcp/github:latest", Some("mcp/github:latest"));
        floats(
            &format!("docker run -i mcp/github@sha256:{}", "a".repeat(64)),
            None,
        );
        floats("node /srv/server.js", None);
        floats("/usr/local/bin/db-mcp --stdio", None);
    }

    #[test]
    fn s52_origins_are_scheme_host_and_port() {
        for (url, expected) in [
            ("https://Example.com/mcp?x=1", "https://example.com"),
            ("http://127.0.0.1:8080/a/b", "http://127.0.0.1:8080"),
            ("https://h#f", "https://h"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }

    #[test]
    fn s52_what_is_not_known_is_no_difference() {
        let transport = Transport::Stdio {
            argv: vec!["a".into()],
            child: crate::ChildSettings::default(),
        };
        let pinned = ServerIdentity::of(&transport).named("one");
        assert_eq!(pinned.differences(&ServerIdentity::default()), [""; 0]);
        let seen = ServerIdentity::default().named("two");
        assert_eq!(pinned.differences(&seen), ["its name"]);
        assert_eq!(pinned.completed_by(&seen), pinned);
        assert_eq!(
            ServerIdentity::default().named(""),
            ServerIdentity::default()
        );
    }
}

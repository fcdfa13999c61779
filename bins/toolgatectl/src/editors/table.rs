//! The one table of editors: where each keeps its servers, and the form it reads.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use jsonc_parser::cst::CstInputValue;
use url::{Host, Url};

/// The bridge that editors need which start programs only. A version, so that what runs is what was tried (S-52).
const BRIDGE: &str = "mcp-remote@0.15.1";
/// How the token reaches the bridge: not as an argument, which every user of the machine can see.
const BRIDGE_VARIABLE: &str = "TOOLGATE_AUTHORIZATION";

/// An editor whose file is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Editor {
    /// Claude Desktop
    ClaudeDesktop,
    /// Claude Code
    ClaudeCode,
    /// Cursor
    Cursor,
    /// Visual Studio Code
    Vscode,
    /// Windsurf
    Windsurf,
}

/// The form of an entry.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// `url` and `headers`, with a `type` where the editor wants one.
    Url {
        kind: Option<&'static str>,
        key: &'static str,
    },
    /// The editor starts programs only, so a bridge that it starts.
    Bridge,
}

struct Row {
    title: &'static str,
    /// The member that holds the servers.
    servers: &'static str,
    form: Form,
    /// Its file below the user's directories.
    user: fn(&Home) -> PathBuf,
    /// Its file in a project.
    project: Option<&'static str>,
}

/// The user's directories, as the environment names them.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    home: PathBuf,
    /// Where programs keep settings: `~/.config`, `~/Library/Application Support` or `%APPDATA%`.
    settings: PathBuf,
}

impl Home {
    /// Of whoever runs this; `None` where the environment has no home.
    pub(crate) fn of_user() -> Option<Self> {
        Self::of(std::env::consts::OS, |name| std::env::var_os(name))
    }

    pub(crate) fn of(system: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let path = |name| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let home = match system {
            "windows" => path("USERPROFILE")?,
            _ => path("HOME")?,
        };
        let settings = match system {
            "windows" => path("APPDATA").unwrap_or_else(|| home.join("AppData/Roaming")),
            "macos" => home.join("Library/Application Support"),
            _ => path("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
        };
        Some(Self { home, settings })
    }
}

impl Editor {
    pub(crate) const ALL: [Self; 5] = [
        Self::ClaudeDesktop,
        Self::ClaudeCode,
        Self::Cursor,
        Self::Vscode,
        Self::Windsurf,
    ];

    const fn row(self) -> Row {
        const PLAIN: Form = Form::Url {
            kind: None,
            key: "url",
        };
        const TYPED: Form = Form::Url {
            kind: Some("http"),
            key: "url",
        };
        match self {
            Self::ClaudeDesktop => Row {
                title: "Claude Desktop",
                servers: "mcpServers",
                form: Form::Bridge,
                user: |home| home.settings.join("Claude/claude_desktop_config.json"),
                project: None,
            },
            Self::ClaudeCode => Row {
                title: "Claude Code",
                servers: "mcpServers",
                form: TYPED,
                user: |home| home.home.join(".claude.json"),
                project: Some(".mcp.json"),
            },
            Self::Cursor => Row {
                title: "Cursor",
                servers: "mcpServers",
                form: PLAIN,
                user: |home| home.home.join(".cursor/mcp.json"),
                project: Some(".cursor/mcp.json"),
            },
            Self::Vscode => Row {
                title: "VS Code",
                servers: "servers",
                form: TYPED,
                user: |home| home.settings.join("Code/User/mcp.json"),
                project: Some(".vscode/mcp.json"),
            },
            Self::Windsurf => Row {
                title: "Windsurf",
                servers: "mcpServers",
                form: Form::Url {
                    kind: None,
                    key: "serverUrl",
                },
                user: |home| home.home.join(".codeium/windsurf/mcp_config.json"),
                project: None,
            },
        }
    }

    /// What people call it.
    pub(crate) fn title(self) -> &'static str {
        self.row().title
    }

    /// As it is named in commands.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// The member of its file that holds the servers.
    pub(crate) fn servers(self) -> &'static str {
        self.row().servers
    }

    /// The user's file.
    pub(crate) fn user_file(self, home: &Home) -> PathBuf {
        (self.row().user)(home)
    }

    /// Every place of its files: the user's, and that of the project in `here`.
    pub(crate) fn places(self, home: &Home, here: Option<&Path>) -> Vec<PathBuf> {
        let project = self.row().project.zip(here);
        let project = project.map(|(file, here)| here.join(file));
        std::iter::once(self.user_file(home))
            .chain(project)
            .collect()
    }

    /// The entry of a workspace, in the editor's own form.
    pub(crate) fn entry(self, url: &str, token: &str) -> CstInputValue {
        let text = |text: &str| CstInputValue::String(text.to_owned());
        let bearer = format!("Bearer {token}");
        let members: Vec<(&str, CstInputValue)> = match self.row().form {
            Form::Url { kind, key } => {
                let headers = vec![("Authorization".to_owned(), CstInputValue::String(bearer))];
                let kind = kind.map(|kind| ("type", text(kind)));
                let rest = [
                    (key, text(url)),
                    ("headers", CstInputValue::Object(headers)),
                ];
                kind.into_iter().chain(rest).collect()
            }
            Form::Bridge => {
                let header = format!("Authorization:${{{BRIDGE_VARIABLE}}}");
                let mut arguments = vec!["-y", BRIDGE, url, "--header", &header];
                if !bridge_takes(url) {
                    arguments.push("--allow-http");
                }
                let arguments = arguments.into_iter().map(text).collect();
                let env = vec![(BRIDGE_VARIABLE.to_owned(), CstInputValue::String(bearer))];
                vec![
                    ("command", text("npx")),
                    ("args", CstInputValue::Array(arguments)),
                    ("env", CstInputValue::Object(env)),
                ]
            }
        };
        CstInputValue::Object(
            members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }
}

/// Whether the bridge goes there unasked: it wants a word of its own for plain http to other hosts.
fn bridge_takes(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return true;
    };
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || is_here
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(system: &str) -> Home {
        Home::of(system, |name| match name {
            "HOME" | "USERPROFILE" => Some("/u".into()),
            "APPDATA" => Some("/u/roam".into()),
            _ => None,
        })
        .unwrap()
    }

    #[track_caller]
    fn check(editor: Editor, files: [&str; 3]) {
        for (system, file) in ["linux", "macos", "windows"].iter().zip(files) {
            let path = editor.user_file(&home(system));
            assert_eq!(path, Path::new(file), "{editor:?} on {system}");
        }
    }

    #[test]
    fn each_system_has_its_places() {
        check(
            Editor::ClaudeDesktop,
            [
                "/u/.config/Claude/claude_desktop_config.json",
                "/u/Library/Application Support/Claude/claude_desktop_config.json",
                "/u/roam/Claude/claude_desktop_config.json",
            ],
        );
        check(
            Editor::Vscode,
            [
                "/u/.config/Code/User/mcp.json",
                "/u/Library/Application Support/Code/User/mcp.json",
                "/u/roam/Code/User/mcp.json",
            ],
        );
        check(Editor::ClaudeCode, ["/u/.claude.json"; 3]);
        check(Editor::Cursor, ["/u/.cursor/mcp.json"; 3]);
        check(
            Editor::Windsurf,
            ["/u/.codeium/windsurf/mcp_config.json"; 3],
        );
        assert!(Home::of("linux", |_| None).is_none());
    }
}

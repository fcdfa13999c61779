//! An editor's file: read leniently, changed in one place, replaced at once, kept as it was beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::Value as Json;

use super::Editor;
use crate::failure::Failure;

/// Claude Code keeps its whole history in the file; beyond this it is something else.
const READ_MAX: u64 = 64 * 1024 * 1024;
/// The members that hold servers, of all editors.
const HOLDERS: [&str; 2] = ["mcpServers", "servers"];

/// An editor's file as it was read.
pub(crate) struct EditorFile {
    path: PathBuf,
    /// `None` when there is none yet.
    text: Option<String>,
}

/// What became of a file.
#[derive(Debug)]
pub(crate) struct Written {
    /// The file, links followed.
    pub(crate) path: PathBuf,
    /// As it was before; `None` when it is new.
    pub(crate) backup: Option<PathBuf>,
}

impl EditorFile {
    /// Reads a file; `None` when there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let file = Self::open(path)?;
        Ok(file.text.is_some().then_some(file))
    }

    /// The same, or an empty one to begin with.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        // A link is followed: people keep such files elsewhere and link to them.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let text = read(&path).map_err(|error| unreadable(&path, &error.to_string()))?;
        Ok(Self { path, text })
    }

    /// The servers in it: their names and entries, in order.
    pub(crate) fn entries(&self) -> Result<Vec<(String, Json)>, Failure> {
        let value = self.value()?.unwrap_or_default();
        let mut found = Vec::new();
        for holder in HOLDERS {
            collect(value.get(holder), &mut found);
        }
        // VS Code's settings, and the projects that Claude Code knows.
        collect(value.pointer("/mcp/servers"), &mut found);
        let projects = value.get("projects").and_then(Json::as_object);
        for project in projects.into_iter().flat_map(|projects| projects.values()) {
            collect(project.get("mcpServers"), &mut found);
        }
        Ok(found)
    }

    /// The servers that this editor reads from it.
    pub(crate) fn own_entries(&self, editor: Editor) -> Result<Vec<(String, Json)>, Failure> {
        let mut found = Vec::new();
        if let Some(value) = self.value()? {
            collect(value.get(editor.servers()), &mut found);
        }
        Ok(found)
    }

    fn value(&self) -> Result<Option<Json>, Failure> {
        let text = self.text.as_deref().map(body).unwrap_or_default();
        if text.trim().is_empty() {
            return Ok(None);
        }
        let value = jsonc_parser::parse_to_serde_value(text, &ParseOptions::default());
        value.map(Some).map_err(|error| self.malformed(&error))
    }

    /// The text with one entry set and others gone, everything else as it is.
    pub(crate) fn with_entry(
        &self,
        editor: Editor,
        name: &str,
        entry: CstInputValue,
        gone: &[String],
    ) -> Result<String, Failure> {
        let text = self.text.as_deref().filter(|text| !text.trim().is_empty());
        let text = text.unwrap_or("{\n}\n");
        let (mark, text) = text.split_at(text.len() - body(text).len());
        let root = CstRootNode::parse(text, &ParseOptions::default())
            .map_err(|error| self.malformed(&error))?;
        let not_object =
            || unreadable(&self.path, "it is no JSON object with the editor's servers");
        let object = root.object_value_or_create().ok_or_else(not_object)?;
        let servers = object
            .object_value_or_create(editor.servers())
            .ok_or_else(not_object)?;
        set(&servers, name, entry);
        for name in gone {
            if let Some(property) = servers.get(name) {
                property.remove();
            }
        }
        Ok(format!("{mark}{root}"))
    }

    /// Puts `text` in the place of the file: at once, for its owner alone, what was there before kept beside it.
    pub(crate) fn replace(&self, text: &str) -> Result<Written, Failure> {
        let failed = |error: std::io::Error| {
            Failure::told(
                &format!("writing {}: {error}", self.path.display()),
                "the file is as it was; `--print` shows the block to paste",
            )
        };
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let backup = match &self.text {
            Some(before) => Some(self.keep(before).map_err(failed)?),
            None => None,
        };
        let new = beside(&self.path, &format!(".toolgate-{}", std::process::id()));
        let written = (|| {
            write_new(&new, text)?;
            // The editor may have written meanwhile, and that must not be lost.
            if read(&self.path)? != self.text {
                return Err(std::io::Error::other(
                    "it was changed meanwhile; run the command again",
                ));
            }
            fs::rename(&new, &self.path)
        })();
        if let Err(error) = written {
            // It holds a token.
            let _ = fs::remove_file(&new);
            return Err(failed(error));
        }
        Ok(Written {
            path: self.path.clone(),
            backup,
        })
    }

    fn keep(&self, before: &str) -> std::io::Result<PathBuf> {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut number = 1;
        loop {
            let more = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            let backup = beside(&self.path, &format!(".toolgate-backup-{time}{more}"));
            match write_new(&backup, before) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                other => return other.map(|()| backup),
            }
        }
    }

    /// Where it breaks off, and nothing of what stands there.
    fn malformed(&self, error: &jsonc_parser::errors::ParseError) -> Failure {
        let (line, column) = (error.line_display(), error.column_display());
        unreadable(
            &self.path,
            &format!("it is not JSON at line {line}, column {column}"),
        )
    }
}

fn collect(holder: Option<&Json>, found: &mut Vec<(String, Json)>) {
    let entries = holder.and_then(Json::as_object).into_iter().flatten();
    found.extend(entries.map(|(name, entry)| (name.clone(), entry.clone())));
}

fn set(servers: &CstObject, name: &str, entry: CstInputValue) {
    match servers.get(name) {
        Some(property) => property.set_value(entry),
        None => drop(servers.append(name, entry)),
    }
}

/// The text behind a byte order mark.
fn body(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn read(path: &Path) -> std::io::Result<Option<String>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut text = String::new();
    file.take(READ_MAX).read_to_string(&mut text)?;
    if text.len() as u64 == READ_MAX {
        return Err(std::io::Error::other("it is larger than 64 MiB"));
    }
    Ok(Some(text))
}

/// For its owner alone from the first byte on, and on the disk before it has its name.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(more);
    path.with_file_name(name)
}

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::told(
        &format!("{} cannot be used: {why}", path.display()),
        "mend it, or name another file",
    )
}

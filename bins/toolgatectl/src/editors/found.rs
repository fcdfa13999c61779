//! Servers in editors' files, ready to be added.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use toolgate_admin::{
    EraSetting, Isolation, NewServer, NewTransport, Prefix, Secret, Trust, server_name,
};

use super::{Editor, EditorFile, Home, entry};
use crate::failure::Failure;

/// A server in an editor's file.
#[derive(Debug)]
pub(crate) struct Found {
    /// What the editor calls it.
    pub(crate) called: String,
    /// Where it stands; the first place when it is in several.
    pub(crate) file: PathBuf,
    /// The server it becomes, or why it becomes none.
    pub(crate) server: Result<NewServer, String>,
    /// Its secrets.
    pub(crate) values: Vec<Value>,
    /// What is not taken over, and why.
    pub(crate) notes: Vec<String>,
}

/// A secret in an editor's file. Its value is in no message.
#[derive(Debug)]
pub(crate) struct Value {
    /// What it will be called.
    pub(crate) name: String,
    /// Where it stands, such as `header Authorization`.
    pub(crate) place: String,
    /// `None` where the file only refers to it.
    pub(crate) text: Option<Secret<String>>,
}

impl Found {
    /// What it is reached by, without secrets.
    pub(crate) fn place(&self) -> String {
        match &self.server {
            Ok(server) => reached_by(server),
            Err(_) => String::new(),
        }
    }
}

pub(crate) fn reached_by(server: &NewServer) -> String {
    match &server.transport {
        NewTransport::Http { url, .. } => url.clone(),
        NewTransport::Stdio { argv, .. } => argv.join(" "),
    }
}

/// The servers in the files of one editor, or of all, or in one file. What is the same in two files is found once.
pub(crate) fn search(from: Option<&str>, home: Option<&Home>) -> Result<Vec<Found>, Failure> {
    let here = std::env::current_dir().ok();
    let named = from.and_then(|from| Editor::ALL.into_iter().find(|editor| editor.name() == from));
    let files: Vec<PathBuf> = match (from, named, home) {
        (Some(file), None, _) => vec![PathBuf::from(file)],
        (_, _, None) => {
            return Err(Failure::told(
                "the environment names no home directory to look in",
                "name the file: `--from FILE`",
            ));
        }
        (_, Some(editor), Some(home)) => editor.places(home, here.as_deref()),
        (None, None, Some(home)) => Editor::ALL
            .iter()
            .flat_map(|editor| editor.places(home, here.as_deref()))
            .collect(),
    };
    let must_exist = from.is_some() && named.is_none();
    let mut found: Vec<Found> = Vec::new();
    for file in files {
        let Some(read) = EditorFile::read(&file)? else {
            if must_exist {
                return Err(Failure::told(
                    &format!("there is no file {}", file.display()),
                    "give an editor (claude-desktop, claude-code, cursor, vscode, windsurf) or a file that exists",
                ));
            }
            continue;
        };
        for (called, json) in read.entries()? {
            let new = of_entry(&file, &called, &json);
            let is_same =
                |known: &Found| known.called == new.called && known.place() == new.place();
            if !found.iter().any(is_same) {
                found.push(new);
            }
        }
    }
    name_apart(&mut found);
    Ok(found)
}

/// The server an entry stands for, if it can be one.
pub(crate) fn read_entry(called: &str, json: &Json) -> Option<NewServer> {
    of_entry(Path::new(""), called, json).server.ok()
}

fn of_entry(file: &Path, called: &str, json: &Json) -> Found {
    let mut found = Found {
        called: called.to_owned(),
        file: file.to_owned(),
        server: Err(String::new()),
        values: Vec::new(),
        notes: Vec::new(),
    };
    let read = match entry::read(called, json) {
        Ok(read) => read,
        Err(reason) => {
            found.server = Err(reason);
            return found;
        }
    };
    found.server = match server_name(called) {
        Some(slug) => Ok(NewServer {
            slug,
            transport: read.transport,
            prefix: Prefix::Slug,
            era: EraSetting::Auto,
            isolation: Isolation::Auto,
            timeout: None,
            trust: Trust::default(),
        }),
        None => Err("no server name can be made of its name".to_owned()),
    };
    found.values = read.values;
    found.notes = read.notes;
    found
}

/// Two different servers of one name get names of their own.
fn name_apart(found: &mut [Found]) {
    let mut taken: Vec<String> = Vec::new();
    for server in found
        .iter_mut()
        .filter_map(|found| found.server.as_mut().ok())
    {
        let base = server.slug.clone();
        let mut number = 2;
        while taken.contains(&server.slug) {
            let suffix = format!("-{number}");
            let room = base.len().min(24 - suffix.len());
            server.slug = base.get(..room).unwrap_or(&base).to_owned() + &suffix;
            number += 1;
        }
        taken.push(server.slug.clone());
    }
}

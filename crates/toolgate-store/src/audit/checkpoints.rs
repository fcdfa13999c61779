//! The second sink: heads of the chain, kept in a file beside the store or wherever the operator wants
//! them (S-84).
//!
//! One JSON object a line, only ever appended to, so the file may be on a medium that cannot do more.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{AuditHead, now_ms};
use crate::StoreError;

/// More than the longest line, twice: the last whole line is in so many bytes from the end.
const TAIL_BYTES: u64 = 1024;

/// A file of checkpoints.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    path: PathBuf,
}

/// What such a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckpointsRead {
    /// Every head that can be read, oldest first.
    pub heads: Vec<AuditHead>,
    /// Number of the first line that is not one: torn by a power cut, or edited.
    pub unreadable: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    /// Unix milliseconds.
    at: u64,
    #[serde(flatten)]
    head: AuditHead,
}

impl Checkpoints {
    /// Names a file; nothing is touched.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `head` and brings it to the disk, unless it is the last one already or the chain is empty.
    ///
    /// Answers whether it was written.
    pub fn keep(&self, head: AuditHead) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Io {
            doing: "keeping an audit checkpoint in",
            path: self.path.clone(),
            source,
        };
        if head == AuditHead::EMPTY {
            return Ok(false);
        }
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(failed)?;
        let tail = tail(&mut file).map_err(failed)?;
        if last(&tail) == Some(head) {
            return Ok(false);
        }
        let mut text = line(head);
        if !tail.is_empty() && !tail.ends_with(b"\n") {
            // A line that a power cut tore must not swallow this one.
            text.insert(0, b'\n');
        }
        // One write: two processes that append at once do not mix their lines.
        file.write_all(&text)
            .and_then(|()| file.sync_data())
            .map_err(failed)?;
        Ok(true)
    }

    /// Every checkpoint; none where there is no file.
    pub fn read(&self) -> Result<CheckpointsRead, StoreError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(CheckpointsRead::default());
            }
            Err(source) => {
                return Err(StoreError::Io {
                    doing: "reading the audit checkpoints",
                    path: self.path.clone(),
                    source,
                });
            }
        };
        let mut read = CheckpointsRead::default();
        let lines = text.split(|byte| *byte == b'\n');
        for (number, line) in (1..).zip(lines).filter(|(_, line)| !line.is_empty()) {
            match parse(line) {
                Some(head) => read.heads.push(head),
                None => {
                    read.unreadable.get_or_insert(number);
                }
            }
        }
        Ok(read)
    }
}

fn line(head: AuditHead) -> Vec<u8> {
    let line = Line { at: now_ms(), head };
    let mut text = serde_json::to_vec(&line).expect("numbers and text have a JSON form");
    text.push(b'\n');
    text
}

fn tail(file: &mut File) -> io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    Ok(tail)
}

fn last(tail: &[u8]) -> Option<AuditHead> {
    let lines = tail.strip_suffix(b"\n")?;
    parse(lines.rsplit(|byte| *byte == b'\n').next()?)
}

fn parse(line: &[u8]) -> Option<AuditHead> {
    let line: Line = serde_json::from_slice(line).ok()?;
    Some(line.head)
}

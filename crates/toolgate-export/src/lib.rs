//! Calls as files for other programs: CSV, JSON Lines and Parquet, written as they come.
//!
//! One [`Exporter`] writes one file to any [`Write`]; it keeps at most a few ten thousand rows in memory. Metadata only,
//! as everywhere (S-23).
//!
//! ```
//! use toolgate_analytics::{CallStatus, Source};
//! use toolgate_export::{Exporter, Format, Row};
//!
//! let row = Row {
//!     id: "call_1", time: "2026-11-21T09:30:00.125Z", time_ms: 1_795_253_400_125, workspace: "team",
//!     server: Some("github"), tool: Some("search"), token_id: "tok_1", token_name: Some("=alice"), member: None,
//!     status: CallStatus::Ok, duration_ms: 12, error_code: None, bytes_in: 300, bytes_out: 1_200,
//!     revision: "2025-11-25", source: Source::Gateway,
//! };
//! let mut file = Vec::new();
//! let mut exporter = Exporter::new(Format::Csv, &mut file)?;
//! exporter.write(&row)?;
//! exporter.finish()?;
//! let text = String::from_utf8(file)?;
//! assert!(text.starts_with("id,time,workspace,server,tool,"));
//! assert!(text.contains(",'=alice,"), "a formula of somebody's stays a text");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod csv;
mod json_lines;
mod parquet;

use std::io::{self, Write};

use serde::Serialize;
use toolgate_analytics::{CallStatus, Source};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header, for spreadsheets.
    Csv,
    /// One JSON object a line, the same as `toolgatectl calls --json` prints.
    JsonLines,
    /// Columns, compressed with zstd, for `DuckDB`, pandas, Spark and their like.
    Parquet,
}

/// One call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Row<'a> {
    /// Identity (`call_…`).
    pub id: &'a str,
    /// Arrival, RFC 3339 in UTC.
    pub time: &'a str,
    /// The same in unix milliseconds, which is what Parquet keeps.
    #[serde(skip)]
    pub time_ms: u64,
    /// Slug of the workspace, or its id.
    pub workspace: &'a str,
    /// The server that owned the tool.
    pub server: Option<&'a str>,
    /// The tool's own name.
    pub tool: Option<&'a str>,
    /// Public id of the token.
    pub token_id: &'a str,
    /// Its name.
    pub token_name: Option<&'a str>,
    /// Address of the member who holds it.
    pub member: Option<&'a str>,
    /// How the call ended.
    pub status: CallStatus,
    /// Milliseconds from arrival to the last byte.
    pub duration_ms: u64,
    /// JSON-RPC code, if an error was answered.
    pub error_code: Option<i64>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer.
    pub bytes_out: u64,
    /// Revision the client spoke.
    pub revision: &'a str,
    /// Which door it came through.
    pub source: Source,
}

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// What takes the bytes refused them.
    #[error("writing the export")]
    Io(#[from] io::Error),
    /// What writes Parquet failed.
    #[error("writing Parquet: {0}")]
    Parquet(String),
}

/// Writes one file.
#[derive(Debug)]
pub struct Exporter<W: Write + Send>(Kind<W>);

#[derive(Debug)]
enum Kind<W: Write + Send> {
    Csv(Box<csv::CsvFile<W>>),
    JsonLines(json_lines::JsonLinesFile<W>),
    Parquet(Box<parquet::ParquetFile<W>>),
}

impl<W: Write + Send> Exporter<W> {
    /// Begins a file.
    pub fn new(format: Format, out: W) -> Result<Self, ExportError> {
        Ok(Self(match format {
            Format::Csv => Kind::Csv(Box::new(csv::CsvFile::new(out)?)),
            Format::JsonLines => Kind::JsonLines(json_lines::JsonLinesFile::new(out)),
            Format::Parquet => Kind::Parquet(Box::new(parquet::ParquetFile::new(out)?)),
        }))
    }

    /// Writes a call; it may stay in memory until more have come.
    pub fn write(&mut self, row: &Row<'_>) -> Result<(), ExportError> {
        match &mut self.0 {
            Kind::Csv(file) => file.write(row),
            Kind::JsonLines(file) => file.write(row),
            Kind::Parquet(file) => file.write(row),
        }
    }

    /// Writes what is left. A file without this is not whole.
    pub fn finish(self) -> Result<(), ExportError> {
        match self.0 {
            Kind::Csv(file) => file.finish(),
            Kind::JsonLines(file) => file.finish(),
            Kind::Parquet(file) => file.finish(),
        }
    }
}

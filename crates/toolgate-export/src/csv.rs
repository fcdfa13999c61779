//! Comma-separated values, for spreadsheets: with a header, and without formulas.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::Writer;

use crate::{ExportError, Row};

const HEADER: [&str; 15] = [
    "id",
    "time",
    "workspace",
    "server",
    "tool",
    "token_id",
    "token_name",
    "member",
    "status",
    "duration_ms",
    "error_code",
    "bytes_in",
    "bytes_out",
    "revision",
    "source",
];

#[derive(Debug)]
pub(crate) struct CsvFile<W: Write>(Writer<W>);

impl<W: Write> CsvFile<W> {
    pub(crate) fn new(out: W) -> Result<Self, ExportError> {
        let mut file = Writer::from_writer(out);
        file.write_record(HEADER).map_err(io::Error::from)?;
        Ok(Self(file))
    }

    pub(crate) fn write(&mut self, row: &Row<'_>) -> Result<(), ExportError> {
        let number = |number: u64| Cow::Owned(number.to_string());
        let if_any =
            |text: Option<&'_ str>| text.map_or(String::new(), |text| harmless(text).into());
        let fields: [Cow<'_, str>; HEADER.len()] = [
            harmless(row.id),
            row.time.into(),
            harmless(row.workspace),
            if_any(row.server).into(),
            if_any(row.tool).into(),
            harmless(row.token_id),
            if_any(row.token_name).into(),
            if_any(row.member).into(),
            row.status.as_str().into(),
            number(row.duration_ms),
            row.error_code
                .map_or(Cow::Borrowed(""), |code| code.to_string().into()),
            number(row.bytes_in),
            number(row.bytes_out),
            harmless(row.revision),
            row.source.as_str().into(),
        ];
        let fields = fields.iter().map(|field| field.as_bytes());
        Ok(self.0.write_record(fields).map_err(io::Error::from)?)
    }

    pub(crate) fn finish(mut self) -> Result<(), ExportError> {
        Ok(self.0.flush()?)
    }
}

/// A text that no spreadsheet takes for a formula: servers and token holders choose their names, and a cell that
/// begins like one is worked out when the file is opened. Numbers of ours stay numbers.
fn harmless(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n') => format!("'{text}").into(),
        _ => text.into(),
    }
}

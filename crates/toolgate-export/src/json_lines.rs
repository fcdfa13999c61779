//! One JSON object a line.

use std::io::{self, BufWriter, Write};

use crate::{ExportError, Row};

#[derive(Debug)]
pub(crate) struct JsonLinesFile<W: Write>(BufWriter<W>);

impl<W: Write> JsonLinesFile<W> {
    pub(crate) fn new(out: W) -> Self {
        Self(BufWriter::new(out))
    }

    pub(crate) fn write(&mut self, row: &Row<'_>) -> Result<(), ExportError> {
        serde_json::to_writer(&mut self.0, row).map_err(io::Error::from)?;
        Ok(self.0.write_all(b"\n")?)
    }

    pub(crate) fn finish(mut self) -> Result<(), ExportError> {
        Ok(self.0.flush()?)
    }
}

//! Columns, compressed with zstd.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use crate::{ExportError, Row};

const SCHEMA: &str = "message call {
    required binary id (UTF8);
    required int64 time (TIMESTAMP(MILLIS, true));
    required binary workspace (UTF8);
    optional binary server (UTF8);
    optional binary tool (UTF8);
    required binary token_id (UTF8);
    optional binary token_name (UTF8);
    optional binary member (UTF8);
    required binary status (UTF8);
    required int64 duration_ms;
    optional int64 error_code;
    required int64 bytes_in;
    required int64 bytes_out;
    required binary revision (UTF8);
    required binary source (UTF8);
}";
/// Rows that are written together: large enough to compress well, small enough to keep in memory.
const GROUP: usize = 65_536;

#[derive(Debug)]
pub(crate) struct ParquetFile<W: Write + Send> {
    file: SerializedFileWriter<W>,
    /// In the order of the schema.
    columns: Vec<Column>,
    rows: usize,
}

/// The values of a column that are not written yet.
#[derive(Debug)]
enum Column {
    Text(Values<ByteArray>),
    Number(Values<i64>),
}

/// Values, and for each row whether there is one.
#[derive(Debug)]
struct Values<T> {
    values: Vec<T>,
    present: Vec<i16>,
}

impl<W: Write + Send> ParquetFile<W> {
    pub(crate) fn new(out: W) -> Result<Self, ExportError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("toolgate ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Self {
            file: SerializedFileWriter::new(out, schema, Arc::new(properties))?,
            columns: Vec::new(),
            rows: 0,
        })
    }

    pub(crate) fn write(&mut self, row: &Row<'_>) -> Result<(), ExportError> {
        if self.columns.is_empty() {
            self.columns = columns(row);
        }
        for (column, cell) in self.columns.iter_mut().zip(cells(row)) {
            column.push(cell);
        }
        self.rows += 1;
        if self.rows >= GROUP {
            self.write_group()?;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<(), ExportError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.file.close()?;
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        let mut group = self.file.next_row_group()?;
        let mut columns = self.columns.iter_mut();
        while let (Some(column), Some(mut out)) = (columns.next(), group.next_column()?) {
            column.write(&mut out)?;
            out.close()?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

/// One value of a row.
enum Cell<'a> {
    Text(Option<&'a str>),
    Number(Option<i64>),
}

/// The values of a row, in the order of the schema.
fn cells<'a>(row: &Row<'a>) -> [Cell<'a>; 15] {
    let number = |number: u64| Cell::Number(Some(i64::try_from(number).unwrap_or(i64::MAX)));
    [
        Cell::Text(Some(row.id)),
        number(row.time_ms),
        Cell::Text(Some(row.workspace)),
        Cell::Text(row.server),
        Cell::Text(row.tool),
        Cell::Text(Some(row.token_id)),
        Cell::Text(row.token_name),
        Cell::Text(row.member),
        Cell::Text(Some(row.status.as_str())),
        number(row.duration_ms),
        Cell::Number(row.error_code),
        number(row.bytes_in),
        number(row.bytes_out),
        Cell::Text(Some(row.revision)),
        Cell::Text(Some(row.source.as_str())),
    ]
}

fn columns(row: &Row<'_>) -> Vec<Column> {
    let column = |cell| match cell {
        Cell::Text(_) => Column::Text(Values::new()),
        Cell::Number(_) => Column::Number(Values::new()),
    };
    cells(row).into_iter().map(column).collect()
}

impl Column {
    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(values), Cell::Text(text)) => values.push(text.map(ByteArray::from)),
            (Self::Number(values), Cell::Number(number)) => values.push(number),
            // Both are made by `cells`, so neither comes.
            (Self::Text(_), Cell::Number(_)) | (Self::Number(_), Cell::Text(_)) => {}
        }
    }

    /// Writes the values and forgets them.
    fn write(&mut self, out: &mut SerializedColumnWriter<'_>) -> Result<(), ExportError> {
        // Columns that are required make nothing of who is present.
        match self {
            Self::Text(column) => {
                let out = out.typed::<ByteArrayType>();
                out.write_batch(&column.values, Some(&column.present), None)?;
                column.clear();
            }
            Self::Number(column) => {
                let out = out.typed::<Int64Type>();
                out.write_batch(&column.values, Some(&column.present), None)?;
                column.clear();
            }
        }
        Ok(())
    }
}

impl<T> Values<T> {
    fn new() -> Self {
        Self {
            values: Vec::new(),
            present: Vec::new(),
        }
    }

    fn push(&mut self, value: Option<T>) {
        self.present.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    fn clear(&mut self) {
        self.values.clear();
        self.present.clear();
    }
}

impl From<ParquetError> for ExportError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error.to_string())
    }
}

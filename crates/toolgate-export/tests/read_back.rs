//! Files read back by other readers: what went in comes out, in each format.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::fs::File;
use std::io;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use toolgate_analytics::{CallStatus, Source};
use toolgate_export::{Exporter, Format, Row};

fn full() -> Row<'static> {
    Row {
        id: "call_boot1f",
        time: "2026-11-21T09:30:00.125Z",
        time_ms: 1_795_253_400_125,
        workspace: "team",
        server: Some("github"),
        tool: Some("search, \"all\"\nof it"),
        token_id: "tok_1",
        token_name: Some("alice ä日"),
        member: Some("alice@example.com"),
        status: CallStatus::RpcError,
        duration_ms: 12,
        error_code: Some(-32_603),
        bytes_in: 300,
        bytes_out: 1_200,
        revision: "2025-11-25",
        source: Source::Gateway,
    }
}

fn bare() -> Row<'static> {
    Row {
        server: None,
        tool: None,
        token_name: None,
        member: None,
        status: CallStatus::Refused,
        error_code: None,
        ..full()
    }
}

#[track_caller]
fn written(format: Format, rows: &[Row<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut exporter = Exporter::new(format, &mut bytes).unwrap();
    for row in rows {
        exporter.write(row).unwrap();
    }
    exporter.finish().unwrap();
    bytes
}

#[test]
fn csv_has_a_header_and_comes_back() {
    let bytes = written(Format::Csv, &[full(), bare()]);
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let header: Vec<String> = reader.headers().unwrap().iter().map(Into::into).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let value = |row: usize, column: &str| {
        let at = header.iter().position(|name| name == column).unwrap();
        rows[row].get(at).unwrap().to_owned()
    };
    assert_eq!(rows.len(), 2);
    assert_eq!(value(0, "tool"), "search, \"all\"\nof it");
    assert_eq!(value(0, "token_name"), "alice ä日");
    assert_eq!(value(0, "error_code"), "-32603");
    assert_eq!(value(0, "status"), "rpc_error");
    assert_eq!(value(0, "time"), "2026-11-21T09:30:00.125Z");
    assert_eq!(
        (value(1, "tool"), value(1, "error_code")),
        Default::default()
    );
}

#[test]
fn csv_begins_no_cell_like_a_formula() {
    for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"] {
        let row = Row {
            workspace: formula,
            server: Some(formula),
            tool: Some(formula),
            token_id: formula,
            token_name: Some(formula),
            member: Some(formula),
            revision: formula,
            ..full()
        };
        let bytes = written(Format::Csv, &[row]);
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let row = reader.records().next().unwrap().unwrap();
        let guarded = row.iter().filter(|cell| *cell == format!("'{formula}"));
        assert_eq!(guarded.count(), 7, "{row:?}");
    }
}

#[test]
fn json_lines_are_objects_as_the_command_line_prints_them() {
    let bytes = written(Format::JsonLines, &[full(), bare()]);
    let text = String::from_utf8(bytes).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 2);
    let expected = json!({
        "id": "call_boot1f", "time": "2026-11-21T09:30:00.125Z", "workspace": "team",
        "server": "github", "tool": "search, \"all\"\nof it", "token_id": "tok_1",
        "token_name": "alice ä日", "member": "alice@example.com", "status": "rpc_error",
        "duration_ms": 12, "error_code": -32603, "bytes_in": 300, "bytes_out": 1200,
        "revision": "2025-11-25", "source": "gateway",
    });
    assert_eq!(rows[0], expected);
    assert_eq!(rows[1]["tool"], Value::Null);
}

/// More rows than are written together, some of them bare.
#[test]
fn parquet_comes_back_row_by_row() {
    const ROWS: u64 = 70_001;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.parquet");
    let mut exporter = Exporter::new(Format::Parquet, File::create(&path).unwrap()).unwrap();
    for n in 0..ROWS {
        let row = if n % 3 == 0 { bare() } else { full() };
        let row = Row {
            duration_ms: n,
            ..row
        };
        exporter.write(&row).unwrap();
    }
    exporter.finish().unwrap();

    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 2);
    let mut rows = 0;
    for (n, row) in (0..).zip(reader.get_row_iter(None).unwrap()) {
        let row = row.unwrap();
        let of = |name: &str| row.get_column_iter().find(|(n, _)| *n == name).unwrap().1;
        let text = |text: &str| Field::Str(text.to_owned());
        assert_eq!(of("duration_ms"), &Field::Long(n));
        assert_eq!(of("time"), &Field::TimestampMillis(1_795_253_400_125));
        assert_eq!(of("id"), &text("call_boot1f"));
        if n % 3 == 0 {
            assert_eq!(of("tool"), &Field::Null);
            assert_eq!(of("error_code"), &Field::Null);
            assert_eq!(of("status"), &text("refused"));
        } else {
            assert_eq!(of("tool"), &text("search, \"all\"\nof it"));
            assert_eq!(of("error_code"), &Field::Long(-32_603));
        }
        rows += 1;
    }
    assert_eq!(rows, ROWS);
}

#[test]
fn a_file_without_calls_is_whole_too() {
    let bytes = written(Format::Parquet, &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.parquet");
    std::fs::write(&path, bytes).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    assert_eq!(
        reader
            .metadata()
            .file_metadata()
            .schema()
            .get_fields()
            .len(),
        15
    );
    let csv = written(Format::Csv, &[]);
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.starts_with("id,time,") && csv.lines().count() == 1);
    assert!(written(Format::JsonLines, &[]).is_empty());
}

/// A disk that is full.
#[derive(Debug)]
struct Full;

impl io::Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_and_no_file() {
    for format in [Format::Csv, Format::JsonLines, Format::Parquet] {
        let written = Exporter::new(format, Full).and_then(|mut exporter| {
            exporter.write(&full())?;
            exporter.finish()
        });
        assert!(written.is_err(), "{format:?}");
    }
}

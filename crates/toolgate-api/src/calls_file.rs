//! Calls as a file: the rows of an export, for whatever takes the bytes.

use std::io::Write;

use toolgate_admin::{AdminError, CallExport, CallListed};
use toolgate_export::{ExportError, Exporter, Format, Row};

/// Why a file of calls was not written whole.
#[derive(Debug, thiserror::Error)]
pub enum CallsFileError {
    /// The calls could not be read.
    #[error(transparent)]
    Read(#[from] AdminError),
    /// What takes the bytes failed.
    #[error(transparent)]
    Write(#[from] ExportError),
}

/// Writes calls as they come, page by page, and tells how many there were in each.
pub fn write_calls(
    mut calls: CallExport,
    format: Format,
    out: impl Write + Send,
    mut written: impl FnMut(u64),
) -> Result<(), CallsFileError> {
    let mut exporter = Exporter::new(format, out)?;
    loop {
        let page = calls.page()?;
        if page.is_empty() {
            return Ok(exporter.finish()?);
        }
        for call in &page {
            exporter.write(&row(call))?;
        }
        written(page.len() as u64);
    }
}

fn row(call: &CallListed) -> Row<'_> {
    Row {
        id: &call.id,
        time: &call.time,
        time_ms: call.time_ms,
        workspace: &call.workspace,
        server: call.server.as_deref(),
        tool: call.tool.as_deref(),
        token_id: &call.token_id,
        token_name: call.token_name.as_deref(),
        member: call.member.as_deref(),
        status: call.status,
        duration_ms: call.duration_ms,
        error_code: call.error_code,
        bytes_in: call.bytes_in,
        bytes_out: call.bytes_out,
        revision: &call.revision,
        source: call.source,
    }
}

//! Files that are written while they are sent: one blocking thread each, and no more of it in memory than is on its way.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::unfold;
use hyper::Response;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::timeout;
use toolgate_admin::{Admin, CallExport};
use toolgate_export::Format;
use toolgate_http::ReplyBody;
use toolgate_http::serve::BrokenOff;

use crate::Api;
use crate::calls_file::{CallsFileError, write_calls};
use crate::handle::Visit;
use crate::operation::Run;
use crate::problem::Problem;

/// Files on their way at once, of all clients together.
pub(crate) const DOWNLOADS: usize = 4;
/// Bytes of a file that are sent together.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for a slow client; then nothing more is written.
const WAITING: usize = 2;
/// A client that takes nothing for this long is gone, and somebody else may have its place.
const STALLED: Duration = Duration::from_mins(1);
/// How often the caller is looked at again: whose token was revoked gets no more (S-41).
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How a file of calls is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum FileFormat {
    /// Comma-separated values with a header, for spreadsheets.
    #[default]
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Columns, compressed.
    Parquet,
}

impl FileFormat {
    pub(crate) const ALL: [Self; 3] = [Self::Csv, Self::Jsonl, Self::Parquet];

    /// The type of such a file.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/jsonl",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// What the names of such files end with.
    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Csv => Self::Csv,
            FileFormat::Jsonl => Self::JsonLines,
            FileFormat::Parquet => Self::Parquet,
        }
    }
}

/// A file that is about to be written.
pub(crate) struct Download {
    /// What it is called, without its ending: letters, digits, dashes.
    pub(crate) name: String,
    pub(crate) format: FileFormat,
    pub(crate) calls: CallExport,
}

impl Download {
    fn file_name(&self) -> String {
        let is_safe = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
        let name: String = self.name.chars().filter(is_safe).collect();
        format!("{name}.{}", self.format.ending())
    }
}

/// A part of a file. Without `End` it is not whole.
enum Piece {
    Bytes(Bytes),
    End,
}

/// Sends a file.
pub(crate) async fn send(
    api: &Arc<Api>,
    visit: Arc<Visit>,
) -> Result<Response<ReplyBody>, Problem> {
    let place = Arc::clone(api.downloads()).try_acquire_owned();
    let place = place
        .map_err(|_| Problem::busy().hint("others are exporting; try again when they are done"))?;
    let (to, from) = channel(WAITING);
    let (tell, opened) = oneshot::channel();
    let admin = api.pool().admin(visit.caller.actor().clone());
    let (api, runtime) = (Arc::clone(api), Handle::current());
    tokio::task::spawn_blocking(move || {
        let (head, download) = match open(&admin, &visit) {
            Ok(download) => (Ok((download.file_name(), download.format)), Some(download)),
            Err(problem) => (Err(problem), None),
        };
        let _ = tell.send(head);
        if let Some(download) = download {
            let outlet = Outlet {
                to,
                runtime,
                piece: Vec::with_capacity(PIECE),
                api: &api,
                admin: &admin,
                visit: &visit,
                looked_at: Instant::now(),
            };
            write(download, outlet);
        }
        drop(place);
    });
    // What is wrong with the request shows before there is an answer.
    let (name, format) = opened.await.map_err(|_| Problem::broke_off())??;
    let mut response = Response::new(ReplyBody::try_stream(pieces(from)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.kind()));
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    headers.insert(
        CONTENT_DISPOSITION,
        disposition.map_err(|_| Problem::broke_off())?,
    );
    Ok(response)
}

fn open(admin: &Admin, visit: &Visit) -> Result<Download, Problem> {
    let Run::Download(open) = &visit.operation.run else {
        return Err(Problem::no_such_path());
    };
    open(&visit.with(admin), &visit.asked)
}

fn write(download: Download, mut outlet: Outlet<'_>) {
    let format = download.format.into();
    let written = write_calls(download.calls, format, &mut outlet, |_| {});
    match written {
        Ok(()) => {
            // A client that is gone misses the end, too.
            let _ = outlet.end();
        }
        Err(CallsFileError::Read(_)) => {
            tracing::warn!("an export broke off: calls could not be read");
        }
        Err(CallsFileError::Write(_)) => {}
    }
}

/// What comes out of the thread, as a body: one that ends without being whole is cut off, so that nobody takes half
/// a file for all of it.
fn pieces(from: Receiver<Piece>) -> impl futures::Stream<Item = Result<Bytes, BrokenOff>> {
    unfold(Some(from), |from| async move {
        let mut from = from?;
        match from.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(from))),
            Some(Piece::End) => None,
            None => Some((Err(BrokenOff), None)),
        }
    })
}

/// Where the file is written to.
struct Outlet<'a> {
    to: Sender<Piece>,
    runtime: Handle,
    piece: Vec<u8>,
    api: &'a Api,
    admin: &'a Admin,
    visit: &'a Visit,
    looked_at: Instant,
}

impl Outlet<'_> {
    fn end(mut self) -> io::Result<()> {
        self.send_piece()?;
        self.hand_over(Piece::End)
    }

    fn send_piece(&mut self) -> io::Result<()> {
        if self.looked_at.elapsed() >= LOOK_AGAIN {
            self.looked_at = Instant::now();
            if !self.visit.is_still_known(self.api, self.admin) {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
        }
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.hand_over(Piece::Bytes(piece.into()))
    }

    fn hand_over(&self, piece: Piece) -> io::Result<()> {
        let sent = self.runtime.block_on(timeout(STALLED, self.to.send(piece)));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send_piece()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    /// Half a file never looks like a whole one.
    #[tokio::test]
    async fn a_file_that_is_not_whole_breaks_off() {
        for (is_whole, ended_well) in [(true, true), (false, false)] {
            let (to, from) = channel(WAITING);
            to.send(Piece::Bytes("a".into())).await.unwrap();
            if is_whole {
                to.send(Piece::End).await.unwrap();
            }
            drop(to);
            let read: Vec<_> = pieces(from).collect().await;
            assert!(read[0].is_ok());
            assert_eq!(read.iter().all(Result::is_ok), ended_well);
        }
    }

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(FileFormat::default().ending(), "csv");
        let kinds = FileFormat::ALL.map(FileFormat::kind);
        assert!(kinds.iter().all(|kind| HeaderValue::from_str(kind).is_ok()));
    }
}

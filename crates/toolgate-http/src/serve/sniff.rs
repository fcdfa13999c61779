use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::activity::Version;

/// How every HTTP/2 connection with prior knowledge begins (RFC 9113 section 3.4).
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes read so far, at most one preface, to be read again by the protocol that was found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Prefix {
    bytes: [u8; PREFACE.len()],
    start: usize,
    end: usize,
}

impl Prefix {
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn take(&mut self, at_most: usize) -> &[u8] {
        let start = self.start;
        self.start = self.end.min(start.saturating_add(at_most));
        &self.bytes[start..self.start]
    }
}

/// Tells HTTP/2 from HTTP/1 by a connection's first bytes.
///
/// It reads only until they differ from the preface, which is one read in practice. The caller sets
/// the time limit; hyper-util's detection has none (S-60).
pub(super) async fn sniff(io: &mut (impl AsyncRead + Unpin)) -> io::Result<(Version, Prefix)> {
    let mut prefix = Prefix::default();
    while prefix.end < PREFACE.len() {
        let read = io.read(&mut prefix.bytes[prefix.end..]).await?;
        prefix.end += read;
        let so_far = &prefix.bytes[..prefix.end];
        if read == 0 || !PREFACE.starts_with(so_far) {
            return Ok((Version::Http1, prefix));
        }
    }
    Ok((Version::Http2, prefix))
}

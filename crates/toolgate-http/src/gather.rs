use bytes::{Bytes, BytesMut};

/// Puts a body's frames together; a body of one frame is handed on as it came, without a copy.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    first: Bytes,
    joined: Option<BytesMut>,
}

/// Reserved at most before the bytes have arrived: a length is only a claim.
const RESERVE_MAX_BYTES: usize = 1024 * 1024;

impl Gather {
    pub(crate) fn len(&self) -> usize {
        self.joined.as_ref().map_or(self.first.len(), BytesMut::len)
    }

    /// Adds a frame; `announced` is the whole body's length if the sender gave one.
    pub(crate) fn push(&mut self, frame: Bytes, announced: Option<u64>) {
        if frame.is_empty() {
            return;
        }
        if let Some(joined) = &mut self.joined {
            joined.extend_from_slice(&frame);
        } else if self.first.is_empty() {
            self.first = frame;
        } else {
            let so_far = self.first.len() + frame.len();
            let expected = announced.and_then(|length| usize::try_from(length).ok());
            let mut joined = BytesMut::with_capacity(
                expected
                    .unwrap_or(2 * so_far)
                    .clamp(so_far, RESERVE_MAX_BYTES.max(so_far)),
            );
            joined.extend_from_slice(&self.first);
            joined.extend_from_slice(&frame);
            self.first = Bytes::new();
            self.joined = Some(joined);
        }
    }

    pub(crate) fn finish(self) -> Bytes {
        self.joined.map_or(self.first, BytesMut::freeze)
    }
}

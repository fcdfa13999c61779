//! A large result on its way from the server to the caller: masked, checked, never whole.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use toolgate_protocol::Revision;
use toolgate_protocol::stream::{Audience, NoPass, PassEnd, ResultPass};

use super::reader::ReadError;
use crate::credentials::{Credentials, OutputMask};

/// Up to this size an answer is collected. From here on it costs less to hand it on than to put it together and walk
/// through it again.
pub(crate) const HEAD: usize = 16 * 1024;

/// Which answer may be handed on as it comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Awaited {
    /// The id of the request.
    pub(crate) id: u64,
    /// What the server speaks.
    pub(crate) from: Revision,
}

/// What comes of a large result.
#[derive(Debug)]
pub(crate) enum Passed {
    Part(Bytes),
    Whole(PassEnd),
}

/// The result and what was made of it so far.
pub(crate) struct Large {
    mask: Box<dyn OutputMask>,
    pass: ResultPass,
    ready: VecDeque<Bytes>,
}

impl Large {
    /// Begins to hand an answer on to this client, of which `head` has come; `None` if it is not the one that is
    /// awaited, has to be seen as a whole, or cannot be masked on its way.
    pub(crate) fn begin(
        credentials: &Arc<dyn Credentials>,
        awaited: Awaited,
        head: Bytes,
        audience: Audience,
    ) -> Option<Self> {
        let mask = Arc::clone(credentials).message_mask()?;
        let mut large = Self {
            mask,
            pass: ResultPass::new(awaited.id, awaited.from, audience),
            ready: VecDeque::new(),
        };
        large.push(head).ok()?;
        large.pass.suits().then_some(large)
    }

    pub(crate) fn push(&mut self, chunk: Bytes) -> Result<(), ReadError> {
        // Masked before anything reads it (S-22).
        let masked = self.mask.push(chunk);
        self.check(&masked).map_err(|_| SPOILT)
    }

    pub(crate) fn next(&mut self) -> Option<Bytes> {
        self.ready.pop_front()
    }

    /// The answer is over: what is left of it, and its end.
    pub(crate) fn end(mut self) -> Result<(VecDeque<Bytes>, PassEnd), ReadError> {
        let rest = self.mask.pause();
        self.check(&rest).map_err(|_| SPOILT)?;
        let end = self.pass.end().map_err(|_| SPOILT)?;
        Ok((self.ready, end))
    }

    fn check(&mut self, masked: &Bytes) -> Result<(), NoPass> {
        let mut parts = Vec::new();
        self.pass.push(masked, &mut parts)?;
        self.ready.extend(parts);
        Ok(())
    }
}

const SPOILT: ReadError = ReadError::Protocol("a result that went wrong on its way");

impl std::fmt::Debug for Large {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Large").finish_non_exhaustive()
    }
}

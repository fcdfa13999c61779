//! Finding messages in streams of bytes, and putting them there: server-sent events and lines.
//!
//! Decoders are fed with `push` and asked with `next` until it has no more; they know no socket.

mod line;
mod sse;
mod sse_write;

pub use line::{LineDecoder, LineError, one_line};
pub use sse::{SseDecoder, SseError, SseEvent, SseFlow};
pub use sse_write::{SSE_KEEP_ALIVE, sse_begin, sse_end, sse_event, sse_named};

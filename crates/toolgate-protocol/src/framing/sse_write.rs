//! Server-sent events, written (P7.1, P7.2).

use bytes::Bytes;

/// A comment that keeps a stream open (P7.2).
pub const SSE_KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// An event without a type, as streamable HTTP wants it (P7.1); `data` is the text of one message.
pub fn sse_event(data: &[u8], id: Option<&str>) -> Bytes {
    let mut text = Vec::with_capacity(data.len() + id.map_or(0, str::len) + 16);
    push_field(&mut text, "id", id);
    push_data(&mut text, data);
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// An event with a type, as HTTP+SSE wants it (P7.1).
pub fn sse_named(event: &str, data: &[u8]) -> Bytes {
    let mut text = Vec::with_capacity(data.len() + event.len() + 24);
    push_field(&mut text, "event", Some(event));
    push_data(&mut text, data);
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// The begin of an event whose message comes in parts: its first part. Those between leave through [`one_line`](super::one_line).
pub fn sse_begin(first: &[u8]) -> Bytes {
    let mut text = Vec::with_capacity(first.len() + 8);
    push_data(&mut text, first);
    text.into()
}

/// The end of such an event: the last part of its message. An id stands behind it, so that nobody who has read less
/// takes the event for read.
pub fn sse_end(last: &[u8], id: Option<&str>) -> Bytes {
    let mut text = Vec::with_capacity(last.len() + id.map_or(0, str::len) + 8);
    push_on_line(&mut text, last);
    text.push(b'\n');
    push_field(&mut text, "id", id);
    text.push(b'\n');
    text.into()
}

fn push_field(text: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
}

fn push_data(text: &mut Vec<u8>, data: &[u8]) {
    text.extend_from_slice(b"data: ");
    push_on_line(text, data);
}

/// A line end between two tokens becomes a space (P7.1).
fn push_on_line(text: &mut Vec<u8>, data: &[u8]) {
    let from = text.len();
    text.extend_from_slice(data);
    if memchr::memchr2(b'\n', b'\r', data).is_some() {
        for byte in &mut text[from..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
}

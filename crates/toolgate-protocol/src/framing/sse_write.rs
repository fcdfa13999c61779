//! Server-sent events, written (P7.1, P7.2).

use bytes::Bytes;

use super::one_line;

/// A comment that keeps a stream open (P7.2).
pub const SSE_KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// An event without a type, as streamable HTTP wants it (P7.1); `data` is the text of one message.
pub fn sse_event(data: &[u8], id: Option<&str>) -> Bytes {
    let mut text = Vec::with_capacity(data.len() + id.map_or(0, str::len) + 16);
    push_field(&mut text, "id", id);
    push_data(&mut text, data);
    text.into()
}

/// An event with a type, as HTTP+SSE wants it (P7.1).
pub fn sse_named(event: &str, data: &[u8]) -> Bytes {
    let mut text = Vec::with_capacity(data.len() + event.len() + 24);
    push_field(&mut text, "event", Some(event));
    push_data(&mut text, data);
    text.into()
}

/// Like [`sse_event`] for a message that comes in parts, which are not copied.
pub fn sse_parts(message: impl IntoIterator<Item = Bytes>, id: Option<&str>) -> Vec<Bytes> {
    let mut head = Vec::new();
    push_field(&mut head, "id", id);
    head.extend_from_slice(b"data: ");
    let mut parts = vec![head.into()];
    parts.extend(message.into_iter().map(one_line));
    parts.push(Bytes::from_static(b"\n\n"));
    parts
}

fn push_field(text: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
}

/// The data on one line: a line end between two tokens becomes a space (P7.1).
fn push_data(text: &mut Vec<u8>, data: &[u8]) {
    text.extend_from_slice(b"data: ");
    let from = text.len();
    text.extend_from_slice(data);
    if memchr::memchr2(b'\n', b'\r', data).is_some() {
        for byte in &mut text[from..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    text.extend_from_slice(b"\n\n");
}

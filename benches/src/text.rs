//! The text that tools return, as it stands in JSON and as it reads.

/// What every answer's text starts with, followed by the call's nonce.
pub(crate) const MARK: &str = "answer to ";

/// What tools really return: JSON inside a JSON string, so about one byte in seven is escaped.
const ESCAPED: &str =
    "{\\\"id\\\":4711,\\\"name\\\":\\\"the quick brown fox\\\",\\\"ok\\\":true}\\n";
const PLAIN: &str = "{\"id\":4711,\"name\":\"the quick brown fox\",\"ok\":true}\n";

/// At least `length` bytes of JSON text.
pub(crate) fn escaped(length: usize) -> String {
    ESCAPED.repeat(times(length))
}

/// The same as it reads.
pub(crate) fn plain(length: usize) -> String {
    PLAIN.repeat(times(length))
}

fn times(length: usize) -> usize {
    length / ESCAPED.len() + 1
}

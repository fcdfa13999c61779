/// Follows the lines of an HTTP/1 head as its bytes come in, and spoils a line that ends in a bare LF.
///
/// hyper takes a bare LF for the end of a line, as it may; a proxy in front that takes it for part of a
/// value would see other headers than we do, which is how requests are smuggled (S-62). A NUL in its
/// place is a 400 everywhere.
#[derive(Debug, Default)]
pub(super) struct HeadLines {
    /// Bytes of the line so far.
    line: usize,
    /// Whether the last byte was a CR.
    after_cr: bool,
    begun: bool,
    over: bool,
}

impl HeadLines {
    /// Looks at the next bytes of the head, and past its end at none, and hands all of them on.
    pub(super) fn pass(&mut self, bytes: &[u8], mut hand_on: impl FnMut(&[u8])) {
        let (mut from, mut kept) = (0, 0);
        while !self.over && from < bytes.len() {
            let Some(length) = memchr::memchr(b'\n', &bytes[from..]) else {
                self.line += bytes.len() - from;
                self.after_cr = bytes.last() == Some(&b'\r');
                break;
            };
            let end = from + length;
            let after_cr = match length {
                0 => self.after_cr,
                _ => bytes[end - 1] == b'\r',
            };
            if !after_cr {
                hand_on(&bytes[kept..end]);
                hand_on(b"\0");
                kept = end + 1;
            }
            // An empty line ends the head, unless it stands in front of the request line.
            let empty = self.line + length <= 1;
            self.over = empty && self.begun;
            self.begun |= !empty;
            (self.line, self.after_cr) = (0, false);
            from = end + 1;
        }
        hand_on(&bytes[kept..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes as they are handed on, when they come in pieces of each size.
    #[track_caller]
    fn check(head: &str, expected: &str) {
        for size in 1..=head.len() {
            let (mut bytes, mut lines) = (Vec::new(), HeadLines::default());
            for piece in head.as_bytes().chunks(size) {
                lines.pass(piece, |handed| bytes.extend_from_slice(handed));
            }
            assert_eq!(String::from_utf8(bytes).unwrap(), expected, "by {size}");
        }
    }

    #[test]
    fn s62_bare_line_feeds_of_the_head_are_spoilt_and_those_of_the_body_are_not() {
        let plain = "POST / HTTP/1.1\r\nHost: a\r\n\r\n{\n\n}\r\n\n";
        check(plain, plain);
        let leading = "\r\n\r\nGET / HTTP/1.1\r\n\r\na\nb";
        check(leading, leading);
        check(
            "GET / HTTP/1.1\nHost: a\r\n\r\n\n",
            "GET / HTTP/1.1\0Host: a\r\n\r\n\n",
        );
        check(
            "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\0C: d\r\n\r\n",
        );
        check(
            "GET / HTTP/1.1\r\nA: b\r\n\nC",
            "GET / HTTP/1.1\r\nA: b\r\n\0C",
        );
        check("\nGET /\r\n", "\0GET /\r\n");
        check(
            "GET / HTTP/1.1\r\nA: b\r\r\n\r\n\n",
            "GET / HTTP/1.1\r\nA: b\r\r\n\r\n\n",
        );
    }
}

//! F-03: lines of a child process. Any chunk split gives the same lines, an overlong line is skipped up to its end
//! and the next one is read, and no more is held than one line.
//!
//! The first byte is the limit of a line, the second the size of the chunks.
#![no_main]

use toolgate_protocol::framing::LineDecoder;

libfuzzer_sys::fuzz_target!(|input: (u8, u8, &[u8])| {
    let (limit, size, stream) = (usize::from(input.0) + 1, usize::from(input.1) + 1, input.2);
    let whole = lines(stream, limit, stream.len() + 1);
    assert_eq!(lines(stream, limit, size), whole, "however it was cut");

    // What it must be: every whole line that fits, and one failure in the place of each that does not.
    let ended = stream
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    let expected = stream[..ended]
        .split_inclusive(|byte| *byte == b'\n')
        .filter_map(|line| {
            let line = &line[..line.len() - 1];
            if line.len() > limit {
                return Some(None);
            }
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            (!line.is_empty()).then(|| Some(line.to_vec()))
        });
    let mut expected: Vec<_> = expected.collect();
    // One that has no end yet is known to be too long as soon as it is.
    if stream.len() - ended > limit {
        expected.push(None);
    }
    assert_eq!(whole, expected, "it goes on behind an overlong line");
});

/// The lines, `None` for one that was too long.
fn lines(stream: &[u8], limit: usize, size: usize) -> Vec<Option<Vec<u8>>> {
    let (mut decoder, mut lines) = (LineDecoder::new(limit), Vec::new());
    for chunk in stream.chunks(size) {
        decoder.push(chunk);
        loop {
            match decoder.next() {
                Ok(Some(line)) => {
                    assert!(line.len() <= limit, "a line is no longer than its limit");
                    lines.push(Some(line.to_vec()));
                }
                Ok(None) => break,
                Err(_) => lines.push(None),
            }
        }
        assert!(
            decoder.held() <= limit,
            "held between chunks: {}",
            decoder.held()
        );
    }
    lines
}

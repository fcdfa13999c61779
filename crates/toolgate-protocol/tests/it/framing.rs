//! Streams of bytes to messages, however they are cut (P7.1–P7.3, P8.24, F-02, F-03).

use bytes::Bytes;
use proptest::prelude::*;
use toolgate_protocol::framing::{
    LineDecoder, LineError, SSE_KEEP_ALIVE, SseDecoder, SseError, SseEvent, one_line, sse_begin,
    sse_end, sse_event, sse_named,
};

use crate::text;

fn events(chunks: &[&[u8]], max: usize) -> (Vec<SseEvent>, Option<SseError>) {
    let mut decoder = SseDecoder::new(max);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        loop {
            match decoder.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

fn message(data: &'static str) -> SseEvent {
    SseEvent {
        data: data.into(),
        ..SseEvent::default()
    }
}

#[track_caller]
fn check(stream: &str, expected: &[SseEvent]) {
    assert_eq!(
        events(&[stream.as_bytes()], 1 << 20),
        (expected.to_vec(), None),
        "{stream:?}"
    );
    let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    assert_eq!(
        events(&bytes, 1 << 20),
        (expected.to_vec(), None),
        "{stream:?} byte by byte"
    );
}

/// P7.3, clause by clause.
#[test]
fn the_reader_follows_the_standard() {
    check("data: {}\n\n", &[message("{}")]);
    check("data: {}\r\n\r\n", &[message("{}")]);
    check("data: {}\r\r", &[message("{}")]);
    check("data: 1\r\ndata: 2\rdata: 3\n\n", &[message("1\n2\n3")]);
    check("\u{feff}data: {}\n\n", &[message("{}")]);
    check("data:{}\n\n", &[message("{}")]);
    check("data:  {}\n\n", &[message(" {}")]);
    check("data: ü→😀\n\n", &[message("ü→😀")]);
    check("data: a\ndata\ndata: b\n\n", &[message("a\n\nb")]);
    check(": comment\n\ndata: {}\n: another\n\n", &[message("{}")]);
    check("unknown: x\nnothing\n\ndata: {}\n\n", &[message("{}")]);
    check("data: {}\n", &[]); // Unfinished: the stream ends.
    check("data: {}", &[]);
    check("\n\n\r\n", &[]);
    check("data: a\n\ndata: b\n\n", &[message("a"), message("b")]);
    check("data: \u{feff}x\n\n", &[message("\u{feff}x")]);
    let full = SseEvent {
        id: Some("s.7".into()),
        event: Some("message".into()),
        data: "{}".into(),
        retry: Some(3000),
    };
    check(
        "event: message\nid: s.7\nretry: 3000\ndata: {}\n\n",
        &[full],
    );
    // Retry only if all digits; an id with NUL is none.
    for odd in [
        "retry: 3s\n\n",
        "retry: -1\n\n",
        "retry:\n\n",
        "retry: ٣\n\n",
        "id: a\0b\n\n",
    ] {
        check(odd, &[]);
    }
    let twice = SseEvent {
        id: Some("b".into()),
        ..SseEvent::default()
    };
    check("id: a\nid: b\n\n", std::slice::from_ref(&twice));
}

/// P7.3, P7.5: a priming event is no message, but its id counts.
#[test]
fn priming_events_surface() {
    let priming = SseEvent {
        id: Some("s.0".into()),
        retry: Some(3000),
        ..SseEvent::default()
    };
    check(
        "id: s.0\nretry: 3000\ndata:\n\ndata: {}\n\n",
        &[priming, message("{}")],
    );
}

#[test]
fn data_in_one_chunk_is_not_copied() {
    let chunk = Bytes::from("id: 1\ndata: {\"a\":1}\n\n");
    let mut decoder = SseDecoder::new(1 << 20);
    decoder.push_bytes(chunk.clone());
    let event = decoder.next().unwrap().unwrap();
    assert!(chunk.as_ptr_range().contains(&event.data.as_ptr()));
}

/// The limit holds for what is whole and for what never ends; afterwards the decoder stays broken.
/// A type may stand before the data, as most servers have it; what is no message is never given out in parts.
#[test]
fn the_data_of_a_message_may_flow() {
    for (head, flows) in [
        ("", true),
        ("id: 1\n", true),
        ("event: message\nid: 1\n", true),
        ("event: ping\n", false),
    ] {
        let mut decoder = SseDecoder::new(1 << 20);
        decoder.push(format!("{head}data: {{\"a\":").as_bytes());
        assert_eq!(decoder.next(), Ok(None));
        assert_eq!(
            decoder.begun(3),
            flows.then_some(&b"{\"a\":"[..]),
            "{head:?}"
        );
    }
}

#[test]
fn events_have_a_limit() {
    let error = Some(SseError { max: 32 });
    let fits = "data: 12345678901234567890\n\n"; // 26 bytes.
    let line = "data: 123456789012345678901234567\n\n"; // One line of 33 bytes.
    assert_eq!(events(&[fits.as_bytes()], 32).1, None);
    assert_eq!(events(&[line.as_bytes()], 32), (vec![], error));
    assert_eq!(events(&[&[b'x'; 33]], 32), (vec![], error));
    let (read, broken) = events(&[fits.as_bytes(), b"data: 1234567890\n", &[b'y'; 40]], 32);
    assert_eq!((read.len(), broken), (1, error));
    let many = "data: 1234567890\n".repeat(4);
    assert_eq!(events(&[many.as_bytes()], 32), (vec![], error));
    // Comments and separate events do not add up.
    let long = format!("{}{}", ": keep-alive\n\n".repeat(1000), fits.repeat(1000));
    assert_eq!(events(&[long.as_bytes()], 32).0.len(), 1000);

    let mut decoder = SseDecoder::new(4);
    decoder.push(b"data: 12345\n\n");
    assert!(decoder.next().is_err());
    decoder.push(b"\n\ndata:1\n\n");
    assert!(decoder.next().is_err());
}

/// P7.1, P7.2.
#[test]
fn events_are_written() {
    assert_eq!(text(sse_event(b"{}", None)), "data: {}\n\n");
    assert_eq!(text(sse_event(b"{}", Some("s.1"))), "id: s.1\ndata: {}\n\n");
    assert_eq!(
        text(sse_named("message", b"{}")),
        "event: message\ndata: {}\n\n"
    );
    assert_eq!(
        text(sse_event(b"{\n\"a\":\r\n1}", None)),
        "data: { \"a\":  1}\n\n"
    );
    for (id, end) in [(None, "}\n\n"), (Some("s.1"), "}\nid: s.1\n\n")] {
        assert_eq!(text(sse_begin(b"{\n")), "data: { ");
        assert_eq!(text(sse_end(b"}", id)), end);
    }
    assert!(SSE_KEEP_ALIVE.starts_with(b":") && SSE_KEEP_ALIVE.ends_with(b"\n\n"));
    assert_eq!(events(&[SSE_KEEP_ALIVE], 100), (vec![], None));
}

type Lines = Vec<Result<Bytes, LineError>>;

fn lines(chunks: &[&[u8]], max: usize) -> Lines {
    let mut decoder = LineDecoder::new(max);
    let mut lines = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(line) = decoder.next().transpose() {
            lines.push(line);
        }
    }
    lines
}

/// P8.24.
#[test]
fn lines_are_found() {
    let ok = |line: &'static str| Ok(Bytes::from(line));
    assert_eq!(
        lines(&[b"{}\n[]\r\n\n \n"], 100),
        [ok("{}"), ok("[]"), ok(" ")]
    );
    assert_eq!(lines(&[b"{", b"}", b"\r", b"\n", b"x"], 100), [ok("{}")]);
    assert_eq!(lines(&["ü\n".as_bytes()], 100), [ok("ü")]);
}

/// F-03: an overlong line is told once and skipped; the next one is read.
#[test]
fn the_reader_resynchronises_after_an_overlong_line() {
    let error = Err(LineError { max: 4 });
    let ok = |line: &'static str| Ok(Bytes::from(line));
    assert_eq!(
        lines(&[b"1234\n12345\n1234\n"], 4),
        [ok("1234"), error.clone(), ok("1234")]
    );
    assert_eq!(
        lines(&[b"12345", b"67890", b"1\nab\n"], 4),
        [error.clone(), ok("ab")]
    );
    assert_eq!(
        lines(&[b"12345678\n", b"12345678\n", b"a\n"], 4),
        [error.clone(), error, ok("a")]
    );
}

/// P8.24: messages are written without inner line ends.
#[test]
fn a_message_goes_on_one_line() {
    let plain = Bytes::from("{\"a\":1}");
    assert_eq!(one_line(plain.clone()).as_ptr(), plain.as_ptr());
    assert_eq!(
        one_line("{\n  \"a\":\r\n1}".into()),
        Bytes::from("{   \"a\":  1}")
    );
}

/// Pieces of an event stream, in and out of order.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("data: {\"a\":1}".as_bytes().to_vec()),
        Just("data:ü😀".as_bytes().to_vec()),
        Just("\u{feff}".as_bytes().to_vec()),
        Just(b"id: 7".to_vec()),
        Just(b"event: message".to_vec()),
        Just(b"retry: 30".to_vec()),
        Just(b": ping".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// `bytes` cut at these places.
fn cut<'b>(bytes: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// F-02.
    #[test]
    fn any_chunking_gives_the_same_events(
        stream in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        max in prop_oneof![Just(1_usize << 20), 8_usize..64],
    ) {
        prop_assert_eq!(events(&cut(&stream, &cuts), max), events(&[&stream], max));
    }

    /// F-03.
    #[test]
    fn any_chunking_gives_the_same_lines(
        stream in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        max in 1_usize..40,
    ) {
        prop_assert_eq!(lines(&cut(&stream, &cuts), max), lines(&[&stream], max));
    }

    /// F-03: every line that fits is read, each that does not is told once, and no more than a line is held.
    #[test]
    fn lines_are_what_stands_between_line_ends(
        stream in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), b'a'..b'e'], 0..200),
        size in 1_usize..50,
        max in 1_usize..20,
    ) {
        let mut decoder = LineDecoder::new(max);
        let mut read = Vec::new();
        for chunk in stream.chunks(size) {
            decoder.push(chunk);
            while let Some(line) = decoder.next().transpose() {
                read.push(line.ok());
            }
            prop_assert!(decoder.held() <= max);
        }
        let mut parts: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
        let open = parts.pop().unwrap_or_default();
        let fits = |line: &[u8]| (line.len() <= max).then(|| {
            Bytes::copy_from_slice(line.strip_suffix(b"\r").unwrap_or(line))
        });
        let mut expected: Vec<_> = parts.into_iter().map(fits).collect();
        expected.retain(|line| line.as_ref().is_none_or(|line| !line.is_empty()));
        // One without an end is known to be too long as soon as it is.
        expected.extend((open.len() > max).then_some(None));
        prop_assert_eq!(read, expected);
    }

    /// What is written is read back.
    #[test]
    fn written_events_are_read_back(data in "[ -~ü😀]{1,60}", id in "[a-z0-9.]{1,10}") {
        let written = [sse_event(data.as_bytes(), Some(&id)), sse_named("message", data.as_bytes())].concat();
        let (read, error) = events(&[&written], 1 << 20);
        prop_assert_eq!(error, None);
        prop_assert_eq!(read.len(), 2);
        prop_assert_eq!(&read[0].data[..], data.as_bytes());
        prop_assert_eq!(read[0].id.as_deref(), Some(id.as_str()));
        prop_assert_eq!(read[1].event.as_deref(), Some("message"));
    }
}

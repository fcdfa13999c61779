//! F-02: any chunk split of an event stream gives the same events.
#![no_main]
use toolgate_protocol::framing::{SseDecoder, SseError, SseEvent};

libfuzzer_sys::fuzz_target!(|input: (Vec<u8>, u8)| {
    let (stream, size) = input;
    assert_eq!(
        events(&stream, usize::from(size) + 1),
        events(&stream, stream.len() + 1)
    );
});

fn events(stream: &[u8], size: usize) -> (Vec<SseEvent>, Option<SseError>) {
    let (mut decoder, mut events) = (SseDecoder::new(64), Vec::new());
    for chunk in stream.chunks(size) {
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

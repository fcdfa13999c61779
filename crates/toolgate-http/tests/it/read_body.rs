//! S-60 and section 17: how a request's body is read.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use proptest::prelude::*;
use tokio::time::{Instant, sleep};
use toolgate_http::read_body;
use toolgate_http::serve::{BodyError, BodyPace};

type Chunks = StreamBody<stream::BoxStream<'static, Result<Frame<Bytes>, &'static str>>>;

/// A body whose chunks come `every` so often.
fn chunks(chunks: Vec<Bytes>, every: Duration) -> Chunks {
    let chunks = stream::iter(chunks).then(move |chunk| async move {
        if !every.is_zero() {
            sleep(every).await;
        }
        Ok(Frame::data(chunk))
    });
    StreamBody::new(chunks.boxed())
}

async fn read(body: Chunks, max: usize) -> Result<Bytes, BodyError> {
    read_body(body, None, max, BodyPace::default()).await
}

#[tokio::test]
async fn the_limit_holds_at_every_edge() {
    for (length, expected) in [(9, true), (10, true), (11, false)] {
        let whole = Bytes::from(vec![b'x'; length]);
        let whole = read(chunks(vec![whole], Duration::ZERO), 10).await;
        assert_eq!(whole.is_ok(), expected, "one chunk of {length}");
        let bytes = vec![Bytes::from_static(b"x"); length];
        let bytes = read(chunks(bytes, Duration::ZERO), 10).await;
        assert_eq!(bytes.is_ok(), expected, "{length} chunks");
    }
}

#[tokio::test]
async fn an_announced_length_is_refused_before_a_byte_is_read() {
    let never = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let refused = read_body(never, Some(11), 10, BodyPace::default())
        .await
        .unwrap_err();
    assert_eq!(refused, BodyError::TooLarge { max: 10 });
    assert_eq!(refused.status(), 413);
    assert!(
        refused.to_string().contains("10 bytes"),
        "the answer names the limit"
    );
}

#[tokio::test]
async fn a_body_of_one_frame_is_not_copied() {
    let sent = Bytes::from(vec![7; 4096]);
    let read = read_body(
        Full::new(sent.clone()),
        Some(4096),
        8192,
        BodyPace::default(),
    );
    assert_eq!(read.await.unwrap().as_ptr(), sent.as_ptr());
}

#[tokio::test]
async fn a_broken_body_is_an_error() {
    let broken = stream::iter([Ok(Frame::data(Bytes::from_static(b"{"))), Err("reset")]);
    let error = read(StreamBody::new(broken.boxed()), 100)
        .await
        .unwrap_err();
    assert_eq!((error, error.status().as_u16()), (BodyError::Broken, 400));
}

#[tokio::test(start_paused = true)]
async fn s60_a_body_that_stops_is_given_up_after_five_seconds() {
    let start = Instant::now();
    let stuck =
        stream::once(async { Ok(Frame::data(Bytes::from_static(b"{"))) }).chain(stream::pending());
    let error = read(StreamBody::new(stuck.boxed()), 100).await.unwrap_err();
    assert_eq!((error, error.status().as_u16()), (BodyError::TooSlow, 408));
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn s60_a_dripping_body_is_given_up_and_a_slow_one_is_not() {
    let start = Instant::now();
    let drip = chunks(vec![Bytes::from_static(b"x"); 1000], Duration::from_secs(1));
    assert_eq!(read(drip, 1 << 20).await, Err(BodyError::TooSlow));
    assert_eq!(start.elapsed(), Duration::from_secs(5));

    // 2 KiB/s, for longer than the grace.
    let start = Instant::now();
    let slow = chunks(
        vec![Bytes::from(vec![b'x'; 2048]); 20],
        Duration::from_secs(1),
    );
    assert_eq!(read(slow, 1 << 20).await.unwrap().len(), 20 * 2048);
    assert_eq!(start.elapsed(), Duration::from_secs(20));
}

proptest! {
    /// However a body is cut, the same bytes are read.
    #[test]
    fn cutting_changes_nothing(body: Vec<u8>, cuts: Vec<prop::sample::Index>) {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        places.extend([0, body.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|ends| Bytes::copy_from_slice(&body[ends[0]..ends[1]])).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let read = runtime.block_on(read(chunks(pieces, Duration::ZERO), body.len()));
        prop_assert_eq!(read.unwrap(), body);
    }
}

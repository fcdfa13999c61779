use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::CONTENT_LENGTH;
use hyper::{HeaderMap, StatusCode};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::gather::Gather;

/// Why a request's body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than the limit, or says it will be.
    #[error("reading the request body: it is longer than {max} bytes")]
    TooLarge {
        /// The limit that was passed.
        max: usize,
    },
    /// It came more slowly than [`BodyPace`] asks.
    #[error("reading the request body: it arrived too slowly")]
    TooSlow,
    /// The client went away or its framing broke.
    #[error("reading the request body: it broke off")]
    Broken,
}

impl BodyError {
    /// The status that tells the client: 413, 408 or 400.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// How fast a body must come (S-60): `bytes_per_second` on average once `grace` is over.
#[derive(Clone, Copy, Debug)]
pub struct BodyPace {
    /// Nothing is asked during this time. 5 s.
    pub grace: Duration,
    /// Average rate after it. 1 KiB/s.
    pub bytes_per_second: u32,
}

impl Default for BodyPace {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(5),
            bytes_per_second: 1024,
        }
    }
}

impl BodyPace {
    /// How long a body may take that has brought `received` bytes so far.
    fn allowance(&self, received: usize) -> Duration {
        let seconds = received as u64 / u64::from(self.bytes_per_second.max(1));
        self.grace + Duration::from_secs(seconds)
    }
}

/// Reads a whole body of at most `max` bytes (S-60, section 17).
///
/// A body that came as one frame, which is every small one, is handed on without a copy and
/// without a timer. A `content_length` over the limit is refused before a byte is read.
/// Dropping the future abandons the body; its connection is closed after the reply.
pub async fn read_body<B>(
    body: B,
    content_length: Option<u64>,
    max: usize,
    pace: BodyPace,
) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
{
    if content_length.is_some_and(|length| length > max as u64) {
        return Err(BodyError::TooLarge { max });
    }
    let mut body = pin!(body);
    let mut gather = Gather::default();
    let mut pacer = Pacer::new(pace);
    while let Some(frame) = pacer.next(body.as_mut(), gather.len()).await? {
        // Trailers carry nothing we want.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > max - gather.len() {
            return Err(BodyError::TooLarge { max });
        }
        gather.push(data, content_length);
    }
    Ok(gather.finish())
}

/// The length a request announces, if it has a readable one.
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Waits for frames, with a timer only once a frame is late: most bodies are there at once.
struct Pacer {
    pace: BodyPace,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Pacer {
    fn new(pace: BodyPace) -> Self {
        Self { pace, timer: None }
    }

    async fn next<B: Body<Data = Bytes>>(
        &mut self,
        mut body: Pin<&mut B>,
        received: usize,
    ) -> Result<Option<Frame<Bytes>>, BodyError> {
        std::future::poll_fn(|cx| match body.as_mut().poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(frame.transpose().map_err(|_| BodyError::Broken)),
            Poll::Pending => self.poll_late(cx, received).map(Err),
        })
        .await
    }

    fn poll_late(&mut self, cx: &mut Context<'_>, received: usize) -> Poll<BodyError> {
        let allowance = self.pace.allowance(received);
        let (start, timer) = self.timer.get_or_insert_with(|| {
            let start = Instant::now();
            (start, Box::pin(sleep_until(start + allowance)))
        });
        let deadline = *start + allowance;
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx).map(|()| BodyError::TooSlow)
    }
}

//! The general stream of a legacy session: notices that belong to no call (P8.7).

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use tokio::task::AbortHandle;
use toolgate_protocol::{Message, Revision};

use super::link::{HttpLink, LAST_EVENT_ID, Outgoing};
use super::reader::{Media, Place, Reader, media};
use crate::dialogue::{notice, pong, refusal};
use crate::notice::Notice;

/// Longest pause between two attempts to open the stream again.
const MOST_PAUSE: Duration = Duration::from_secs(30);

/// Starts reading the general stream; `None` when there is no runtime to do it.
pub(crate) fn spawn(
    link: &Arc<HttpLink>,
    headers: &HeaderMap,
    revision: Revision,
) -> Option<AbortHandle> {
    let task = listen(Arc::clone(link), headers.clone(), revision);
    // Owned by the session, which aborts it when it ends.
    let runtime = tokio::runtime::Handle::try_current().ok()?;
    Some(runtime.spawn(task).abort_handle())
}

/// Reads until the server says that it has no such stream, or no such session.
async fn listen(link: Arc<HttpLink>, headers: HeaderMap, revision: Revision) {
    let mut place = Place::default();
    let mut pause = place.retry();
    let mut opened_before = false;
    loop {
        match open(&link, &headers, revision, place.clone()).await {
            Opened::Stream(mut reader) => {
                if opened_before && place.last_event_id().is_none() {
                    // What happened meanwhile is not known (P9.41).
                    link.shared().tell(Notice::Reconnected);
                }
                opened_before = true;
                read(&link, &headers, &mut reader).await;
                place = reader.place().clone();
                pause = place.retry();
            }
            Opened::Never => return,
            Opened::Later => pause = (pause * 2).min(MOST_PAUSE),
        }
        tokio::time::sleep(pause).await;
    }
}

enum Opened {
    Stream(Box<Reader>),
    /// The server has no such stream (405 is normal), or the session is over.
    Never,
    Later,
}

async fn open(link: &HttpLink, headers: &HeaderMap, revision: Revision, place: Place) -> Opened {
    let mut headers = headers.clone();
    if let Some(id) = place
        .last_event_id()
        .and_then(|id| HeaderValue::from_str(id).ok())
    {
        headers.insert(LAST_EVENT_ID, id);
    }
    let Ok(response) = link.send(Outgoing::get(headers)).await else {
        return Opened::Later;
    };
    if response.status().is_server_error() {
        return Opened::Later;
    }
    if !response.status().is_success() || media(response.headers()) != Media::EventStream {
        return Opened::Never;
    }
    Reader::new(response, revision).map_or(Opened::Never, |reader| {
        Opened::Stream(Box::new(reader.resuming(place)))
    })
}

async fn read(link: &Arc<HttpLink>, headers: &HeaderMap, reader: &mut Reader) {
    while let Ok(Some(message)) = reader.next().await {
        match message {
            Message::Notification(notification) => match notice(&notification) {
                Some(notice) => link.shared().tell(notice),
                // Logs without a call reach nobody: their owner is not known (P9.36).
                None => link.shared().count_dropped(),
            },
            Message::Request(request) => {
                // Questions outside a call have no client behind them (P11.10).
                let answer = match &*request.method {
                    "ping" => pong(&request.id),
                    _ => refusal(&request.id),
                };
                link.courtesy(Outgoing::post(headers.clone(), answer)).await;
            }
            Message::Response(_) => link.shared().count_dropped(),
        }
    }
}

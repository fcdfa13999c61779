//! What a server says to one client session outside any call: logs, completions, questions (P9.36, P11.24).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;
use toolgate_namespace::Prefix;
use toolgate_protocol::mcp::{Question as Asked, question_for_client};
use toolgate_protocol::{Era, Object, Outcome, RpcError, codes, write};
use toolgate_router::Link;
use toolgate_upstream::{Answer, Origin, Question};

use super::{Hub, Mailbox};
use crate::links;
use crate::logger::with_logger;

/// How long a question waits for the client to open its general stream (P11.24).
const STREAM: Duration = Duration::from_secs(10);
/// How often it is tried.
const TRY: Duration = Duration::from_millis(100);
/// How long the client may take (section 12).
const PATIENCE: Duration = Duration::from_mins(10);

/// A log that belongs to no call.
pub(crate) fn log(hub: &Hub, link: &Link, params: &Object, origin: &Origin) {
    let params = with_logger(params, link.spec());
    send(hub, "notifications/message", &params, origin);
}

/// A URL elicitation that was completed.
pub(crate) fn completed(hub: &Hub, params: &Object, origin: &Origin) {
    let method = "notifications/elicitation/complete";
    send(hub, method, params.bytes(), origin);
}

/// To the general stream of the session it happened in; dropped where none is open (P6.11).
fn send(hub: &Hub, method: &str, params: &Bytes, origin: &Origin) {
    if let Some(mailbox) = mailbox_of(hub, origin) {
        mailbox.send(write::notification(method, Some(params)));
    }
}

fn mailbox_of(hub: &Hub, origin: &Origin) -> Option<Arc<Mailbox>> {
    hub.session(origin.session.as_deref()?)
}

/// Asks the client of a session on its general stream. Dropping the question says that nobody could be asked.
pub(crate) async fn ask(hub: Arc<Hub>, link: Arc<Link>, question: Question) {
    let Some(mailbox) = mailbox_of(&hub, &question.origin) else {
        return;
    };
    let spec = link.spec();
    let slug = (spec.prefix == Prefix::Slug).then(|| spec.slug.as_str());
    let asked = Asked {
        method: question.method,
        params: question.params,
    };
    if !links::may_show(&asked) {
        return;
    }
    let shown = question_for_client(&asked, Era::Legacy, Era::Legacy, slug, "");
    let questions = &mailbox.owner().questions;
    let (to, mut replies) = mpsc::channel(1);
    let Some(id) = questions.open(&to) else {
        return;
    };
    let message = id.request(&shown.method, shown.params.bytes());
    if !delivered(&mailbox, &message).await {
        questions.close(id);
        return;
    }
    let answer = match tokio::time::timeout(PATIENCE, replies.recv()).await {
        Ok(Some((_, Outcome::Result(result)))) => Answer::Result(result),
        Ok(Some((_, Outcome::Error(error)))) => Answer::Error(error),
        Ok(None) | Err(_) => {
            questions.close(id);
            mailbox.send(id.withdrawal());
            let what = "the client did not answer in time";
            Answer::Error(RpcError::new(codes::INTERNAL_ERROR, what))
        }
    };
    // The server may be gone.
    let _ = question.answer.send(answer);
}

/// Puts a message on the general stream, waiting a while for the client to open one.
async fn delivered(mailbox: &Mailbox, message: &Bytes) -> bool {
    let until = Instant::now() + STREAM;
    while !mailbox.send(message.clone()) {
        if Instant::now() >= until {
            return false;
        }
        tokio::time::sleep(TRY).await;
    }
    true
}

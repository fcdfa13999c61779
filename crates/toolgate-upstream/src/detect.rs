//! Which era and transport a server speaks (P8.1, P8.3).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use toolgate_namespace::{EraSetting, HttpKind};
use toolgate_protocol::mcp::{InvalidSnapshot, ServerSnapshot};
use toolgate_protocol::{
    Era, Json, JsonKind, Message, Object, Outcome, RequestId, Response, Revision, RpcError, codes,
};

use crate::error::{Trouble, UpstreamError, UpstreamErrorKind};
use crate::http::answer::{Posted, Refusal, is_modern_code, refused, unreadable};
use crate::http::legacy::Legacy;
use crate::http::link::HttpLink;
use crate::http::modern::Modern;
use crate::http::old::HttpSse;
use crate::http::reader::ReadError;
use crate::list::own_call;
use crate::route::Route;
use crate::shared::Shared;
use crate::stdio::Stdio;

/// How long `server/discover` may take over HTTP.
const PROBE: Duration = Duration::from_secs(5);
/// How long opening a legacy way may take while looking for one.
const OPEN: Duration = Duration::from_secs(15);

/// What a server's reaction to `server/discover` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    Modern,
    Legacy,
    /// It has no revision that we speak.
    Stranger,
}

/// What the result of `server/discover` shows (P8.1 steps 1 and 6).
pub(crate) fn judge_result(shared: &Shared, result: &Json) -> Evidence {
    let snapshot = ServerSnapshot::from_discover(result);
    if let Ok(snapshot) = &snapshot {
        shared.tell_snapshot(snapshot);
    }
    judge_snapshot(result, snapshot.as_ref().map(drop))
}

fn judge_snapshot(result: &Json, snapshot: Result<(), &InvalidSnapshot>) -> Evidence {
    match snapshot {
        Ok(()) => Evidence::Modern,
        Err(InvalidSnapshot::NoCommonRevision) => {
            judge_versions(result.object().as_ref(), "supportedVersions")
        }
        Err(InvalidSnapshot::Member(_)) => Evidence::Legacy,
    }
}

/// What an error in answer to `server/discover` shows (P8.1 steps 2, 5 and 6).
pub(crate) fn judge_error(error: &RpcError) -> Evidence {
    if error.code == codes::UNSUPPORTED_VERSION {
        let data = error.data.as_ref().and_then(Json::object);
        return judge_versions(data.as_ref(), "supported");
    }
    if is_modern_code(error.code) {
        // A modern server that dislikes how we ask: that is a fault of ours, not of another era.
        tracing::warn!(code = error.code, "a modern server refused server/discover");
        return Evidence::Modern;
    }
    Evidence::Legacy
}

/// The best era among the versions that a server names.
fn judge_versions(holder: Option<&Object>, member: &str) -> Evidence {
    let versions = holder
        .and_then(|object| object.get(member))
        .and_then(|list| list.array());
    let known = versions.unwrap_or_default();
    let known = known.iter().filter(|v| v.kind() == JsonKind::String);
    match known
        .filter_map(|v| Revision::parse(&v.text()?))
        .max()
        .map(Revision::era)
    {
        Some(Era::Modern) => Evidence::Modern,
        Some(Era::Legacy) => Evidence::Legacy,
        None => Evidence::Stranger,
    }
}

/// The way to a server at a URL, and the revision it speaks.
pub(crate) async fn http(
    link: &Arc<HttpLink>,
    kind: HttpKind,
) -> Result<(Route, Revision), Trouble> {
    let era = link.shared().spec.era;
    if era == EraSetting::Modern {
        return Ok((
            Route::Modern(Modern::new(Arc::clone(link))),
            Revision::LATEST,
        ));
    }
    if kind == HttpKind::Sse {
        return old(link).await;
    }
    if era == EraSetting::Auto {
        match probe_http(link).await? {
            Evidence::Modern => {
                return Ok((
                    Route::Modern(Modern::new(Arc::clone(link))),
                    Revision::LATEST,
                ));
            }
            Evidence::Legacy => {}
            Evidence::Stranger => return Err(stranger(link.shared()).into()),
        }
    }
    legacy(link, kind).await
}

fn stranger(shared: &Shared) -> UpstreamError {
    shared.not_sent(UpstreamErrorKind::Protocol(
        "it speaks no revision that we speak",
    ))
}

/// Steps 1 to 6: what comes back for `server/discover`.
async fn probe_http(link: &Arc<HttpLink>) -> Result<Evidence, Trouble> {
    let shared = link.shared();
    match timeout(PROBE, discover(link)).await {
        Ok(outcome) => outcome.map_err(Trouble::Failed),
        // Silence is no evidence (step 4).
        Err(_) => Err(shared.not_sent(UpstreamErrorKind::TimedOut).into()),
    }
}

async fn discover(link: &Arc<HttpLink>) -> Result<Evidence, UpstreamError> {
    let shared = link.shared();
    let modern = Modern::new(Arc::clone(link));
    let call = own_call("server/discover", Object::empty(), Instant::now() + PROBE);
    let id = modern.next_id();
    let response = link.send(modern.outgoing(id, &call, None)?).await?;
    let mut reader = match Posted::read(shared, response, Revision::LATEST).await {
        Ok(Posted::Answer(reader)) => reader,
        Ok(Posted::Refused(refusal)) => return judge_refusal(shared, &refusal),
        Err(error) => return no_message(shared, error),
    };
    loop {
        match reader.next().await {
            Ok(Some(Message::Response(Response {
                id: answered,
                outcome,
            }))) if answered
                .as_ref()
                .and_then(RequestId::as_u64)
                .is_none_or(|n| n == id) =>
            {
                return Ok(match outcome {
                    Outcome::Result(result) => judge_result(shared, &result),
                    Outcome::Error(error) => judge_error(&error),
                });
            }
            Ok(Some(_)) => shared.count_dropped(),
            Ok(None) => return Ok(Evidence::Legacy),
            Err(error) => return no_message(shared, error),
        }
    }
}

/// A broken connection is no evidence; a body that is not MCP is (step 6).
fn no_message(shared: &Shared, error: ReadError) -> Result<Evidence, UpstreamError> {
    match error {
        ReadError::Broken => Err(unreadable(shared, error)),
        ReadError::Protocol(_) => Ok(Evidence::Legacy),
    }
}

fn judge_refusal(shared: &Shared, refusal: &Refusal) -> Result<Evidence, UpstreamError> {
    if refusal.is_modern()
        && let Some(error) = &refusal.error
    {
        return Ok(judge_error(error));
    }
    let status = refusal.status;
    let no_evidence = !status.is_client_error() || matches!(status.as_u16(), 401 | 403 | 408 | 429);
    if no_evidence {
        Err(refused(shared, status))
    } else {
        Ok(Evidence::Legacy)
    }
}

/// Steps 6 and 7: `initialize`, and if that is not served there, the transport of 2024-11-05.
async fn legacy(link: &Arc<HttpLink>, kind: HttpKind) -> Result<(Route, Revision), Trouble> {
    let legacy = Legacy::new(Arc::clone(link));
    let own = own_call("initialize", Object::empty(), Instant::now() + OPEN);
    let error = match legacy.session(&own).await {
        Ok(lease) => {
            let revision = lease.value.revision();
            drop(lease);
            return Ok((Route::Legacy(legacy), revision));
        }
        Err(error) => error,
    };
    let not_here = match &error {
        Trouble::WrongEra(e) => matches!(e.kind, UpstreamErrorKind::Refused(400 | 404 | 405)),
        Trouble::Failed(_) => false,
    };
    if kind != HttpKind::Auto || !not_here {
        return Err(Trouble::Failed(error.into_error()));
    }
    match old(link).await {
        Ok(found) => Ok(found),
        // What the newer transport said is what the operator can act on.
        Err(_) => Err(Trouble::Failed(error.into_error())),
    }
}

async fn old(link: &Arc<HttpLink>) -> Result<(Route, Revision), Trouble> {
    let sse = HttpSse::new(Arc::clone(link));
    let own = own_call("initialize", Object::empty(), Instant::now() + OPEN);
    let revision = sse.conversation(&own).await?.value.revision();
    Ok((Route::Sse(sse), revision))
}

/// The way to a child process. An unknown era is probed in a process of its own, since servers exit,
/// hang or answer garbage on a request before `initialize` (P8.3).
pub(crate) async fn stdio(
    shared: &Arc<Shared>,
    argv: &[String],
) -> Result<(Route, Revision), Trouble> {
    let era = match shared.spec.era {
        EraSetting::Modern => Era::Modern,
        EraSetting::Legacy => Era::Legacy,
        EraSetting::Auto => match Stdio::new(shared, argv, Era::Modern).probe().await? {
            Evidence::Modern => Era::Modern,
            Evidence::Legacy => Era::Legacy,
            Evidence::Stranger => return Err(stranger(shared).into()),
        },
    };
    let stdio = Stdio::new(shared, argv, era);
    let own = own_call("initialize", Object::empty(), Instant::now() + OPEN);
    match stdio.revive(&own).await {
        Ok(lease) => {
            let revision = lease.value.revision();
            drop(lease);
            Ok((Route::Stdio(stdio), revision))
        }
        // Slow to start, it was silent when probed, and its first words are that it is modern.
        Err(Trouble::WrongEra(_)) if shared.spec.era == EraSetting::Auto && era == Era::Legacy => {
            let modern = Stdio::new(shared, argv, Era::Modern);
            Ok((Route::Stdio(modern), Revision::LATEST))
        }
        Err(trouble) => Err(Trouble::Failed(trouble.into_error())),
    }
}

#[cfg(test)]
mod tests {
    use toolgate_protocol::JsonLimits;

    use super::*;

    fn json(text: &'static str) -> Json {
        Json::parse(text.into(), &JsonLimits::UPSTREAM).unwrap()
    }

    #[track_caller]
    fn check_error(code: i64, data: Option<&'static str>, expected: Evidence) {
        let mut error = RpcError::new(code, "no");
        error.data = data.map(json);
        assert_eq!(judge_error(&error), expected, "{code} {data:?}");
    }

    #[test]
    fn p8_1_errors_show_the_era() {
        check_error(
            -32022,
            Some(r#"{"supported":["2026-07-28"]}"#),
            Evidence::Modern,
        );
        check_error(
            -32022,
            Some(r#"{"supported":["2030-01-01","2026-07-28"]}"#),
            Evidence::Modern,
        );
        check_error(
            -32022,
            Some(r#"{"supported":["2025-11-25"]}"#),
            Evidence::Legacy,
        );
        check_error(
            -32022,
            Some(r#"{"supported":["2030-01-01"]}"#),
            Evidence::Stranger,
        );
        check_error(-32022, None, Evidence::Stranger);
        check_error(-32020, None, Evidence::Modern);
        check_error(-32021, None, Evidence::Modern);
        for code in [-32601, -32600, -32602, -32000, -32001, -32603, -32042, 7] {
            check_error(code, None, Evidence::Legacy);
        }
    }

    #[test]
    fn p8_1_results_show_the_era() {
        let judge_result = |result: &Json| {
            judge_snapshot(
                result,
                ServerSnapshot::from_discover(result).as_ref().map(drop),
            )
        };
        let modern = r#"{"supportedVersions":["2026-07-28"],"capabilities":{},"serverInfo":{"name":"a","version":"1"}}"#;
        assert_eq!(judge_result(&json(modern)), Evidence::Modern);
        assert_eq!(judge_result(&json(r#"{"ok":true}"#)), Evidence::Legacy);
        assert_eq!(judge_result(&json("[]")), Evidence::Legacy);
    }
}

//! Era and transport, found out and corrected.

use toolgate_namespace::{EraSetting, HttpKind, ServerSpec, Transport};
use toolgate_protocol::Revision;
use toolgate_testkit::{Running, Script, Server};
use toolgate_upstream::{Delivery, UpstreamErrorKind, Verdict};

use crate::support::{Fixed, Rig, http_spec, patient, stdio_spec};

async fn verdict(server: Server) -> (Revision, HttpKind) {
    let server = server.tool("t", "fine").start().await;
    let rig = Rig::over(&server);
    assert_eq!(rig.text("t").await, "fine");
    let verdict = rig.verdict().unwrap();
    assert_eq!(verdict.fingerprint, server.url());
    assert_eq!(
        rig.notices()
            .iter()
            .filter(|n| matches!(n, toolgate_upstream::Notice::Verdict(_)))
            .count(),
        1
    );
    (verdict.revision, verdict.http)
}

#[tokio::test]
async fn p8_1_each_kind_of_server_is_recognised() {
    let streamable = HttpKind::Streamable;
    assert_eq!(
        verdict(Server::new()).await,
        (Revision::V2025_11_25, streamable)
    );
    assert_eq!(
        verdict(Server::new().stateless()).await,
        (Revision::V2025_11_25, streamable)
    );
    assert_eq!(
        verdict(Server::new().version("2025-06-18")).await,
        (Revision::V2025_06_18, streamable)
    );
    assert_eq!(
        verdict(Server::new().modern()).await,
        (Revision::V2026_07_28, streamable)
    );
    assert_eq!(
        verdict(Server::new().both()).await,
        (Revision::V2026_07_28, streamable)
    );
    assert_eq!(
        verdict(Server::new().http_sse()).await,
        (Revision::V2024_11_05, HttpKind::Sse)
    );
}

#[tokio::test]
async fn p8_1_step_4_some_answers_are_no_evidence() {
    for status in [401, 403, 429, 500, 503] {
        let server = Server::new().refuse(status, "").start().await;
        let rig = Rig::over(&server);
        let error = rig.upstream.contact().await.unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::Refused(status));
        assert_eq!(server.requests_for("initialize").len(), 0);
        assert_eq!(rig.verdict(), None);
    }
}

#[tokio::test]
async fn p8_1_step_7_an_address_without_mcp_says_what_it_said() {
    let server = Server::new().refuse(404, "<html>").start().await;
    let rig = Rig::over(&server);
    let error = rig.upstream.contact().await.unwrap_err();
    assert_eq!(error.kind, UpstreamErrorKind::Refused(404));
    assert!(error.hint().unwrap().contains("path"));
    // It was tried in all three ways.
    assert_eq!(server.requests_for("server/discover").len(), 1);
    assert_eq!(server.requests_for("initialize").len(), 1);
    assert!(server.requests().iter().any(|r| r.method == "GET"));
}

#[tokio::test]
async fn an_unknown_future_is_an_error_not_legacy() {
    let server = Server::new()
        .modern()
        .modern_versions(&["2031-01-01"])
        .start()
        .await;
    let error = Rig::over(&server).upstream.contact().await.unwrap_err();
    assert!(
        matches!(error.kind, UpstreamErrorKind::Protocol(_)),
        "{error}"
    );
}

fn forced(server: &Running, era: EraSetting, http: HttpKind) -> Rig {
    let spec = http_spec(server.url(), &server.origin());
    let transport = Transport::Http {
        url: server.url().to_owned(),
        http,
    };
    Rig::with(ServerSpec {
        era,
        transport,
        ..spec
    })
}

#[tokio::test]
async fn settings_win_over_probing() {
    let server = Server::new().both().tool("t", "x").start().await;
    let rig = forced(&server, EraSetting::Legacy, HttpKind::Streamable);
    assert_eq!(rig.text("t").await, "x");
    assert_eq!(server.requests_for("server/discover").len(), 0);
    let server = Server::new().both().tool("t", "x").start().await;
    let rig = forced(&server, EraSetting::Modern, HttpKind::Auto);
    assert_eq!(rig.text("t").await, "x");
    assert_eq!(server.requests_for("server/discover").len(), 0);
    assert_eq!(server.requests_for("initialize").len(), 0);
    let server = Server::new().http_sse().tool("t", "x").start().await;
    let rig = forced(&server, EraSetting::Auto, HttpKind::Sse);
    assert_eq!(rig.text("t").await, "x");
    assert_eq!(server.requests()[0].method, "GET");
}

#[tokio::test]
async fn a_forced_era_is_never_left() {
    let server = Server::new().modern().tool("t", "x").start().await;
    let rig = forced(&server, EraSetting::Legacy, HttpKind::Streamable);
    rig.call("t").await.unwrap_err();
    assert_eq!(server.requests_for("server/discover").len(), 0);
}

fn stored(server: &Running, revision: Revision) -> Verdict {
    let fingerprint = server.url().to_owned();
    Verdict {
        revision,
        http: HttpKind::Streamable,
        fingerprint,
    }
}

fn with_verdict(server: &Running, verdict: Verdict) -> Rig {
    Rig::build(
        http_spec(server.url(), &server.origin()),
        Fixed::default(),
        Some(verdict),
    )
}

#[tokio::test]
async fn p8_2_a_stored_verdict_spares_the_probe() {
    let server = Server::new().tool("t", "x").start().await;
    let rig = with_verdict(&server, stored(&server, Revision::V2025_11_25));
    assert_eq!(rig.text("t").await, "x");
    assert_eq!(server.requests_for("server/discover").len(), 0);
    assert_eq!(rig.verdict(), None);
}

#[tokio::test]
async fn p8_2_a_verdict_for_another_address_is_not_used() {
    let server = Server::new().tool("t", "x").start().await;
    let mut verdict = stored(&server, Revision::V2025_11_25);
    verdict.fingerprint = "https://example.com/mcp".to_owned();
    let rig = with_verdict(&server, verdict);
    assert_eq!(rig.text("t").await, "x");
    assert_eq!(server.requests_for("server/discover").len(), 1);
}

#[tokio::test]
async fn p8_2_a_wrong_verdict_is_corrected_within_the_call() {
    // Thought to be modern, is legacy: with sessions (400) and without (-32601 on an unknown method).
    let server = Server::new().tool("t", "x").start().await;
    let rig = with_verdict(&server, stored(&server, Revision::V2026_07_28));
    assert_eq!(rig.text("t").await, "x");
    assert_eq!(rig.verdict().unwrap().revision, Revision::V2025_11_25);
    assert_eq!(server.calls("t"), 2);

    // Thought to be legacy, is modern.
    let server = Server::new().modern().tool("t", "x").start().await;
    let rig = with_verdict(&server, stored(&server, Revision::V2025_11_25));
    assert_eq!(rig.text("t").await, "x");
    assert_eq!(rig.verdict().unwrap().revision, Revision::V2026_07_28);
    assert_eq!(server.calls("t"), 1);
}

#[tokio::test]
async fn p8_19_a_call_refused_for_its_version_is_made_again_in_a_common_one() {
    let server = Server::new()
        .both()
        .modern_versions(&["2025-11-25"])
        .tool("t", "x");
    let server = server.start().await;
    let rig = with_verdict(&server, stored(&server, Revision::V2026_07_28));
    assert_eq!(rig.text("t").await, "x");
    assert_eq!(server.calls("t"), 2, "refused once, then answered");
    assert_eq!(rig.verdict().unwrap().revision, Revision::V2025_11_25);
    assert_eq!(rig.text("t").await, "x");
    assert_eq!(server.calls("t"), 3, "the new verdict stays");
}

#[tokio::test]
async fn p8_19_without_a_common_version_the_call_is_not_made_again() {
    let server = Server::new()
        .modern()
        .modern_versions(&["2031-01-01"])
        .tool("t", "x");
    let server = server.start().await;
    let rig = with_verdict(&server, stored(&server, Revision::V2026_07_28));
    let error = rig.call("t").await.unwrap_err();
    assert_eq!(error.outcome, Delivery::NotSent, "{error}");
    assert_eq!(server.calls("t"), 1);
}

#[tokio::test]
async fn p8_2_a_server_that_forgot_discover_is_probed_again() {
    let server = Server::new().stateless().tool("t", "x").start().await;
    let rig = with_verdict(&server, stored(&server, Revision::V2026_07_28));
    let snapshot = rig.upstream.contact().await.unwrap();
    assert_eq!(snapshot.revision, Revision::V2025_11_25);
    assert_eq!(rig.text("t").await, "x");
}

#[tokio::test]
async fn one_probe_serves_all_who_wait() {
    let server = Server::new()
        .stateless()
        .tool("t", Script::new().text("x"))
        .start()
        .await;
    let rig = Rig::over(&server);
    let texts = futures::future::join_all((0..16).map(|_| rig.text("t"))).await;
    assert_eq!(texts.len(), 16);
    assert_eq!(server.requests_for("server/discover").len(), 1);
}

#[tokio::test]
async fn a_failed_probe_is_tried_again_later() {
    let server = Server::new()
        .require_header("x-key", "right")
        .tool("t", "x")
        .start()
        .await;
    let rig = Rig::over(&server);
    rig.call("t").await.unwrap_err();
    rig.call("t").await.unwrap_err();
    assert_eq!(server.requests_for("server/discover").len(), 2);
}

/// Behaviour 21: what is no evidence decides nothing, and a verdict follows the server when it changes.
#[tokio::test]
async fn behaviour_21_p8_1_the_era_is_found_out_however_the_server_begins() {
    for (flags, revision) in [
        (&["--exit-on-discover"][..], Revision::V2025_11_25),
        (&["--hang-on-discover", "--hello"], Revision::V2025_11_25),
        (&["--era", "both", "--hello"], Revision::V2026_07_28),
    ] {
        let rig = Rig::with(ServerSpec {
            era: EraSetting::Auto,
            ..stdio_spec(flags)
        });
        assert_eq!(rig.upstream.contact().await.unwrap().revision, revision);
        rig.upstream.close().await;
    }
    // First it refuses, or is not well; then it is what it is.
    for refusing in [
        Script::new().raw(401, "text/plain", "who are you"),
        Script::new().html(503),
    ] {
        let server = Server::new().modern().tool("t", "x");
        let server = server.first("server/discover", refusing).start().await;
        let rig = Rig::over(&server);
        rig.upstream.contact().await.unwrap_err();
        assert_eq!(rig.verdict(), None);
        assert_eq!(rig.text("t").await, "x");
        assert_eq!(rig.verdict().unwrap().revision, Revision::V2026_07_28);
    }
    // Upgraded and downgraded overnight.
    for (then, now) in [
        (Revision::V2025_11_25, Revision::V2026_07_28),
        (Revision::V2026_07_28, Revision::V2025_11_25),
    ] {
        let server = match now {
            Revision::V2026_07_28 => Server::new().modern(),
            _ => Server::new(),
        };
        let server = server.tool("t", "x").start().await;
        let rig = with_verdict(&server, stored(&server, then));
        patient(rig.upstream.watch_lists()).await.unwrap();
        assert_eq!(rig.text("t").await, "x");
        assert_eq!(rig.verdict().unwrap().revision, now);
    }
}

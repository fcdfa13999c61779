//! Servers that are part of the gateway.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use toolgate_http::{Egress, EgressConfig};
use toolgate_namespace::Transport;
use toolgate_protocol::{Outcome, codes};
use toolgate_upstream::{
    BuiltIn, BuiltInCall, Call, ChildConfig, Delivery, Upstream, UpstreamErrorKind,
};

use crate::support::{call_with, finish, http_spec, patient, text_of};

/// Says what it was asked; `wait` waits until the gate is opened.
#[derive(Debug, Default)]
struct Desk {
    begun: AtomicUsize,
    open: Mutex<bool>,
    bell: Condvar,
}

impl Desk {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.bell.notify_all();
    }
}

impl BuiltIn for Desk {
    fn call(&self, call: &BuiltInCall<'_>) -> Bytes {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let said = match call.tool {
            "wait" => {
                let open = self.open.lock().unwrap();
                drop(self.bell.wait_while(open, |open| !*open).unwrap());
                "waited".to_owned()
            }
            "garble" => return Bytes::from_static(b"{\"content\":"),
            "panic" => panic!("as a bug would"),
            tool => {
                let arguments = String::from_utf8_lossy(call.arguments);
                format!(
                    "{} of {}: {tool} {arguments}",
                    call.principal, call.workspace
                )
            }
        };
        serde_json::json!({"content": [{"type": "text", "text": said}]})
            .to_string()
            .into()
    }
}

fn upstream(desk: &Arc<Desk>) -> Arc<Upstream> {
    let mut spec = http_spec("http://127.0.0.1:1/", "127.0.0.1:1");
    spec.transport = Transport::BuiltIn;
    let egress = Egress::new(EgressConfig::default()).unwrap();
    Upstream::built_in(Arc::new(spec), desk.clone(), egress, ChildConfig::default())
}

fn call(tool: &str) -> Call {
    call_with(tool, r#"{"a":1}"#)
}

async fn end(upstream: &Upstream, call: Call) -> Result<Outcome, toolgate_upstream::UpstreamError> {
    let mut exchange = patient(upstream.call(call)).await?;
    finish(&mut exchange).await.1
}

/// S-45: who calls, and where, is the gateway's word; what was asked arrives as it was written.
#[tokio::test]
async fn s45_a_call_comes_with_its_caller_and_its_workspace() {
    let desk = Arc::new(Desk::default());
    let upstream = upstream(&desk);
    let said = text_of(&end(&upstream, call("look")).await.unwrap());
    let workspace = toolgate_namespace::WorkspaceId::from_random([2; 16]);
    assert_eq!(said, format!("alice of {workspace}: look {{\"a\":1}}"));
    let other = Call {
        method: "prompts/get".into(),
        ..call("look")
    };
    match end(&upstream, other).await.unwrap() {
        Outcome::Error(error) => assert_eq!(error.code, codes::METHOD_NOT_FOUND),
        Outcome::Result(result) => panic!("{}", result.as_str()),
    }
}

/// R-14: a failure inside may have acted, and ends its own call alone.
#[tokio::test]
async fn r14_a_failure_inside_may_have_acted() {
    let desk = Arc::new(Desk::default());
    let upstream = upstream(&desk);
    for tool in ["garble", "panic"] {
        let error = end(&upstream, call(tool)).await.unwrap_err();
        assert!(
            matches!(error.kind, UpstreamErrorKind::Protocol(_)),
            "{error}"
        );
        assert_eq!(error.outcome, Delivery::Unknown, "{tool}");
    }
    end(&upstream, call("look")).await.unwrap();
}

/// R-14, R-17: few are worked on at once. What waits for its turn was not begun: it is late or dropped without a trace;
/// what was begun may have acted.
#[tokio::test(flavor = "multi_thread")]
async fn r17_few_calls_are_worked_on_at_once() {
    let desk = Arc::new(Desk::default());
    let upstream = upstream(&desk);
    let late = Call {
        deadline: Instant::now() + Duration::from_millis(300),
        ..call("wait")
    };
    let mut running = Vec::new();
    for _ in 0..4 {
        let (upstream, late) = (upstream.clone(), late.clone());
        running.push(tokio::spawn(async move { end(&upstream, late).await }));
    }
    let begun = async {
        while desk.begun.load(Ordering::SeqCst) < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    patient(begun).await;
    let fifth = end(&upstream, late).await.unwrap_err();
    assert_eq!(fifth.kind, UpstreamErrorKind::TimedOut);
    assert_eq!(fifth.outcome, Delivery::NotSent);
    for one in running {
        let error = one.await.unwrap().unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::TimedOut);
        assert_eq!(error.outcome, Delivery::Unknown);
    }
    assert_eq!(desk.begun.load(Ordering::SeqCst), 4);
    desk.open();
    end(&upstream, call("look")).await.unwrap();
    assert_eq!(
        desk.begun.load(Ordering::SeqCst),
        5,
        "the late one was never begun"
    );
}

//! One upstream over one scriptable server.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::header::HeaderValue;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use toolgate_http::{Egress, EgressConfig};
use toolgate_namespace::{
    ChildSettings, EraSetting, HttpKind, Injection, Isolation, Prefix, ServerId, ServerSlug,
    ServerSpec, Timeouts, Transport, Trust, WorkspaceId,
};
use toolgate_protocol::{Json, JsonLimits, Object, Outcome};
use toolgate_testkit::{Running, stdio_server_path};
use toolgate_upstream::{
    Call, CredentialError, Credentials, Event, Exchange, Injected, IsolationKey, Notice, Origin,
    Question, Upstream, UpstreamConfig, UpstreamError, Verdict,
};
use toolgate_vault::Secret;

/// Longer than anything here takes; a test that hangs fails instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An upstream and what it told.
pub(crate) struct Rig {
    pub(crate) upstream: Arc<Upstream>,
    notices: Arc<Mutex<Vec<Notice>>>,
    told: watch::Receiver<usize>,
    questions: tokio::sync::Mutex<mpsc::Receiver<Question>>,
}

/// Secrets that never change.
#[derive(Default)]
pub(crate) struct Fixed {
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) env: Vec<(&'static str, &'static str)>,
    pub(crate) url: Option<String>,
    pub(crate) missing: Option<&'static str>,
    /// What is taken out of everything that the server says.
    pub(crate) masked: Option<&'static str>,
}

impl Credentials for Fixed {
    fn open(&self) -> Result<Injected, CredentialError> {
        if let Some(secret) = self.missing {
            return Err(CredentialError {
                secret: secret.to_owned(),
            });
        }
        let header = |(name, value): &(&'static str, &'static str)| {
            let mut value = HeaderValue::from_static(value);
            value.set_sensitive(true);
            (name.parse().unwrap(), value)
        };
        let env =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new((*value).to_owned()));
        Ok(Injected {
            headers: self.headers.iter().map(header).collect(),
            env: self.env.iter().map(env).collect(),
            url: self.url.as_ref().map(|url| url.parse().unwrap()),
        })
    }

    fn mask(&self, message: bytes::Bytes) -> bytes::Bytes {
        let Some(echoed) = self.masked else {
            return message;
        };
        let text = String::from_utf8_lossy(&message).into_owned();
        text.replace(echoed, "[REDACTED]").into()
    }
}

/// The settings of a server at a URL; change what the test is about.
pub(crate) fn http_spec(url: &str, origin: &str) -> ServerSpec {
    let http = HttpKind::Auto;
    let transport = Transport::Http {
        url: url.to_owned(),
        http,
    };
    ServerSpec {
        allowed_origin: Some(origin.to_owned()),
        ..spec(transport)
    }
}

/// The settings of a scriptable child with these flags.
pub(crate) fn stdio_spec(flags: &[&str]) -> ServerSpec {
    let program = stdio_server_path().to_str().unwrap().to_owned();
    let argv = std::iter::once(program)
        .chain(flags.iter().map(|f| (*f).to_owned()))
        .collect();
    ServerSpec {
        era: EraSetting::Legacy,
        ..spec(Transport::Stdio {
            argv,
            child: ChildSettings::default(),
        })
    }
}

fn spec(transport: Transport) -> ServerSpec {
    ServerSpec {
        id: ServerId::from_random([1; 16]),
        workspace: WorkspaceId::from_random([2; 16]),
        slug: ServerSlug::try_from("testkit").unwrap(),
        transport,
        era: EraSetting::Auto,
        prefix: Prefix::Slug,
        isolation: Isolation::Auto,
        injections: Vec::<Injection>::new(),
        timeouts: Timeouts::default(),
        enabled: true,
        display_order: 0,
        allowed_origin: None,
        trust: Trust::default(),
        version: 1,
    }
}

impl Rig {
    /// An upstream for a running server, everything found out by itself.
    pub(crate) fn over(server: &Running) -> Self {
        Self::with(http_spec(server.url(), &server.origin()))
    }

    pub(crate) fn with(spec: ServerSpec) -> Self {
        Self::build(spec, Fixed::default(), None)
    }

    pub(crate) fn build(spec: ServerSpec, credentials: Fixed, verdict: Option<Verdict>) -> Self {
        let notices: Arc<Mutex<Vec<Notice>>> = Arc::default();
        let (tell, told) = watch::channel(0);
        let kept = Arc::clone(&notices);
        let (ask, questions) = mpsc::channel(64);
        let upstream = Upstream::new(UpstreamConfig {
            spec: Arc::new(spec),
            credentials: Arc::new(credentials),
            egress: Egress::new(EgressConfig::default()).unwrap(),
            verdict,
            children: toolgate_upstream::ChildConfig::default(),
            client_info: json(r#"{"name":"toolgate","version":"0"}"#),
            questions: Arc::new(move |question| drop(ask.try_send(question))),
            notices: Arc::new(move |notice| {
                kept.lock().unwrap().push(notice);
                tell.send_modify(|n| *n += 1);
            }),
        });
        Self {
            upstream,
            notices,
            told,
            questions: tokio::sync::Mutex::new(questions),
        }
    }

    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }

    /// The next question that came outside a call.
    pub(crate) async fn question(&self) -> Question {
        patient(async { self.questions.lock().await.recv().await.unwrap() }).await
    }

    /// Waits until a notice of this kind was told.
    pub(crate) async fn told_any(&self, wanted: impl Fn(&Notice) -> bool) -> Notice {
        let mut told = self.told.clone();
        let arrived = async {
            loop {
                if let Some(notice) = self.notices().into_iter().find(&wanted) {
                    return notice;
                }
                told.changed().await.unwrap();
            }
        };
        patient(arrived).await
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.notices()
            .into_iter()
            .rev()
            .find_map(|notice| match notice {
                Notice::Verdict(verdict) => Some(verdict),
                _ => None,
            })
    }

    /// Waits until the upstream told this.
    pub(crate) async fn told(&self, notice: &Notice) {
        let mut told = self.told.clone();
        let arrived = async {
            while !self.notices().contains(notice) {
                told.changed().await.unwrap();
            }
        };
        patient(arrived).await;
    }

    pub(crate) async fn call(&self, tool: &str) -> Result<Outcome, UpstreamError> {
        self.run(call(tool)).await.1
    }

    /// The text a tool answers.
    #[track_caller]
    pub(crate) fn text(&self, tool: &str) -> impl Future<Output = String> {
        let place = std::panic::Location::caller();
        let call = call(tool);
        async move {
            match self.run(call).await.1 {
                Ok(outcome) => text_of(&outcome),
                Err(error) => panic!("{place}: {error} ({:?})", error.outcome),
            }
        }
    }

    /// Runs a call to its end: what came before, and the end.
    pub(crate) async fn run(&self, call: Call) -> (Vec<Event>, Result<Outcome, UpstreamError>) {
        let running = async {
            match self.upstream.call(call).await {
                Ok(mut exchange) => finish(&mut exchange).await,
                Err(error) => (Vec::new(), Err(error)),
            }
        };
        patient(running).await
    }
}

/// Reads an exchange to its end.
pub(crate) async fn finish(
    exchange: &mut Exchange,
) -> (Vec<Event>, Result<Outcome, UpstreamError>) {
    let mut events = Vec::new();
    loop {
        match patient(exchange.next()).await {
            Event::Done(outcome) => return (events, Ok(outcome)),
            Event::Failed(error) => return (events, Err(error)),
            event => events.push(event),
        }
    }
}

pub(crate) async fn patient<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("a test is not this slow")
}

/// A `tools/call` of Alice's.
pub(crate) fn call(tool: &str) -> Call {
    call_with(tool, "{}")
}

pub(crate) fn call_with(tool: &str, arguments: &str) -> Call {
    let params = format!(r#"{{"name":"testkit__{tool}","arguments":{arguments}}}"#);
    Call {
        method: "tools/call".into(),
        params: object(&params),
        name: Some(tool.into()),
        tool: None,
        capabilities: json("{}"),
        log_level: None,
        wants_progress: false,
        isolation: who("alice", Some("alice-1")),
        deadline: Instant::now() + PATIENCE,
        extra: Vec::new(),
    }
}

pub(crate) fn who(principal: &str, session: Option<&str>) -> IsolationKey {
    IsolationKey {
        principal: principal.into(),
        session: session.map(Into::into),
    }
}

pub(crate) fn origin(principal: &str, session: Option<&str>) -> Origin {
    Origin {
        principal: Some(principal.into()),
        session: session.map(Into::into),
    }
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text.to_owned().into(), &JsonLimits::CLIENT).unwrap()
}

pub(crate) fn object(text: &str) -> Object {
    Object::parse(text.to_owned().into(), &JsonLimits::CLIENT).unwrap()
}

pub(crate) fn value(json: &Json) -> Value {
    serde_json::from_str(json.as_str()).unwrap()
}

#[track_caller]
pub(crate) fn text_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Result(result) => value(result)["content"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        Outcome::Error(error) => panic!("{} {}", error.code, error.message),
    }
}

/// The JSON text a tool answers, such as an echo of its request.
pub(crate) fn echo_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

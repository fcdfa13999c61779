//! One list and one call over two servers, without a gateway, a store or a vault.
//!
//! `cargo run -p toolgate-examples --example embed_router`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use toolgate_http::{Egress, EgressConfig};
use toolgate_namespace::{
    EraSetting, HttpKind, Isolation, Prefix, ServerId, ServerSlug, ServerSpec, Timeouts, Transport,
    Trust, WorkspaceId, WorkspaceSlug,
};
use toolgate_policy::{
    Principal, RateLimit, RawToken, Role, Token, TokenId, ToolRules, permit_call,
};
use toolgate_protocol::{Json, JsonLimits, Object, Outcome};
use toolgate_router::{
    Bulkhead, Link, LinkCall, LinkConfig, Part, Workspace, WorkspaceConfig, approve_all, call,
};
use toolgate_testkit::{Script, Server};
use toolgate_upstream::{
    Call, CredentialError, Credentials, Event, Injected, IsolationKey, Upstream, UpstreamConfig,
};

/// These two servers need no secrets.
struct NoSecrets;

impl Credentials for NoSecrets {
    fn open(&self) -> Result<Injected, CredentialError> {
        Ok(Injected::default())
    }

    fn mask(&self, message: hyper::body::Bytes) -> hyper::body::Bytes {
        message
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let weather = Server::new().tool("forecast", "sunny").start().await;
    let notes = Server::new()
        .modern()
        .tool("add", Script::new().echo())
        .start()
        .await;

    let id = WorkspaceId::from_random([1; 16]);
    let egress = Egress::new(EgressConfig::default())?;
    let changes = Arc::default();
    let links = [("weather", weather.url()), ("notes", notes.url())]
        .into_iter()
        .zip(0..)
        .map(|((name, url), order)| link(&id, name, url, order, &egress, &changes))
        .collect::<Result<_, _>>()?;
    let workspace = Workspace::new(WorkspaceConfig {
        slug: WorkspaceSlug::try_from("team")?,
        read_only_all: false,
        background: Arc::default(),
        changes,
        uris: Arc::default(),
        links,
        built_in: None,
        id,
    });

    let catalog = workspace.ready().await;
    for tool in catalog.tools() {
        println!("{}", tool.exposed.as_str());
    }
    assert_eq!(catalog.tools().len(), 2);

    let tool = workspace
        .find("notes__add")
        .await
        .ok_or("both servers were listed")?;
    let request = Call {
        method: "tools/call".into(),
        params: Object::parse(
            r#"{"name":"notes__add","arguments":{"text":"milk"}}"#.into(),
            &JsonLimits::CLIENT,
        )?,
        name: Some((&*tool.definition.name).into()),
        tool: Some(tool.definition.clone()),
        capabilities: Json::empty_object(),
        log_level: None,
        wants_progress: false,
        isolation: IsolationKey {
            principal: "me".into(),
            session: None,
        },
        deadline: Instant::now() + Duration::from_secs(10),
        extra: Vec::new(),
    };
    let access = tool.access(false);
    let permitted = permit_call(
        principal(workspace.id()),
        access,
        LinkCall {
            link: tool.link.clone(),
            call: request,
            token: Arc::new(Bulkhead::new(Part::Token)),
            workspace: Arc::new(Bulkhead::new(Part::Workspace)),
        },
    )?;
    let mut routed = call(permitted).await?;
    match routed.next().await {
        Event::Done(Outcome::Result(result)) => println!("{}", result.as_str()),
        other => return Err(format!("no result: {other:?}").into()),
    }
    assert_eq!(notes.calls("add"), 1);
    Ok(())
}

fn link(
    workspace: &WorkspaceId,
    name: &str,
    url: &str,
    order: u32,
    egress: &Egress,
    changes: &Arc<toolgate_router::LinkChanges>,
) -> Result<Arc<Link>, Box<dyn std::error::Error>> {
    let authority = url
        .trim_start_matches("http://")
        .split('/')
        .next()
        .map(str::to_owned);
    let spec = Arc::new(ServerSpec {
        id: ServerId::from_random([u8::try_from(order)?; 16]),
        workspace: workspace.clone(),
        slug: ServerSlug::try_from(name)?,
        transport: Transport::Http {
            url: url.to_owned(),
            http: HttpKind::Auto,
        },
        era: EraSetting::Auto,
        prefix: Prefix::Slug,
        isolation: Isolation::Auto,
        injections: Vec::new(),
        timeouts: Timeouts::default(),
        enabled: true,
        display_order: order,
        allowed_origin: authority, // loopback is reachable only because it is named here
        trust: Trust::default(),
        version: 1,
    });
    let upstream = Upstream::new(UpstreamConfig {
        spec: spec.clone(),
        credentials: Arc::new(NoSecrets),
        egress: egress.clone(),
        verdict: None,
        children: toolgate_upstream::ChildConfig::default(),
        client_info: Json::literal(r#"{"name":"embed_router","version":"1"}"#),
        notices: Arc::new(|_| {}),
        questions: Arc::new(|_| {}),
    });
    Ok(Link::new(LinkConfig {
        spec,
        upstream,
        pins: None,
        snapshot: None,
        changes: changes.clone(),
        pinning: approve_all(),
    }))
}

fn principal(workspace: &WorkspaceId) -> Principal {
    let raw = RawToken::from_random([9; 32]);
    let token = Arc::new(Token {
        id: TokenId::from_random([9; 16]),
        workspace: workspace.clone(),
        name: "example".into(),
        role: Role::Developer,
        rules: ToolRules::all(),
        rate_limit: RateLimit::Off,
        digest: raw.digest(),
        member: None,
        created_at: 0,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    });
    Principal::authenticate(&token, &raw.digest(), 0).expect("a fresh token authenticates")
}

//! Lists over 1, 10 and 50 servers: merged from what is known, and fetched cold over real sockets.
//!
//! `cargo bench -p toolgate-benches --bench fan_out`

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use toolgate_http::{Egress, EgressConfig};
use toolgate_namespace::{
    EraSetting, HttpKind, Isolation, Prefix, ServerId, ServerSlug, ServerSpec, Timeouts, Transport,
    Trust, WorkspaceId, WorkspaceSlug,
};
use toolgate_policy::{Principal, RateLimit, RawToken, Role, Token, TokenId, ToolRules};
use toolgate_protocol::{Json, JsonLimits, Revision, ToolDefinition};
use toolgate_router::{Link, LinkConfig, Pins, Workspace, WorkspaceConfig, approve_all};
use toolgate_testkit::{Running, Server};
use toolgate_upstream::{CredentialError, Credentials, Injected, Upstream, UpstreamConfig};

const TOOLS: usize = 20;
const SIZES: [usize; 3] = [1, 10, 50];

struct NoSecrets;

impl Credentials for NoSecrets {
    fn open(&self) -> Result<Injected, CredentialError> {
        Ok(Injected::default())
    }

    fn mask(&self, message: bytes::Bytes) -> bytes::Bytes {
        message
    }
}

fn link(
    number: usize,
    url: &str,
    known: Option<&[Arc<ToolDefinition>]>,
    egress: &Egress,
) -> Arc<Link> {
    let authority = url
        .trim_start_matches("http://")
        .split('/')
        .next()
        .map(str::to_owned);
    let byte = u8::try_from(number % 256).expect("below 256");
    let spec = Arc::new(ServerSpec {
        id: ServerId::from_random([byte; 16]),
        workspace: WorkspaceId::from_random([1; 16]),
        slug: ServerSlug::try_from(format!("server-{number}")).expect("a slug"),
        transport: Transport::Http {
            url: url.to_owned(),
            http: HttpKind::Streamable,
        },
        era: EraSetting::Legacy,
        prefix: Prefix::Slug,
        isolation: Isolation::Auto,
        injections: Vec::new(),
        timeouts: Timeouts::default(),
        enabled: true,
        display_order: u32::from(byte),
        allowed_origin: authority,
        trust: Trust::default(),
        version: 1,
    });
    let upstream = Upstream::new(UpstreamConfig {
        spec: spec.clone(),
        credentials: Arc::new(NoSecrets),
        egress: egress.clone(),
        verdict: None,
        children: toolgate_upstream::ChildConfig::default(),
        client_info: Json::literal(r#"{"name":"bench","version":"1"}"#),
        notices: Arc::new(|_| {}),
        questions: Arc::new(|_| {}),
    });
    Link::new(LinkConfig {
        spec,
        upstream,
        pins: known.map(Pins::approved),
        snapshot: None,
        changes: Arc::default(),
        pinning: approve_all(),
    })
}

fn workspace(links: Vec<Arc<Link>>) -> Arc<Workspace> {
    Workspace::new(WorkspaceConfig {
        id: WorkspaceId::from_random([1; 16]),
        slug: WorkspaceSlug::try_from("bench").expect("a slug"),
        read_only_all: false,
        links,
        built_in: None,
        changes: Arc::default(),
        uris: Arc::default(),
        background: Arc::default(),
    })
}

fn definitions() -> Vec<Arc<ToolDefinition>> {
    (0..TOOLS)
        .map(|n| {
            let text = format!(
                r#"{{"name":"tool_{n}","description":"Does what tool number {n} of a typical server does, in a sentence of ordinary length.","inputSchema":{{"type":"object","properties":{{"path":{{"type":"string"}},"limit":{{"type":"integer"}}}},"required":["path"]}}}}"#
            );
            let json = Json::parse(text.into(), &JsonLimits::UPSTREAM).expect("valid JSON");
            Arc::new(ToolDefinition::parse(json, Revision::LATEST_LEGACY).expect("a valid tool"))
        })
        .collect()
}

fn principal() -> Principal {
    let raw = RawToken::from_random([9; 32]);
    let token = Arc::new(Token {
        id: TokenId::from_random([9; 16]),
        workspace: WorkspaceId::from_random([1; 16]),
        name: "bench".into(),
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

/// Building the catalogue and writing one list, from definitions in memory; then the list kept ready.
fn merge(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let egress = Egress::new(EgressConfig::default()).expect("an egress");
    let (principal, info) = (
        principal(),
        Json::literal(r#"{"name":"bench","version":"1"}"#),
    );
    let mut group = criterion.benchmark_group("merge");
    for size in SIZES {
        let links: Vec<_> = (0..size)
            .map(|n| link(n, "http://127.0.0.1:9/mcp", Some(&definitions()), &egress))
            .collect();
        group.throughput(Throughput::Elements((size * TOOLS) as u64));
        group.bench_with_input(
            BenchmarkId::new("build and write", size),
            &links,
            |bencher, links| {
                bencher.iter(|| {
                    let workspace = workspace(links.clone());
                    black_box(workspace.catalog().list_for(
                        &principal,
                        Revision::LATEST_LEGACY,
                        &info,
                    ))
                });
            },
        );
        let workspace = workspace(links);
        group.bench_with_input(
            BenchmarkId::new("ready", size),
            &workspace,
            |bencher, workspace| {
                bencher.iter(|| {
                    black_box(workspace.catalog().list_for(
                        &principal,
                        Revision::LATEST_LEGACY,
                        &info,
                    ))
                });
            },
        );
    }
    group.finish();
}

/// Fetching the lists of servers that were never seen, all at once, over real sockets.
fn fan_out(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let egress = Egress::new(EgressConfig::default()).expect("an egress");
    let servers: Vec<Running> = runtime.block_on(async {
        let mut servers = Vec::new();
        for _ in 0..SIZES[2] {
            let tools = (0..TOOLS).fold(Server::new(), |server, n| {
                server.tool(&format!("tool_{n}"), "x")
            });
            servers.push(tools.start().await);
        }
        servers
    });
    let mut group = criterion.benchmark_group("fan_out");
    group.sample_size(10);
    for size in SIZES {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("cold", size), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let links = servers[..size]
                    .iter()
                    .enumerate()
                    .map(|(n, s)| link(n, s.url(), None, &egress))
                    .collect();
                let catalog = workspace(links).ready().await;
                assert_eq!(catalog.tools().len(), size * TOOLS);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, merge, fan_out);
criterion_main!(benches);

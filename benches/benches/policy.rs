//! What each call pays for being asked who it is and whether it may.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use toolgate_namespace::WorkspaceId;
use toolgate_policy::{
    Classification, Principal, RateLimit, RateLimiter, RawToken, Role, Standing, Token, TokenId,
    ToolAccess, ToolRules, permit_call,
};

fn token(c: &mut Criterion) {
    let mut group = c.benchmark_group("token");
    group.throughput(Throughput::Elements(1));
    let raw = RawToken::from_random([7; 32]);
    group.bench_function("parse_and_digest", |b| {
        b.iter(|| RawToken::digest_of(black_box(raw.expose())));
    });
    let mistyped = raw.expose().replacen('0', "1", 1);
    assert!(RawToken::digest_of(&mistyped).is_err());
    group.bench_function("refuse_a_mistyped_one", |b| {
        b.iter(|| RawToken::digest_of(black_box(&mistyped)));
    });
    group.bench_function("mint", |b| {
        b.iter(|| RawToken::from_random(black_box([7; 32])));
    });

    let token = stored(&raw, ToolRules::all());
    let digest = raw.digest();
    group.bench_function("authenticate", |b| {
        b.iter(|| Principal::authenticate(&token, black_box(&digest), 2_000));
    });
    group.finish();
}

fn decision(c: &mut Criterion) {
    let mut group = c.benchmark_group("permit_call");
    group.throughput(Throughput::Elements(1));
    let raw = RawToken::from_random([7; 32]);
    for (kind, globs) in [
        ("all_tools", &["*"][..]),
        ("one_glob", &["github__*"]),
        (
            "four_globs_and_an_exclusion",
            &["a__*", "b__*", "c__*", "github__*", "!*delete*"],
        ),
    ] {
        let rules = ToolRules::parse(globs.iter().copied()).expect("valid patterns");
        let token = stored(&raw, rules);
        let principal = Principal::authenticate(&token, &raw.digest(), 2_000).expect("active");
        group.bench_function(kind, |b| {
            b.iter(|| {
                let tool = ToolAccess {
                    exposed: black_box("github__create_pull_request"),
                    full: "github__create_pull_request",
                    classification: Classification::Write,
                    standing: Standing::Approved,
                    least: Role::ReadOnly,
                    read_only_may_call_all: false,
                };
                permit_call(principal.clone(), tool, ())
            });
        });
    }
    group.finish();
}

fn rate(c: &mut Criterion) {
    let mut group = c.benchmark_group("rate");
    group.throughput(Throughput::Elements(1));
    let limiter = RateLimiter::new(RateLimit::default());
    let mut now_ms = 0;
    group.bench_function("admit", |b| {
        b.iter(|| {
            // Two requests a second: the log stays full, and each admission forgets one.
            now_ms += 500;
            limiter.admit(black_box(now_ms))
        });
    });
    let full = RateLimiter::new(RateLimit::default());
    while full.admit(0).admitted {}
    group.bench_function("refuse", |b| b.iter(|| full.admit(black_box(1))));
    group.finish();
}

fn stored(raw: &RawToken, rules: ToolRules) -> Arc<Token> {
    Arc::new(Token {
        id: TokenId::from_random([1; 16]),
        workspace: WorkspaceId::from_random([2; 16]),
        name: "bench".into(),
        role: Role::Developer,
        rules,
        rate_limit: RateLimit::default(),
        digest: raw.digest(),
        member: None,
        created_at: 1_000,
        expires_at: Some(u64::MAX),
        revoked_at: None,
        last_used_at: None,
    })
}

criterion_group!(benches, token, decision, rate);
criterion_main!(benches);

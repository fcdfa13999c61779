//! A token, its rules, and the permission that opens the router, with nothing but `toolgate-policy`.
//!
//! `cargo run -p toolgate-examples --example embed_policy`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::sync::Arc;

use toolgate_namespace::WorkspaceId;
use toolgate_policy::{
    Classification, Principal, RateLimit, RateLimiter, RawToken, Role, Standing, Token, TokenId,
    ToolAccess, ToolRules, permit_call,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Randomness and time are the caller's: this crate has neither.
    let raw = RawToken::from_random([42; 32]);
    let token = Arc::new(Token {
        id: TokenId::from_random([7; 16]),
        workspace: WorkspaceId::from_random([1; 16]),
        name: "contractor".into(),
        role: Role::Developer,
        rules: ToolRules::parse(["github__*", "!github__delete_*"])?,
        rate_limit: RateLimit::default(),
        digest: raw.digest(),
        member: None,
        created_at: 0,
        expires_at: Some(1_000_000),
        revoked_at: None,
        last_used_at: None,
    });
    let presented = RawToken::digest_of(raw.expose())?;
    let principal = Principal::authenticate(&token, &presented, 500_000)
        .ok_or("an active token authenticates")?;
    assert!(
        Principal::authenticate(&token, &presented, 1_000_000).is_none(),
        "expired tokens do not"
    );

    for (tool, allowed) in [
        ("github__create_issue", true),
        ("github__delete_repo", false),
        ("files__read", false),
    ] {
        let access = ToolAccess {
            exposed: tool,
            full: tool,
            classification: Classification::Write,
            standing: Standing::Approved,
            least: Role::ReadOnly,
            read_only_may_call_all: false,
        };
        let decision = permit_call(principal.clone(), access, tool);
        println!(
            "{tool:24} {}",
            if decision.is_ok() {
                "permitted"
            } else {
                "refused"
            }
        );
        assert_eq!(decision.is_ok(), allowed);
    }

    let limiter = RateLimiter::new(token.rate_limit);
    let admitted = (0..200).filter(|n| limiter.admit(*n).admitted).count();
    println!("{admitted} of 200 requests in one burst were admitted");
    assert_eq!(admitted, 120);
    Ok(())
}

//! Tokens (product.md section 5, S-34 to S-36).

use std::time::Duration;

use toolgate_admin::{
    Classification, Fault, NewToken, ReadOnlyMay, Role, Secret, WorkspaceSettings,
};

use crate::home::{Home, http};

const READ: &str = r#"{"readOnlyHint":true}"#;
const NOTHING: &str = "{}";

#[test]
fn s35_a_token_is_shown_once_and_only_its_digest_is_kept() {
    let (home, scope) = Home::with_team();
    let made = home
        .admin
        .create_token(&scope, &NewToken::named("alice"))
        .unwrap();
    assert!(made.token.starts_with("mwt_"));
    assert_eq!(made.tools, ["*"]);
    assert_eq!(made.rate_limit, Some(120));
    assert!(!format!("{made:?}").contains(&made.token));
    for path in home.files() {
        let bytes = std::fs::read(&path).unwrap();
        let token = made.token.as_bytes();
        let found = bytes.windows(token.len()).any(|window| window == token);
        assert!(!found, "{} holds the token", path.display());
    }
    let listed = serde_json::to_string(&home.admin.list_tokens(&scope).unwrap()).unwrap();
    assert!(!listed.contains("mwt_"));
}

#[test]
fn s40_an_heir_ends_with_its_maker_to_the_millisecond() {
    let (home, scope) = Home::with_team();
    let maker = NewToken {
        role: Role::Admin,
        expires_in: Some(Duration::from_hours(1)),
        ..NewToken::named("maker")
    };
    let maker = home.admin.create_token(&scope, &maker).unwrap();
    let holder = home.admin.token_holder(&maker.token).unwrap().unwrap();
    let admin = home.admin.acting_as(holder.actor);
    // Time passes while a token is made, and its end is not counted from when that began.
    for _ in 0..50 {
        let heir = admin.create_token(&scope, &NewToken::named("heir"));
        assert_eq!(heir.unwrap().expires_at, maker.expires_at);
    }
}

#[test]
fn tokens_have_a_role_an_end_a_limit_and_rules() {
    let (home, scope) = Home::with_team();
    let made = home
        .admin
        .create_token(
            &scope,
            &NewToken {
                role: Role::ReadOnly,
                expires_in: Some(Duration::from_hours(336)),
                tools: vec!["github__*".into(), " !github__delete_* ".into()],
                rate_limit: Some("off".into()),
                ..NewToken::named("contractor")
            },
        )
        .unwrap();
    assert_eq!(made.role, Role::ReadOnly);
    assert_eq!(made.tools, ["github__*", "!github__delete_*"]);
    assert_eq!(made.rate_limit, None);
    assert!(made.expires_at.unwrap() > made.created_at);
    let listed = home.admin.list_tokens(&scope).unwrap();
    let listed = listed.iter().find(|token| token.id == made.id).unwrap();
    assert_eq!(listed.status, "active");
    assert_eq!(listed.tools, made.tools);
}

#[test]
fn what_cannot_be_a_token_is_refused_and_nothing_is_saved() {
    let (home, scope) = Home::with_team();
    let bad = [
        NewToken::named(""),
        NewToken::named("a\u{7}"),
        NewToken {
            tools: vec!["[".into()],
            ..NewToken::named("x")
        },
        // S-01: exclusions alone allow nothing, which nobody means.
        NewToken {
            tools: vec!["!github__*".into()],
            ..NewToken::named("x")
        },
        NewToken {
            rate_limit: Some("0".into()),
            ..NewToken::named("x")
        },
        NewToken {
            rate_limit: Some("many".into()),
            ..NewToken::named("x")
        },
    ];
    for new in bad {
        let error = home.admin.create_token(&scope, &new).unwrap_err();
        assert_eq!(error.fault(), Fault::Invalid, "{new:?}");
    }
    assert_eq!(home.admin.list_tokens(&scope).unwrap().len(), 1);
}

#[test]
fn a_read_only_token_says_how_far_it_reaches() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &http("github", "https://1.1.1.1/mcp"))
        .unwrap();
    home.save_tools(
        &scope,
        "github",
        &[("search", READ), ("create", NOTHING), ("delete", NOTHING)],
    );
    let reach = |name: &str| {
        let new = NewToken {
            role: Role::ReadOnly,
            ..NewToken::named(name)
        };
        let made = home.admin.create_token(&scope, &new).unwrap();
        let reach = made.read_only.unwrap();
        (reach.callable, reach.total)
    };
    assert_eq!(reach("before"), (1, 3));
    home.admin
        .classify_tool(&scope, "github", "create", Classification::ReadOnly)
        .unwrap();
    assert_eq!(reach("classified"), (2, 3));
    home.admin
        .switch_tool(&scope, "github", "create", false)
        .unwrap();
    assert_eq!(reach("switched off"), (1, 2));
    home.admin
        .update_workspace(&scope, read_only_all())
        .unwrap();
    assert_eq!(reach("all"), (2, 2));
    let developer = home
        .admin
        .create_token(&scope, &NewToken::named("dev"))
        .unwrap();
    assert!(developer.read_only.is_none());
}

#[test]
fn s36_inspect_tells_what_the_gateway_does_not() {
    let (home, scope) = Home::with_team();
    let made = home
        .admin
        .create_token(&scope, &NewToken::named("alice"))
        .unwrap();
    let text = Secret::new(format!("  {}\n", made.token));
    let inspect = || home.admin.inspect_token_text(&scope, &text).unwrap();
    assert!(inspect().accepted);

    home.admin.create_workspace("other", "").unwrap();
    let other = home.admin.scope("other").unwrap();
    let elsewhere = home.admin.inspect_token_text(&other, &text).unwrap();
    assert!(!elsewhere.accepted);
    assert!(elsewhere.reason.contains("`team`"), "{}", elsewhere.reason);

    home.admin.revoke_token(&scope, &made.id).unwrap();
    assert!(!inspect().accepted);
    assert!(inspect().reason.contains("revoked"));
    let by_id = home.admin.inspect_token(&scope, &made.id).unwrap();
    assert_eq!(by_id.token.unwrap().status, "revoked");

    let typo = Secret::new(made.token.replace("mwt_", "mwt-"));
    let error = home.admin.inspect_token_text(&scope, &typo).unwrap_err();
    assert_eq!(error.fault(), Fault::Invalid);
    assert!(!format!("{error} {error:?}").contains(&made.token[4..]));
}

#[test]
fn revoking_is_idempotent_and_unknown_ids_are_not_found() {
    let (home, scope) = Home::with_team();
    let made = home
        .admin
        .create_token(&scope, &NewToken::named("alice"))
        .unwrap();
    home.admin.revoke_token(&scope, &made.id).unwrap();
    home.admin.revoke_token(&scope, &made.id).unwrap();
    home.admin.create_workspace("other", "").unwrap();
    let other = home.admin.scope("other").unwrap();
    // S-45: an id of another workspace is as unknown as one that never existed.
    for (scope, id) in [
        (&other, made.id.as_str()),
        (&scope, "tok_none"),
        (&scope, ""),
    ] {
        let error = home.admin.revoke_token(scope, id).unwrap_err();
        assert_eq!(error.fault(), Fault::NotFound);
        assert!(error.hint().is_some());
    }
}

#[test]
fn explain_names_what_decides() {
    let (home, scope) = Home::with_team();
    home.admin
        .add_server(&scope, &http("github", "https://1.1.1.1/mcp"))
        .unwrap();
    home.save_tools(&scope, "github", &[("search", READ), ("create", NOTHING)]);
    let token = |role, tools: &[&str]| {
        let new = NewToken {
            role,
            tools: tools.iter().map(|glob| (*glob).to_owned()).collect(),
            ..NewToken::named("x")
        };
        home.admin.create_token(&scope, &new).unwrap().id
    };
    let check = |id: &str, tool: &str, allowed: bool, reason: &str| {
        let found = home.admin.explain_token(&scope, id, tool).unwrap();
        assert_eq!(found.allowed, allowed, "{found:?}");
        assert!(found.reason.contains(reason), "{found:?}");
        assert_eq!(found.hint.is_none(), allowed);
    };
    let developer = token(Role::Developer, &[]);
    check(&developer, "github__create", true, "allow");
    check(&developer, "github__none", false, "no tool of that name");
    let reader = token(Role::ReadOnly, &[]);
    check(&reader, "github__search", true, "allow");
    check(&reader, "github__create", false, "read-only");
    let narrow = token(Role::Developer, &["github__search"]);
    check(&narrow, "github__create", false, "patterns");
    home.admin
        .switch_tool(&scope, "github", "create", false)
        .unwrap();
    check(&developer, "github__create", false, "disabled");
    home.admin.switch_server(&scope, "github", false).unwrap();
    check(&developer, "github__search", false, "server is disabled");
    home.admin.revoke_token(&scope, &developer).unwrap();
    check(&developer, "github__search", false, "revoked");
}

fn read_only_all() -> WorkspaceSettings {
    WorkspaceSettings {
        read_only: Some(ReadOnlyMay::All),
        ..WorkspaceSettings::default()
    }
}

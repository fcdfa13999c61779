//! `deny_by_default`: what `Default` builds, and what says nothing, allows nothing (S-01).
//!
//! `Role`, `Token` and `Principal` have no default at all; a rate limit by default is a limit.

use std::num::NonZeroU32;

use toolgate_policy::{
    Classification, Denied, RateLimit, Role, Standing, ToolAccess, ToolRules, may_see, permit_call,
};

use crate::support::{principal, rules};

const NAMES: [&str; 6] = ["", "*", "a", "github__search", "github__x/y", "größe"];

#[track_caller]
fn check_allows_nothing(nobody: &ToolRules) {
    assert!(nobody.grant_nothing());
    for name in NAMES {
        assert!(!nobody.allows(name), "{name:?}");
        assert!(!nobody.allow_tool(name, "github__full"), "{name:?}");
        for role in Role::ALL {
            let tool = ToolAccess {
                exposed: name,
                full: name,
                classification: Classification::ReadOnly,
                standing: Standing::Approved,
                least: Role::ReadOnly,
                read_only_may_call_all: true,
            };
            let denied = permit_call(principal(role, nobody.clone()), tool, ()).err();
            assert_eq!(denied, Some(Denied::Rules), "{role} {name:?}");
            assert!(!may_see(&principal(role, nobody.clone()), tool));
        }
    }
}

#[test]
fn s01_tool_rules_by_default_allow_nothing() {
    check_allows_nothing(&ToolRules::default());
}

#[test]
fn s01_an_empty_list_of_patterns_allows_nothing() {
    check_allows_nothing(&rules(&[]));
    assert_eq!(rules(&[]), ToolRules::default());
}

#[test]
fn s01_exclusions_alone_allow_nothing() {
    check_allows_nothing(&rules(&["!github__delete_*"]));
    check_allows_nothing(&rules(&["!*"]));
}

#[test]
fn s01_everything_is_allowed_only_on_request() {
    for name in NAMES {
        assert!(ToolRules::all().allows(name), "{name:?}");
    }
    assert!(!ToolRules::all().grant_nothing());
}

#[test]
fn r20_the_default_limit_is_a_limit() {
    let limit = NonZeroU32::new(120).map(RateLimit::PerMinute);
    assert_eq!(Some(RateLimit::default()), limit);
}

/// A tool that nothing is known of is held, whoever asks (S-50).
#[test]
fn s01_a_standing_by_default_allows_nothing() {
    for role in Role::ALL {
        let tool = ToolAccess {
            exposed: "files__read",
            full: "files__read",
            classification: Classification::ReadOnly,
            standing: Standing::default(),
            least: Role::ReadOnly,
            read_only_may_call_all: true,
        };
        let denied = permit_call(principal(role, ToolRules::all()), tool, ()).err();
        assert_eq!(denied, Some(Denied::Held), "{role}");
    }
}

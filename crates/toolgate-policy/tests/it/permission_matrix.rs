//! The matrix of roles, tools and rules (S-40, S-54), and the laws of the decision.

use std::fmt::Write as _;

use proptest::prelude::*;
use toolgate_policy::{
    Classification, Denied, Role, ToolAccess, ToolRules, may_see, permit_call, permit_list,
};

use crate::support::{fixed, principal, rules};

const CLASSIFICATIONS: [Classification; 3] = [
    Classification::ReadOnly,
    Classification::Write,
    Classification::Destructive,
];

/// Reviewed line by line. `read_only = all` is the workspace's setting.
const MATRIX: &str = "\
role       tool         read_only  in rules  not in rules
read-only  read-only    pinned     call      rules
read-only  read-only    all        call      rules
read-only  write        pinned     role      role
read-only  write        all        call      rules
read-only  destructive  pinned     role      role
read-only  destructive  all        call      rules
developer  read-only    pinned     call      rules
developer  read-only    all        call      rules
developer  write        pinned     call      rules
developer  write        all        call      rules
developer  destructive  pinned     call      rules
developer  destructive  all        call      rules
admin      read-only    pinned     call      rules
admin      read-only    all        call      rules
admin      write        pinned     call      rules
admin      write        all        call      rules
admin      destructive  pinned     call      rules
admin      destructive  all        call      rules
";

#[test]
fn s40_s54_permission_matrix() {
    let mut matrix = String::from("role       tool         read_only  in rules  not in rules\n");
    for role in Role::ALL {
        for classification in CLASSIFICATIONS {
            for all in [false, true] {
                let outcome = |globs: &[&str]| {
                    let tool = ToolAccess {
                        exposed: "files__read",
                        full: "files__read",
                        classification,
                        read_only_may_call_all: all,
                    };
                    match permit_call(principal(role, rules(globs)), tool, ()) {
                        Ok(_) => "call",
                        Err(Denied::Role) => "role",
                        Err(Denied::Rules) => "rules",
                    }
                };
                let setting = if all { "all" } else { "pinned" };
                let (inside, outside) = (outcome(&["files__*"]), outcome(&["github__*"]));
                let kind = classification.as_str();
                writeln!(
                    matrix,
                    "{role:<11}{kind:<13}{setting:<11}{inside:<10}{outside}"
                )
                .expect("writing to a string");
            }
        }
    }
    assert_eq!(matrix, MATRIX);
}

#[test]
fn s40_only_admins_manage_and_no_setting_changes_that() {
    let managers = Role::ALL.map(|role| (role.as_str(), role.may_manage()));
    assert_eq!(
        managers,
        [("read-only", false), ("developer", false), ("admin", true)]
    );
}

#[test]
fn s40_each_role_may_all_that_the_one_below_may() {
    assert!(Role::ReadOnly < Role::Developer && Role::Developer < Role::Admin);
    for pair in Role::ALL.windows(2) {
        assert!(pair[0].may_manage() <= pair[1].may_manage());
        for classification in CLASSIFICATIONS {
            for all in [false, true] {
                let [lower, upper] =
                    [pair[0], pair[1]].map(|role| role.may_call(classification, all));
                assert!(lower <= upper, "{pair:?} {classification:?} {all}");
            }
        }
    }
}

#[test]
fn every_role_may_list_and_a_permission_carries_what_was_asked() {
    for role in Role::ALL {
        let permitted = permit_list(principal(role, ToolRules::default()), "tools/list");
        assert_eq!(permitted.principal().token().role, role);
        assert_eq!(permitted.inner(), &"tools/list");
        let (who, what) = permitted.into_parts();
        assert_eq!((who.token().role, what), (role, "tools/list"));
    }
}

/// P4.5 wants clients to learn nothing, but records and admins the reason.
#[test]
fn a_refusal_says_whose_rule_it_was() {
    assert_eq!(
        Denied::Role.to_string(),
        "the role does not allow tools of this kind"
    );
    assert_eq!(
        Denied::Rules.to_string(),
        "the tool rules of the token leave this tool out"
    );
}

fn pattern() -> impl Strategy<Value = String> {
    "!?(\\*|files__\\*|github__\\*|files__(read|write|delete)|\\*(_repo|__read|delete\\*))"
}

fn tool() -> impl Strategy<Value = (String, String, Classification, bool)> {
    let server = prop_oneof![Just("files__"), Just("github__"), Just("")];
    let name = || {
        prop_oneof![
            Just("read"),
            Just("write"),
            Just("delete_repo"),
            Just("cut_abcdefgh")
        ]
    };
    let classification = proptest::sample::select(&CLASSIFICATIONS[..]);
    (server, name(), name(), classification, any::<bool>()).prop_map(
        |(server, exposed, full, classification, all)| {
            (
                format!("{server}{exposed}"),
                format!("{server}{full}"),
                classification,
                all,
            )
        },
    )
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn p4_5_what_may_be_seen_is_what_may_be_called(
        role in proptest::sample::select(&Role::ALL[..]),
        globs in proptest::collection::vec(pattern(), 0..5),
        (exposed, full, classification, read_only_may_call_all) in tool(),
    ) {
        let rules = ToolRules::parse(globs.iter().map(String::as_str)).expect("valid patterns");
        let tool = ToolAccess { exposed: &exposed, full: &full, classification, read_only_may_call_all };
        let seen = may_see(&principal(role, rules.clone()), tool);
        let called = permit_call(principal(role, rules), tool, ()).is_ok();
        prop_assert_eq!(seen, called);
    }

    #[test]
    fn s40_a_greater_role_never_permits_less(
        globs in proptest::collection::vec(pattern(), 0..5),
        (exposed, full, classification, read_only_may_call_all) in tool(),
    ) {
        let rules = ToolRules::parse(globs.iter().map(String::as_str)).expect("valid patterns");
        let tool = ToolAccess { exposed: &exposed, full: &full, classification, read_only_may_call_all };
        let seen = Role::ALL.map(|role| may_see(&principal(role, rules.clone()), tool));
        prop_assert!(seen.is_sorted());
    }
}

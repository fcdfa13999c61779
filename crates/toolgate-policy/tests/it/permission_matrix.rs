//! The matrix of roles, tools and rules (S-40, S-54), and the laws of the decision.

use std::fmt::Write as _;

use proptest::prelude::*;
use toolgate_policy::{
    Classification, Denied, Principal, Role, Standing, ToolAccess, ToolRules, may_see, permit_call,
    permit_list,
};

use crate::support::{fixed, principal, rules};

const CLASSIFICATIONS: [Classification; 3] = [
    Classification::ReadOnly,
    Classification::Write,
    Classification::Destructive,
];

/// Reviewed line by line: role, what the tool does, what its pin says, the workspace's setting `read_only`.
const MATRIX: &str = include_str!("../data/role_matrix.txt");

/// What annotations make of a tool that no admin classified.
const ANNOTATIONS: [(&str, Option<bool>, Option<bool>); 6] = [
    ("none", None, None),
    ("read-only", Some(true), None),
    ("not read-only", Some(false), None),
    ("not destructive", None, Some(false)),
    ("destructive", None, Some(true)),
    ("both", Some(true), Some(true)),
];

/// S-40, S-54: the file is what was reviewed, and the code decides what is in the file.
#[test]
fn s40_s54_the_role_matrix_is_what_was_reviewed() {
    let mut matrix = String::from(
        "role       operation    annotations      counts as    pin       read_only  in rules  not in rules\n",
    );
    for role in Role::ALL {
        for (annotations, read_only, destructive) in ANNOTATIONS {
            let classification = Classification::from_hints(read_only, destructive);
            for standing in Standing::ALL {
                for all in [false, true] {
                    let outcome = |globs: &[&str], decide: Decide| {
                        let tool = ToolAccess {
                            exposed: "files__read",
                            full: "files__read",
                            classification,
                            standing,
                            least: Role::ReadOnly,
                            read_only_may_call_all: all,
                        };
                        decide(&principal(role, rules(globs)), tool)
                    };
                    let operations: [(&str, Decide); 2] =
                        [("list tools", list), ("call tool", call)];
                    for (operation, decide) in operations {
                        let inside = outcome(&["files__*"], decide);
                        let outside = outcome(&["github__*"], decide);
                        let counts = classification.as_str();
                        let pin = standing.as_str();
                        let setting = if all { "all" } else { "annotated" };
                        writeln!(
                            matrix,
                            "{role:<11}{operation:<13}{annotations:<17}{counts:<13}{pin:<10}{setting:<11}{inside:<10}{outside}"
                        )
                        .expect("writing to a string");
                    }
                }
            }
        }
        for operation in [
            "list prompts",
            "get prompt",
            "list resources",
            "read resource",
            "complete",
        ] {
            // What is no tool call needs no rule of the token.
            let permitted = permit_list(principal(role, ToolRules::default()), "yes");
            let word = permitted.inner();
            writeln!(matrix, "{role:<11}{operation:<15}{word}").expect("writing to a string");
        }
        let manage = if role.may_manage() { "yes" } else { "no" };
        writeln!(matrix, "{role:<11}{:<15}{manage}", "manage").expect("writing to a string");
    }
    if matrix != MATRIX {
        let proposal = std::env::temp_dir().join("toolgate_role_matrix.txt");
        std::fs::write(&proposal, &matrix).expect("the temporary folder takes a file");
        panic!(
            "the code decides otherwise than was reviewed; {} has what it decides",
            proposal.display()
        );
    }
}

type Decide = fn(&Principal, ToolAccess<'_>) -> &'static str;

fn call(principal: &Principal, tool: ToolAccess<'_>) -> &'static str {
    match permit_call(principal.clone(), tool, ()) {
        Ok(_) => "yes",
        Err(Denied::Held) => "held",
        Err(Denied::Disabled) => "disabled",
        Err(Denied::Role) => "role",
        Err(Denied::Rules) => "rules",
    }
}

fn list(principal: &Principal, tool: ToolAccess<'_>) -> &'static str {
    if may_see(principal, tool) {
        "yes"
    } else {
        "hidden"
    }
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
        let tool = ToolAccess { exposed: &exposed, full: &full, classification, standing: Standing::Approved, least: Role::ReadOnly, read_only_may_call_all };
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
        let tool = ToolAccess { exposed: &exposed, full: &full, classification, standing: Standing::Approved, least: Role::ReadOnly, read_only_may_call_all };
        let seen = Role::ALL.map(|role| may_see(&principal(role, rules.clone()), tool));
        prop_assert!(seen.is_sorted());
    }
}

//! Tool rules: what patterns mean, and that taking away never gives.

use proptest::prelude::*;
use toolgate_policy::{InvalidRule, ToolRules};

use crate::support::{fixed, rules};

#[track_caller]
fn check(globs: &[&str], name: &str, allowed: bool) {
    assert_eq!(rules(globs).allows(name), allowed, "{globs:?} on {name:?}");
}

#[test]
fn a_star_stands_for_any_text_separators_included() {
    check(&["*"], "github__search", true);
    check(&["github__*"], "github__search", true);
    check(&["github__*"], "github__a__b", true);
    check(&["github__*"], "github__a/b.c", true);
    check(&["github__*"], "github__", true);
    check(&["git*search"], "github__search", true);
    check(&["*__search"], "github__search", true);
    check(&["github*"], "github-enterprise__search", true);
    check(&["github__*"], "github-enterprise__search", false);
    check(&["github__*"], "xgithub__search", false);
    check(&["*.get"], "a__v1.get", true);
    check(&["**"], "a__b/c", true);
}

#[test]
fn other_patterns_and_plain_names() {
    check(&["github__search"], "github__search", true);
    check(&["github__search"], "github__search2", false);
    check(&["github__search"], "github__Search", false);
    check(&["github__get_?"], "github__get_a", true);
    check(&["github__get_?"], "github__get_ab", false);
    check(&["github__{get,list}_*"], "github__list_issues", true);
    check(&["github__{get,list}_*"], "github__drop_issues", false);
    check(&["github__v[0-9]"], "github__v2", true);
    check(&["github__\\*"], "github__*", true);
    check(&["github__\\*"], "github__x", false);
    check(&["größe__*"], "größe__x", true);
}

#[test]
fn exclusions_win_in_any_order() {
    for globs in [
        ["github__*", "!github__delete_*"],
        ["!github__delete_*", "github__*"],
        ["*", "!github__delete_*"],
        ["!github__delete_*", "*"],
    ] {
        check(&globs, "github__search", true);
        check(&globs, "github__delete_repo", false);
    }
    check(&["github__delete_repo", "!*"], "github__delete_repo", false);
    check(&["*", "!*."], "files__a/..", false);
}

#[test]
fn a_shortened_name_is_held_against_its_full_form_too() {
    #[track_caller]
    fn check(globs: &[&str], allowed: bool) {
        let (exposed, full) = (
            "github__remove_old_and_abcdefgh",
            "github__remove_old_and_delete_all",
        );
        assert_eq!(rules(globs).allow_tool(exposed, full), allowed, "{globs:?}");
    }
    check(&["github__*"], true);
    check(&["*_abcdefgh"], true);
    check(&["*_delete_all"], true);
    check(&["*_delete"], false);
    check(&["github__*", "!*delete*"], false);
    check(&["github__*", "!*_abcdefgh"], false);
    check(&["*", "!*_delete_all"], false);
}

#[test]
fn what_was_typed_is_kept() {
    let typed = ["github__*", "!github__delete_*", "github__*"];
    assert_eq!(rules(&typed).patterns(), typed);
    assert_eq!(ToolRules::all().patterns(), ["*"]);
    assert_eq!(ToolRules::all(), rules(&["*"]));
    assert!(ToolRules::default().patterns().is_empty());
    assert_eq!(format!("{:?}", rules(&["a__*"])), "ToolRules([\"a__*\"])");
}

#[test]
fn refuses_what_is_no_pattern_and_says_what_is() {
    #[track_caller]
    fn check(glob: &str, expected: &str) {
        let error = ToolRules::parse([glob]).expect_err(glob);
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().contains("`github__*`"));
    }
    check("github__[", "`github__[` is not a tool pattern");
    check("!{a,b", "`{a,b` is not a tool pattern");
    check("a\\", "`a\\` is not a tool pattern");
    check("", "a tool pattern has 1 to 640 bytes, not 0");
    check("!", "a tool pattern has 1 to 640 bytes, not 0");
    check(
        &"a".repeat(641),
        "a tool pattern has 1 to 640 bytes, not 641",
    );
}

#[test]
fn a_token_carries_a_bounded_number_of_patterns() {
    let globs = |count| ToolRules::parse(std::iter::repeat_n("a__*", count));
    assert!(globs(ToolRules::MAX_PATTERNS).is_ok());
    let error = globs(ToolRules::MAX_PATTERNS + 1).expect_err("one too many");
    assert!(matches!(error, InvalidRule::TooMany { max: 256 }));
    assert!(error.hint().contains("one pattern"));
}

/// Globs of `*`, `?` and plain characters, by the definition.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|taken| matches(rest, &name[taken..])),
        ([b'?', rest @ ..], [_, others @ ..]) => matches(rest, others),
        ([plain, rest @ ..], [first, others @ ..]) => plain == first && matches(rest, others),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..fixed() })]

    /// Dots and slashes are what a matcher made for paths may trip over.
    #[test]
    fn patterns_mean_what_the_definition_says(glob in "[a_.*?]{1,6}", name in "[a_./]{0,6}") {
        let expected = matches(glob.as_bytes(), name.as_bytes());
        prop_assert_eq!(rules(&[&glob]).allows(&name), expected, "{} on {}", glob, name);
    }
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn no_text_makes_parsing_panic(
        globs in proptest::collection::vec("!?([a-c*?{},!^\\[\\]\\\\/é日-]{0,12}|\\PC{0,40})", 0..4),
        name in "\\PC{0,40}",
    ) {
        if let Ok(rules) = ToolRules::parse(globs.iter().map(String::as_str)) {
            let again = ToolRules::parse(rules.patterns().iter().map(String::as_str));
            prop_assert_eq!(rules.allows(&name), again.expect("parsed before").allows(&name));
        }
    }

    /// "Removing a grant never permits more", nor does adding an exclusion.
    #[test]
    fn taking_away_never_gives(
        globs in proptest::collection::vec("!?[ab*]{1,3}", 1..5),
        removed in any::<proptest::sample::Index>(),
        exclusion in "![ab*]{1,3}",
        exposed in "[ab]{1,4}",
        full in "[ab]{1,4}",
    ) {
        let all: Vec<&str> = globs.iter().map(String::as_str).collect();
        let before = rules(&all).allow_tool(&exposed, &full);

        let mut more_exclusions = all.clone();
        more_exclusions.push(&exclusion);
        prop_assert!(rules(&more_exclusions).allow_tool(&exposed, &full) <= before);

        let removed = removed.index(all.len());
        if !all[removed].starts_with('!') {
            let mut fewer = all.clone();
            fewer.remove(removed);
            prop_assert!(rules(&fewer).allow_tool(&exposed, &full) <= before);
        }
    }
}

proptest! {
    /// Patterns without anything but stars are matched without a regular expression, and mean the same.
    #[test]
    fn patterns_of_stars_mean_what_globs_mean(
        pattern in "[ab_/.-]{0,3}(\\*[ab_/.-]{1,3}){0,3}\\*?",
        name in "[ab_/.\n-]{0,12}",
    ) {
        prop_assume!(!pattern.is_empty());
        let glob = globset::GlobBuilder::new(&pattern).literal_separator(false).build().unwrap();
        let expected = glob.compile_matcher().is_match(&name);
        prop_assert_eq!(rules(&[&pattern]).allows(&name), expected, "{} on {}", pattern, name);
    }
}

/// Tokens that have the same list share it.
#[test]
fn a_copy_of_a_list_takes_no_room() {
    let first = rules(&["github__*", "!github__delete_*"]);
    assert_eq!(size_of_val(&first), size_of::<usize>());
    assert_eq!(first.clone().patterns().as_ptr(), first.patterns().as_ptr());
}

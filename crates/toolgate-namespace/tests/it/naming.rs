//! `namespace_roundtrip`: exposed names are fit for clients, distinct, and lead back (S-33).

use std::collections::HashSet;

use proptest::prelude::*;
use toolgate_namespace::{ExposedName, ServerSlug, TOOL_NAME_MAX, ToolName};

use crate::hostile::{fixed, limit, slug, tool_name, two_hundred_names};

fn is_fit(name: &str, max: usize) -> bool {
    (1..=max).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn s33_split_undoes_join(server in slug(), tool in tool_name()) {
        let full = ExposedName::full(Some(&server), &tool);
        prop_assert_eq!(ExposedName::split(&full), Some((server.as_str(), tool.as_str())));
    }

    #[test]
    fn s33_every_exposed_name_tells_its_server(server in slug(), tool in tool_name(), max in limit()) {
        let exposed = ExposedName::new(Some(&server), &tool, max);
        let split = ExposedName::split(exposed.as_str());
        prop_assert_eq!(split.map(|(server, _)| server), Some(server.as_str()));
    }

    #[test]
    fn p9_3_p9_4_clients_take_every_exposed_name(
        server in proptest::option::of(slug()),
        tool in tool_name(),
        max in limit(),
    ) {
        let exposed = ExposedName::new(server.as_ref(), &tool, max);
        prop_assert!(is_fit(exposed.as_str(), max), "{} for {}", exposed, max);
    }

    #[test]
    fn p9_3_at_the_default_limit_too(server in slug(), tool in tool_name()) {
        let exposed = ExposedName::new(Some(&server), &tool, TOOL_NAME_MAX);
        prop_assert!(is_fit(exposed.as_str(), 64), "{}", exposed);
    }

    #[test]
    fn p9_1_a_name_that_is_fit_stays_as_it_is(server in slug(), tool in tool_name(), max in limit()) {
        let full = ExposedName::full(Some(&server), &tool);
        let exposed = ExposedName::new(Some(&server), &tool, max);
        prop_assert_eq!(exposed.as_str() == full, is_fit(&full, max));
    }

    /// Not even a limit from outside the allowed range gets a name that is too long or panics.
    #[test]
    fn p9_3_any_limit_is_survived(server in slug(), tool in tool_name(), max in any::<usize>()) {
        let exposed = ExposedName::new(Some(&server), &tool, max);
        prop_assert!(is_fit(exposed.as_str(), max.clamp(36, 128)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..fixed() })]

    #[test]
    fn s33_two_hundred_hostile_names_stay_apart(
        server in proptest::option::of(slug()),
        tools in two_hundred_names(),
        max in limit(),
    ) {
        let exposed: HashSet<_> =
            tools.iter().map(|tool| ExposedName::new(server.as_ref(), tool, max)).collect();
        prop_assert_eq!(exposed.len(), tools.len());
    }
}

/// The form is part of the interface: tool rules and clients' own settings hold exposed names.
#[test]
fn p9_3_exposed_names_never_change_from_one_release_to_the_next() {
    #[track_caller]
    fn check(server: &str, tool: &str, max: usize, expected: &str) {
        let server = ServerSlug::try_from(server).expect("the case names a valid slug");
        let tool = ToolName::try_from(tool).expect("the case names a valid tool");
        assert_eq!(
            ExposedName::new(Some(&server), &tool, max).as_str(),
            expected
        );
    }
    let long = "get_".repeat(30);
    check("files", "read", 64, "files__read");
    check("files", "Read", 64, "files__Read");
    check("files", "読む", 64, "files_____v62mromu");
    check("files", "🔧", 64, "files____7luvl5h4");
    check(
        "files",
        &long,
        64,
        "files__get_get_get_get_get_get_get_get_get_get_get_get__zs556cc7",
    );
    check("files", &long, 36, "files__get_get_get_get_get__zs556cc7");
    check("files", &long, 127, &format!("files__{long}"));
}

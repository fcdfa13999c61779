//! The table: everything listed can be called, nothing else can, and order is kept.

use std::collections::HashSet;

use proptest::prelude::*;
use toolgate_namespace::{
    ExposedName, Hidden, HiddenReason, ServerId, ServerSlug, TOOL_NAME_MAX, ToolName, ToolTable,
};

use crate::hostile::{fixed, limit, slug, two_hundred_names};

/// A workspace in short: (slug, or "" for none; tools).
fn build(servers: &[(&str, &[&str])]) -> ToolTable {
    let servers: Vec<(ServerId, Option<ServerSlug>, Vec<ToolName>)> = servers
        .iter()
        .enumerate()
        .map(|(number, (slug, tools))| {
            let tools = tools
                .iter()
                .map(|tool| ToolName::try_from(*tool).expect("the case names valid tools"));
            (
                server(number),
                ServerSlug::try_from(*slug).ok(),
                tools.collect(),
            )
        })
        .collect();
    build_from(&servers, TOOL_NAME_MAX)
}

fn build_from(servers: &[(ServerId, Option<ServerSlug>, Vec<ToolName>)], max: usize) -> ToolTable {
    let servers = servers
        .iter()
        .map(|(id, slug, tools)| (id.clone(), slug.as_ref(), tools.as_slice()));
    ToolTable::build(servers, max)
}

fn server(number: usize) -> ServerId {
    ServerId::try_from(format!("srv_{number}")).expect("a valid id")
}

fn listed(table: &ToolTable) -> Vec<&str> {
    table.iter().map(|target| target.exposed.as_str()).collect()
}

fn hidden(table: &ToolTable) -> Vec<(&str, &str, HiddenReason)> {
    let hidden = table.hidden().iter();
    hidden
        .map(
            |Hidden {
                 server,
                 tool,
                 reason,
             }| (server.as_str(), tool.as_str(), *reason),
        )
        .collect()
}

#[test]
fn p9_7_order_is_that_of_the_servers_and_of_each_servers_own_list() {
    let table = build(&[("zoo", &["b", "a"]), ("ape", &["z", "c"])]);
    assert_eq!(listed(&table), ["zoo__b", "zoo__a", "ape__z", "ape__c"]);
    let places: Vec<_> = (&table).into_iter().map(|target| target.index).collect();
    assert_eq!(places, [0, 1, 0, 1]);
}

#[test]
fn p9_3_listed_and_full_names_lead_to_the_same_tool() {
    let long = "x".repeat(100);
    let table = build(&[("files", &[&long, "read/all", "read"])]);
    let full = format!("files__{long}");

    let by_full = table.find(&full).expect("the full name stays callable");
    assert_eq!(by_full.tool.as_str(), long);
    assert_eq!(by_full.full_name(), full);
    assert_eq!(table.find(by_full.exposed.as_str()), Some(by_full));
    assert_eq!(
        table.find("files__read/all").map(|target| target.index),
        Some(1)
    );
    let plain = table.find("files__read").expect("listed");
    assert_eq!(plain.full_name(), plain.exposed.as_str());
}

#[test]
fn p9_2_nothing_else_is_found() {
    let table = build(&[("files", &["read", "read/all"])]);
    for name in [
        "",
        "read",
        "files",
        "files__",
        "files__Read",
        "files__read_all",
        "files__read ",
    ] {
        assert_eq!(table.find(name), None, "{name:?}");
    }
    assert_eq!(ToolTable::default().find("files__read"), None);
    assert_eq!(ToolTable::default().iter().len(), 0);
}

#[test]
fn p9_5_of_one_name_listed_twice_the_first_wins() {
    let table = build(&[("files", &["read", "write", "read"])]);
    assert_eq!(listed(&table), ["files__read", "files__write"]);
    assert_eq!(
        table.find("files__read").map(|target| target.index),
        Some(0)
    );
    assert_eq!(hidden(&table), [("srv_0", "read", HiddenReason::Repeated)]);
}

#[test]
fn s33_names_that_collide_are_all_hidden_and_cannot_be_called() {
    // What a hostile server would list: the cleaned form of another of its tools.
    let cleaned = build(&[("files", &["read/all"])]);
    let exposed = listed(&cleaned)[0]
        .strip_prefix("files__")
        .expect("prefixed");

    let table = build(&[("files", &["a", "read/all", exposed, "z"])]);
    assert_eq!(listed(&table), ["files__a", "files__z"]);
    assert_eq!(
        hidden(&table),
        [
            ("srv_0", exposed, HiddenReason::Collision),
            ("srv_0", "read/all", HiddenReason::Collision),
        ]
    );
    assert_eq!(table.find("files__read/all"), None);
    assert_eq!(table.find(listed(&cleaned)[0]), None);
    assert_eq!(table.find("files__z").map(|target| target.index), Some(3));
}

#[test]
fn s33_three_way_collisions_hide_all_three() {
    let table = build(&[("", &["read"]), ("", &["read"]), ("", &["read", "write"])]);
    assert_eq!(listed(&table), ["write"]);
    assert_eq!(table.hidden().len(), 3);
    assert!(
        table
            .hidden()
            .iter()
            .all(|h| h.reason == HiddenReason::Collision)
    );
}

#[test]
fn p9_6_a_server_alone_may_do_without_a_prefix() {
    let table = build(&[("", &["search", "files__read"])]);
    assert_eq!(listed(&table), ["search", "files__read"]);
    assert_eq!(hidden(&table), []);
}

#[test]
fn s33_a_server_without_prefix_cannot_pose_as_another() {
    let table = build(&[
        (
            "",
            &["search", "github__steal", "github_/steal", "githubs__fine"],
        ),
        ("github", &["push"]),
    ]);
    assert_eq!(listed(&table), ["search", "githubs__fine", "github__push"]);
    assert_eq!(
        hidden(&table),
        [
            ("srv_0", "github__steal", HiddenReason::BorrowedPrefix),
            ("srv_0", "github_/steal", HiddenReason::BorrowedPrefix),
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..fixed() })]

    /// Names of the second round are exposed names of the first, so some collide by intent.
    #[test]
    fn s33_namespace_roundtrip_the_table_is_a_bijection_whatever_servers_list(
        slugs in proptest::collection::hash_set(slug(), 1..4),
        tools in two_hundred_names(),
        imitated in 0_usize..40,
        max in limit(),
    ) {
        let servers: Vec<_> = slugs
            .into_iter()
            .enumerate()
            .map(|(number, slug)| (server(number), Some(slug.clone()), with_imitations(&slug, &tools, imitated, max)))
            .collect();
        let table = build_from(&servers, max);

        let mut names = HashSet::new();
        for target in &table {
            prop_assert!(names.insert(target.exposed.as_str()), "{} is listed twice", target.exposed);
            prop_assert!(target.exposed.as_str().len() <= max);
            prop_assert_eq!(table.find(target.exposed.as_str()), Some(target));
            prop_assert_eq!(table.find(target.full_name()), Some(target));
            let (_, _, tools) = &servers[number_of(&target.server)];
            prop_assert_eq!(&tools[target.index], &target.tool);
        }
        let given: usize = servers.iter().map(|(_, _, tools)| tools.len()).sum();
        prop_assert_eq!(table.iter().len() + table.hidden().len(), given);
        for (id, slug, tools) in &servers {
            for tool in tools {
                let full = ExposedName::full(slug.as_ref(), tool);
                let found = table.find(&full);
                let is_hidden =
                    table.hidden().iter().any(|hidden| hidden.server == *id && hidden.tool == *tool);
                prop_assert!(found.is_some() || is_hidden, "{} is neither listed nor hidden", full);
                if let Some(target) = found {
                    prop_assert_eq!((&target.server, &target.tool), (id, tool));
                }
            }
        }
        let order: Vec<_> =
            table.iter().map(|target| (number_of(&target.server), target.index)).collect();
        prop_assert!(order.is_sorted(), "P9.7");
    }

    #[test]
    fn s33_without_imitations_nothing_is_hidden(slug in slug(), tools in two_hundred_names(), max in limit()) {
        let given = tools.len();
        let table = build_from(&[(server(0), Some(slug), tools)], max);
        prop_assert_eq!(table.hidden(), &[]);
        prop_assert_eq!(table.iter().len(), given);
    }
}

/// The names, then the exposed forms of the first few of them as names of their own.
fn with_imitations(
    slug: &ServerSlug,
    tools: &[ToolName],
    count: usize,
    max: usize,
) -> Vec<ToolName> {
    let imitations = tools.iter().take(count).filter_map(|tool| {
        let exposed = ExposedName::new(Some(slug), tool, max);
        ExposedName::split(exposed.as_str()).and_then(|(_, tool)| ToolName::try_from(tool).ok())
    });
    tools.iter().cloned().chain(imitations).collect()
}

fn number_of(id: &ServerId) -> usize {
    let digits = id.as_str().trim_start_matches(ServerId::PREFIX);
    digits.parse().expect("ids in these tests are numbers")
}

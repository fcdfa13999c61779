//! Exposed names and the table that leads back from them (P9.1–P9.7).
//!
//! A table is built when a catalog changes, a name is looked up in each call.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use toolgate_namespace::{ExposedName, ServerId, ServerSlug, TOOL_NAME_MAX, ToolName, ToolTable};

const SERVERS: u8 = 50;
const TOOLS: u8 = 20;

fn exposed_name(c: &mut Criterion) {
    let mut group = c.benchmark_group("exposed_name");
    group.throughput(Throughput::Elements(1));
    let server = slug("github");
    for (kind, tool) in [
        ("plain", "create_pull_request_review".to_owned()),
        ("cleaned", "repos/create review".to_owned()),
        ("shortened", "repository_".repeat(10)),
    ] {
        let tool = tool_name(&tool);
        group.bench_function(kind, |b| {
            b.iter(|| ExposedName::new(Some(&server), black_box(&tool), TOOL_NAME_MAX));
        });
    }
    group.finish();
}

fn table(c: &mut Criterion) {
    let servers = catalog();
    let tools = u64::from(SERVERS) * u64::from(TOOLS);

    let mut group = c.benchmark_group("tool_table");
    group.throughput(Throughput::Elements(tools));
    group.bench_function("build_50x20", |b| b.iter(|| build(black_box(&servers))));

    let table = build(&servers);
    assert_eq!(
        table.iter().count(),
        usize::from(SERVERS) * usize::from(TOOLS)
    );
    group.bench_function("iterate_50x20", |b| {
        b.iter(|| {
            table
                .iter()
                .map(|tool| tool.exposed.as_str().len())
                .sum::<usize>()
        });
    });

    group.throughput(Throughput::Elements(1));
    for (kind, name) in [
        ("find_exposed", "server-49__tool_with_an_ordinary_name_7"),
        ("find_full", "server-49__tool/with/slashes/3"),
        ("find_nothing", "server-49__no_such_tool_in_this_list"),
    ] {
        assert_eq!(table.find(name).is_some(), kind != "find_nothing");
        group.bench_function(kind, |b| b.iter(|| table.find(black_box(name)).is_some()));
    }
    group.finish();
}

type Catalog = Vec<(ServerId, ServerSlug, Vec<ToolName>)>;

/// 50 servers of 20 tools; one name in four has to be cleaned.
fn catalog() -> Catalog {
    (0..SERVERS)
        .map(|server| {
            let tools = (0..TOOLS).map(|tool| match tool % 4 {
                3 => tool_name(&format!("tool/with/slashes/{tool}")),
                _ => tool_name(&format!(
                    "tool_with_an_ordinary_name_{}",
                    u32::from(tool) + 1
                )),
            });
            (
                ServerId::from_random([server; 16]),
                slug(&format!("server-{server}")),
                tools.collect(),
            )
        })
        .collect()
}

fn build(catalog: &Catalog) -> ToolTable {
    let servers = catalog
        .iter()
        .map(|(id, slug, tools)| (id.clone(), Some(slug), tools.as_slice()));
    ToolTable::build(servers, TOOL_NAME_MAX)
}

fn slug(text: &str) -> ServerSlug {
    ServerSlug::try_from(text).expect("the bench names valid slugs")
}

fn tool_name(text: &str) -> ToolName {
    ToolName::try_from(text).expect("the bench names valid tools")
}

criterion_group!(benches, exposed_name, table);
criterion_main!(benches);

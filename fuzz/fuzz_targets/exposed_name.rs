//! F-11: an exposed name leads back to the server and tool it was made of, and to nothing else.
//!
//! The first byte is the limit, each line a tool. Run with
//! `cargo +nightly fuzz run exposed_name`.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use toolgate_namespace::{ExposedName, ServerId, ServerSlug, ToolName, ToolTable};

fuzz_target!(|input: (u8, &str)| {
    let (limit, lines) = (36 + usize::from(input.0) % 93, input.1);
    let slug = ServerSlug::try_from("files").expect("a slug");
    let tools: Vec<_> = lines
        .lines()
        .filter_map(|line| ToolName::try_from(line).ok())
        .collect();
    for slug in [Some(&slug), None] {
        let servers = [(ServerId::from_random([1; 16]), slug, tools.as_slice())];
        let table = ToolTable::build(servers, limit);
        assert_eq!(table.iter().len() + table.hidden().len(), tools.len());

        let mut names = HashSet::new();
        for target in &table {
            let name = target.exposed.as_str();
            assert!((1..=limit).contains(&name.len()));
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
            );
            assert!(names.insert(name), "{name} is listed twice");
            assert_eq!(target.tool, tools[target.index]);
            assert_eq!(table.find(name), Some(target));
            assert_eq!(
                table.find(&ExposedName::full(slug, &target.tool)),
                Some(target)
            );
        }
    }
});

//! Names that servers were seen to send, and worse.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use toolgate_namespace::{ServerSlug, ToolName};

/// The same cases on every run: what fails here fails for everyone.
pub(crate) fn fixed() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(33),
        ..ProptestConfig::default()
    }
}

/// Any valid tool name, mostly of the kinds that make trouble.
pub(crate) fn tool_name() -> impl Strategy<Value = ToolName> {
    let text = prop_oneof![
        3 => "[a-z_]{1,12}",
        2 => "[A-Za-z0-9_.-]{1,64}",
        // Twins but for case, and but for one other character.
        2 => "(read|Read|READ|re.ad|re/ad|re ad|re__ad|re_ad)[_/. ]{0,3}",
        // Equal for longer than any limit, different at the end.
        2 => "[a-c]{0,2}x{100}[a-c/.]{1,3}",
        1 => "[A-Za-z0-9_.-]{65,200}",
        1 => "_{1,70}",
        1 => "(__|a|_|-|é|/){1,40}",
        1 => "[äöüßéñ日本語ツール🔧/ :@]{1,40}",
        1 => "\\PC{1,60}",
    ];
    text.prop_filter_map("a tool name", |text| ToolName::try_from(text.as_str()).ok())
}

/// Around 200 different names, in an order of their own.
pub(crate) fn two_hundred_names() -> impl Strategy<Value = Vec<ToolName>> {
    proptest::collection::vec(tool_name(), 220).prop_map(|mut names| {
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    })
}

/// Any valid server slug.
pub(crate) fn slug() -> impl Strategy<Value = ServerSlug> {
    prop_oneof![
        Just("a".to_owned()),
        "[a-z]([a-z0-9-]{0,6}[a-z0-9])?",
        "[a-z][a-z0-9-]{22}[a-z0-9]",
    ]
    .prop_map(|text| ServerSlug::try_from(text.as_str()).expect("the pattern is the grammar"))
}

/// A longest name that a workspace may set.
pub(crate) fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![Just(64), Just(36), Just(128), 36_usize..=128]
}

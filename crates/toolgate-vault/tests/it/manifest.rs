//! S-17 `row_rollback`: the manifest fits the live secrets and nothing else.

use proptest::prelude::*;
use toolgate_vault::{ManifestEntry, MasterKey};

use crate::support::fixed;

fn entry<'a>(
    server: Option<&'a str>,
    name: &'a str,
    version: u64,
    sealed: &'a [u8],
) -> ManifestEntry<'a> {
    ManifestEntry {
        server,
        name,
        version,
        tag: sealed,
    }
}

#[test]
fn a_row_put_back_added_or_taken_away_is_noticed() {
    let master = MasterKey::generate().unwrap();
    let live = [
        entry(None, "A", 2, b"sealed-2"),
        entry(Some("srv_x"), "B", 1, b"sealed-b"),
    ];
    let stored = master.manifest_mac("ws_a", live);
    let check = |entries: &[ManifestEntry<'_>], fits: bool| {
        assert_eq!(
            master.manifest_matches("ws_a", entries.iter().copied(), &stored),
            fits
        );
    };
    check(&live, true);
    check(&[live[1], live[0]], true);
    check(&[entry(None, "A", 1, b"sealed-1"), live[1]], false);
    check(&[entry(None, "A", 2, b"sealed-1"), live[1]], false);
    check(&[entry(None, "A", 3, b"sealed-2"), live[1]], false);
    check(&[live[0], entry(None, "B", 1, b"sealed-b")], false);
    check(&[live[0], entry(Some(""), "B", 1, b"sealed-b")], false);
    check(&[live[0]], false);
    check(&[live[0], live[1], live[1]], false);
    check(&[], false);
    assert!(!master.manifest_matches("ws_b", live, &stored));
    assert!(
        !MasterKey::generate()
            .unwrap()
            .manifest_matches("ws_a", live, &stored)
    );
}

type Row = (Option<String>, String, u64, Vec<u8>);

proptest! {
    #![proptest_config(fixed())]

    #[test]
    fn different_entries_have_different_manifests(
        one in proptest::collection::vec(row(), 0..3),
        other in proptest::collection::vec(row(), 0..3),
    ) {
        let master = MasterKey::generate().unwrap();
        let mac = |rows: &[Row]| {
            let entries = rows.iter().map(|(server, name, version, sealed)| {
                entry(server.as_deref(), name, *version, sealed)
            });
            master.manifest_mac("ws_a", entries)
        };
        let (mut a, mut b) = (one.clone(), other.clone());
        a.sort();
        b.sort();
        prop_assert_eq!(mac(&one) == mac(&other), a == b);
    }
}

/// Short fields of few letters, so that equal encodings of unequal rows would be found.
fn row() -> impl Strategy<Value = Row> {
    (
        proptest::option::of("[AB]{0,2}"),
        "[AB]{0,2}",
        0..3_u64,
        proptest::collection::vec(0..3_u8, 0..3),
    )
}

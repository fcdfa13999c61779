//! Lists come in pages that lose and repeat nothing.

use std::collections::BTreeSet;

use serde_json::Value;
use toolgate_admin::NewToken;

use crate::support::{BASE, Setup, of};

/// Everything of a list, page by page.
async fn walk(setup: &Setup, path: &str, noun: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for _ in 0..100 {
        let more = if cursor.is_empty() {
            String::new()
        } else {
            format!("&cursor={cursor}")
        };
        let page = setup.get(&format!("{path}?limit={limit}{more}")).await;
        let items = page[noun].as_array().unwrap();
        assert!(items.len() <= limit);
        all.extend(items.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
    panic!("{path} has no end");
}

#[tokio::test]
async fn pages_of_any_size_are_the_whole() {
    let setup = Setup::new().await;
    for name in ["Aa", "Bb", "Cc", "Dd", "Ee"] {
        setup.team(name);
    }
    for limit in [1, 2, 5, 500] {
        let all = walk(&setup, BASE, "workspaces", limit).await;
        let slugs: Vec<&str> = all
            .iter()
            .map(|one| one["slug"].as_str().unwrap())
            .collect();
        assert_eq!(slugs, ["aa", "bb", "cc", "dd", "ee"], "{limit}");
    }
    let scope = setup.admin.scope("aa").unwrap();
    for number in 0..7 {
        let new = NewToken::named(format!("t{number}"));
        setup.admin.create_token(&scope, &new).unwrap();
    }
    let tokens = walk(&setup, &of("aa", "/tokens"), "tokens", 3).await;
    let ids: BTreeSet<&str> = tokens
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!((tokens.len(), ids.len()), (11, 11));
    let audit = walk(&setup, "/api/audit", "audit", 4).await;
    let places: Vec<u64> = audit
        .iter()
        .map(|row| row["sequence"].as_u64().unwrap())
        .collect();
    assert!(
        places.is_sorted_by(|a, b| a == &(b + 1)),
        "newest first, none lost: {places:?}"
    );
}

/// What goes away between two pages moves nothing.
#[tokio::test]
async fn a_cursor_survives_what_it_points_at() {
    let setup = Setup::new().await;
    for name in ["Aa", "Bb", "Cc"] {
        setup.team(name);
    }
    let page = setup.get(&format!("{BASE}?limit=2")).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let scope = setup.admin.scope("bb").unwrap();
    setup.admin.delete_workspace(&scope).unwrap();
    let rest = setup.get(&format!("{BASE}?limit=2&cursor={cursor}")).await;
    assert_eq!(rest["workspaces"][0]["slug"], "cc");
    assert_eq!(rest["next_cursor"], Value::Null);
}

//! Links between the pages: each leads somewhere, and each page is led to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::tree::{files, read, root};

#[test]
fn links_between_pages_lead_somewhere() {
    let mut followed = 0;
    for page in files(&root(), &["md"]) {
        let folder = page.parent().expect("a page lies in a folder");
        for (number, link) in links(&read(&page)) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                path => folder.join(path),
            };
            assert!(
                target.exists(),
                "{}:{number}: there is no {link}",
                page.display()
            );
            assert!(
                anchor.is_empty() || anchors(&target).contains(anchor),
                "{}:{number}: {link} names a heading that is not there",
                page.display()
            );
            followed += 1;
        }
    }
    assert!(followed > 50, "links are looked for elsewhere");
}

#[test]
fn every_page_is_in_the_list_of_pages() {
    let docs = root().join("docs");
    let list = docs.join("README.md");
    let listed: BTreeSet<PathBuf> = links(&read(&list))
        .into_iter()
        .map(|(_, link)| docs.join(link))
        .collect();
    for page in files(&docs, &["md"]) {
        assert!(
            page == list || listed.contains(&page),
            "docs/README.md does not lead to {}",
            page.display()
        );
    }
}

/// The links of a page that stay in the checkout, with the lines they stand on. What is quoted as code is none.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        // Every second piece stands between backticks.
        let line: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split(')').next().unwrap_or_default();
            if !target.contains(':') {
                found.push((number, target.to_owned()));
            }
        }
    }
    found
}

/// What a page's headings are called in links.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = read(page);
    let headings = prose(&text).filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// The lines outside of blocks of code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

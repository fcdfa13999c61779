//! From a workspace's name to its slug (product.md section 3).

use toolgate_namespace::WorkspaceSlug;

/// What a name without a single usable character becomes.
const FALLBACK: &str = "workspace";

/// The slugs to try for `name`, best first: the one derived from it, then with `-2`, `-3`, …
///
/// Lower case; only letters, digits, blanks, underscores and hyphens stay; blanks and underscores become
/// hyphens, runs of hyphens one. A slug starts with a letter, so `2024` becomes `ws-2024`.
pub(crate) fn candidates(name: &str) -> impl Iterator<Item = WorkspaceSlug> {
    let base = base(name);
    (1_u32..).filter_map(move |attempt| {
        let text = if attempt == 1 {
            base.clone()
        } else {
            with_suffix(&base, attempt)
        };
        WorkspaceSlug::try_from(text.as_str()).ok()
    })
}

fn base(name: &str) -> String {
    let mut slug = String::new();
    for character in name.to_lowercase().chars() {
        match character {
            'a'..='z' | '0'..='9' => slug.push(character),
            ' ' | '\t' | '_' | '-' if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    if slug.starts_with(|c: char| c.is_ascii_digit()) {
        slug.insert_str(0, "ws-");
    }
    slug.truncate(WorkspaceSlug::MAX_LEN);
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() {
        slug.push_str(FALLBACK);
    }
    slug
}

fn with_suffix(base: &str, number: u32) -> String {
    let suffix = format!("-{number}");
    let room = WorkspaceSlug::MAX_LEN - suffix.len();
    let cut = base[..base.len().min(room)].trim_end_matches('-');
    format!("{cut}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, slugs: [&str; 2]) {
        let found: Vec<String> = candidates(name).take(2).map(String::from).collect();
        assert_eq!(found, slugs, "{name:?}");
    }

    #[test]
    fn slugs_follow_the_name() {
        check("default", ["default", "default-2"]);
        check("Client A", ["client-a", "client-a-2"]);
        check("my_team -- tools!", ["my-team-tools", "my-team-tools-2"]);
        check("  Ops & Infra  ", ["ops-infra", "ops-infra-2"]);
        check("2024", ["ws-2024", "ws-2024-2"]);
        check("日本", ["workspace", "workspace-2"]);
        check("Żółw", ["w", "w-2"]);
        check("---", ["workspace", "workspace-2"]);
    }

    #[test]
    fn slugs_fit_with_their_suffix() {
        let name = "a".repeat(47) + " b";
        check(&name, [&"a".repeat(47), &("a".repeat(46) + "-2")]);
    }
}

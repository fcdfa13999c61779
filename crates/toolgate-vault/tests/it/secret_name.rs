//! S-18: names.

use InvalidSecretName::{Character, Empty, Start, TooLong};
use proptest::prelude::*;
use toolgate_vault::{InvalidSecretName, SecretName};

use crate::support::fixed;

#[track_caller]
fn check(text: &str, expected: Result<&str, InvalidSecretName>) {
    let name = SecretName::normalise(text);
    assert_eq!(
        name.as_ref().map(SecretName::as_str),
        expected.as_ref().copied()
    );
    if let Err(error) = name {
        assert!(error.hint().is_some());
    }
}

#[track_caller]
fn check_exact(text: &str, expected: Result<(), InvalidSecretName>) {
    assert_eq!(
        SecretName::try_from(text).map(|name| assert_eq!(name.as_str(), text)),
        expected
    );
}

#[test]
fn names_are_normalised() {
    check("GITHUB_TOKEN", Ok("GITHUB_TOKEN"));
    check("github-token", Ok("GITHUB_TOKEN"));
    check("my.api.key", Ok("MY_API_KEY"));
    check("a", Ok("A"));
    check("a b", Ok("A_B"));
    check("key1", Ok("KEY1"));
    check("clé", Ok("CL_"));
    check("a__b", Ok("A__B"));
    check(&"a".repeat(64), Ok(&"A".repeat(64)));
    check(&"a".repeat(65), Err(TooLong));
    check("", Err(Empty));
    check("1password", Err(Start));
    check("_key", Err(Start));
    check("-key", Err(Start));
    check("été", Err(Start));
}

#[test]
fn exact_names_are_not_changed() {
    check_exact("GITHUB_TOKEN", Ok(()));
    check_exact("A", Ok(()));
    check_exact("A1_", Ok(()));
    check_exact("github_token", Err(Character));
    check_exact("A-B", Err(Character));
    check_exact("A\n", Err(Character));
    check_exact("É", Err(Character));
    check_exact("1A", Err(Start));
    check_exact("", Err(Empty));
    check_exact(&"A".repeat(65), Err(TooLong));
}

/// S-21: the value is often typed where the name belongs.
#[test]
fn errors_do_not_show_what_was_typed() {
    let typed = "1-not-a-real-secret";
    let error = SecretName::normalise(typed).unwrap_err();
    assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("secret-"));
    assert!(!format!("{error} {error:?}").contains("not-a-real"));
}

proptest! {
    #![proptest_config(fixed())]

    /// `secret_name_injective`, the vault's half: normal names are their own normal form, and two names are one
    /// only if their normal forms are. The store refuses the second spelling of a name.
    #[test]
    fn normalising_is_idempotent_and_keeps_the_rule(text in ".{0,80}") {
        if let Ok(name) = SecretName::normalise(&text) {
            prop_assert_eq!(&SecretName::normalise(name.as_str()).unwrap(), &name);
            prop_assert_eq!(&SecretName::try_from(name.as_str()).unwrap(), &name);
            prop_assert_eq!(name.as_str().chars().count(), text.chars().count());
            let rule = name.as_str().bytes().enumerate().all(|(at, byte)| {
                byte.is_ascii_uppercase() || (at > 0 && (byte.is_ascii_digit() || byte == b'_'))
            });
            prop_assert!(rule && (1..=64).contains(&name.as_str().len()));
        }
    }

    #[test]
    fn different_normal_names_stay_different(one in "[A-Z][A-Z0-9_]{0,4}", other in "[A-Z][A-Z0-9_]{0,4}") {
        let same = SecretName::normalise(&one).unwrap() == SecretName::normalise(&other).unwrap();
        prop_assert_eq!(same, one == other);
    }
}

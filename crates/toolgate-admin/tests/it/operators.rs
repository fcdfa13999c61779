//! S-77: people with a password.

use toolgate_admin::{AdminError, Secret, canonical_email};

use crate::home::Home;

fn password(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[test]
fn s77_lookalike_case_and_blanks_are_one_name_or_none() {
    for same in ["a@example.com", " A@Example.COM\n", "a@EXAMPLE.com\t"] {
        assert_eq!(canonical_email(same).unwrap(), "a@example.com");
    }
    for refused in [
        "",
        "a",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "\u{430}@example.com",
        "a\u{200b}@example.com",
        &format!("{}@example.com", "a".repeat(250)),
    ] {
        assert!(matches!(
            canonical_email(refused),
            Err(AdminError::Email(_))
        ));
    }
}

#[test]
fn s76_an_installation_is_claimed_once() {
    let home = Home::new();
    assert!(home.admin.is_unclaimed().unwrap());
    let short = home
        .admin
        .claim_installation("a@example.com", &password("too short"));
    assert!(matches!(short, Err(AdminError::WeakPassword)));
    assert!(home.admin.is_unclaimed().unwrap());
    let words = password("correct horse battery");
    let who = home
        .admin
        .claim_installation("A@example.com", &words)
        .unwrap();
    assert_eq!(who.email, "a@example.com");
    assert!(!home.admin.is_unclaimed().unwrap());
    assert!(
        home.admin
            .claim_installation("b@example.com", &words)
            .is_err()
    );
}

#[test]
fn s77_a_password_is_kept_as_argon2id_over_64_mib_and_checked() {
    let home = Home::new();
    let words = password("correct horse battery");
    let who = home
        .admin
        .claim_installation("a@example.com", &words)
        .unwrap();
    assert!(who.password.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"));
    let check = |email: &str, text: &str| home.admin.check_password(email, &password(text));
    assert_eq!(
        check(" A@example.com", "correct horse battery").unwrap(),
        Some(who.clone())
    );
    for (email, text) in [
        ("a@example.com", "correct horse batterx"),
        ("b@example.com", "correct horse battery"),
        ("nobody", "correct horse battery"),
        ("a@example.com", ""),
    ] {
        assert_eq!(check(email, text).unwrap(), None, "{email}");
    }
    // S-41: a new password or a removal ends what was signed in with the old one.
    assert!(home.admin.still_operator(&who).unwrap());
    home.admin
        .set_operator_password("a@example.com", &password("another horse battery"))
        .unwrap();
    assert!(!home.admin.still_operator(&who).unwrap());
    let other = check("a@example.com", "another horse battery")
        .unwrap()
        .unwrap();
    home.admin.remove_operator("a@example.com").unwrap();
    assert!(!home.admin.still_operator(&other).unwrap());
    assert!(home.admin.is_unclaimed().unwrap());
}

/// S-41: with somebody who is removed go the keys that they made, and those that these made; nobody else's.
#[test]
fn s41_keys_go_with_the_operator_who_made_them() {
    let home = Home::new();
    let words = password("correct horse battery");
    let admin = &home.admin;
    let claimed = admin.claim_installation("a@example.com", &words).unwrap();
    let of_host = admin.create_operator_key("host", None).unwrap();
    let in_browser = admin.acting_as(claimed.actor);
    let theirs = in_browser.create_operator_key("theirs", None).unwrap();
    let holder = admin.key_holder(&theirs.key).unwrap().unwrap();
    let by_key = admin.acting_as(holder.actor);
    let heir = by_key.create_operator_key("heir", None).unwrap();

    admin.remove_operator("a@example.com").unwrap();
    for gone in [&theirs, &heir] {
        assert!(
            admin.key_holder(&gone.key).unwrap().is_none(),
            "{}",
            gone.name
        );
    }
    assert!(admin.key_holder(&of_host.key).unwrap().is_some());
    let left = admin.list_operator_keys().unwrap();
    assert_eq!(left.len(), 1);
}

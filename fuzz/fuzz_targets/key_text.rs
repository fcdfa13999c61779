//! F-12: whatever stands where a key, a secret's name or its value belongs, the error names the place and the rule and
//! shows nothing of the text.
//!
//! An error that quoted its input would differ from every error we have seen; lengths are the one thing that may
//! differ, so digits do not count.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use toolgate_vault::{MasterKey, MasterKeySource, Secret, SecretName};

/// What can be said, from inputs that hold nothing of anybody's.
static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let long = "a".repeat(20_000);
    let samples = [
        "",
        "!",
        "00",
        "1",
        "A",
        "é",
        &long,
        &long[..300],
        &"00".repeat(32),
        "aaaaaaaa\n",
    ];
    samples.into_iter().flat_map(said).collect()
});

/// Everything the three readers say of a text that they refuse.
fn said(text: &str) -> Vec<String> {
    let secret = || Secret::new(text.to_owned());
    let mut said = Vec::new();
    for source in [
        MasterKeySource::Text(secret()),
        MasterKeySource::Printed(secret()),
    ] {
        if let Err(error) = MasterKey::load(source, 0) {
            said.push(format!("{error} {error:?} {:?}", error.hint()));
        }
    }
    if let Err(error) = SecretName::normalise(text) {
        said.push(format!("{error} {error:?} {:?}", error.hint()));
    }
    if let Err(error) = Secret::check_value(text.to_owned()) {
        said.push(format!("{error} {error:?} {:?}", error.hint()));
    }
    let digits = |c: char| c.is_ascii_digit();
    said.iter().map(|text| text.replace(digits, "")).collect()
}

fuzz_target!(|text: &str| {
    for error in said(text) {
        assert!(KNOWN.contains(&error), "an error of its own: {error}");
    }
    // A name that is taken is normal: normalising it again changes nothing (S-18).
    if let Ok(name) = SecretName::normalise(text) {
        assert_eq!(SecretName::normalise(name.as_str()), Ok(name.clone()));
        assert_eq!(SecretName::try_from(name.as_str()), Ok(name));
    }
    // A key that is taken is the same key from every place.
    let load = |source| MasterKey::load(source, 0).ok().map(|key| key.id().clone());
    let secret = || Secret::new(text.to_owned());
    assert_eq!(
        load(MasterKeySource::Text(secret())),
        load(MasterKeySource::Printed(secret()))
    );
});

//! S-18 and S-26: what can be saved as a secret can be a header, and can be masked.

use InvalidSecretValue::{Control, TooLong, TooShort};
use toolgate_vault::{InvalidSecretValue, MAX_SECRET_BYTES, Secret};

#[track_caller]
fn check(value: &str, expected: Result<(), InvalidSecretValue>) {
    match Secret::check_value(value.to_owned()) {
        Ok(secret) => {
            assert_eq!(secret.expose(), value);
            assert_eq!(expected, Ok(()));
        }
        Err(error) => {
            assert_eq!(expected, Err(error));
            assert!(error.hint().is_some());
        }
    }
}

#[test]
fn lengths() {
    check("", Err(TooShort));
    check("1234567", Err(TooShort));
    check("12345678", Ok(()));
    check("123456789", Ok(()));
    check("éééé", Ok(()));
    check("ééé", Err(TooShort));
    check(&"x".repeat(MAX_SECRET_BYTES - 1), Ok(()));
    check(&"x".repeat(MAX_SECRET_BYTES), Ok(()));
    check(&"x".repeat(MAX_SECRET_BYTES + 1), Err(TooLong));
}

/// `crlf_matrix`, the saving half: every control character, at the start, inside and at the end.
#[test]
fn controls() {
    let controls = (0..=0x1f)
        .chain(0x7f..=0x9f)
        .map(|code| char::from_u32(code).unwrap());
    for control in controls {
        check(&format!("{control}12345678"), Err(Control));
        check(&format!("1234{control}5678"), Err(Control));
        check(&format!("12345678{control}"), Err(Control));
    }
    check("with spaces and \"quotes\" \\ é €", Ok(()));
}

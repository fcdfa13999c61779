//! S-14: the wrapper. What is missing from it is in the doc tests of `Secret`.

use std::cell::Cell;
use std::rc::Rc;

use toolgate_vault::Secret;
use zeroize::Zeroize;

/// Says when it was wiped; to read freed memory would take unsafe code.
struct Wiped(Rc<Cell<bool>>);

impl Zeroize for Wiped {
    fn zeroize(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn dropping_wipes() {
    let wiped = Rc::new(Cell::new(false));
    let secret = Secret::new(Wiped(Rc::clone(&wiped)));
    assert!(!secret.expose().0.get());
    drop(secret);
    assert!(wiped.get());
}

#[test]
fn debug_prints_a_fixed_word() {
    let secret = Secret::new("not-a-real-secret".to_owned());
    assert_eq!(format!("{secret:?} {secret:#?}"), "[REDACTED] [REDACTED]");
    assert_eq!(format!("{:?}", Some(&secret)), "Some([REDACTED])");
}

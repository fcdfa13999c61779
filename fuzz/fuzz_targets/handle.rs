//! F-15: of sealed handles and cursors only the genuine open, whole, for their purpose and in their context.
//!
//! The input is a plaintext, a purpose, a context, and a change to make to the handle. That they expire is the
//! gateway's part and proven there (`s44_handle_replay_…`).

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate_unseal::Handles;
use toolgate_vault::Secret;

const PURPOSES: [&str; 3] = ["session", "cursor", "request-state"];

fuzz_target!(
    |input: (&[u8], u8, Vec<&[u8]>, u8, Vec<&[u8]>, u16, u8, &str)| {
        let (plain, purpose, context, other_purpose, other_context, place, flip, text) = input;
        let handles = Handles::new(Secret::new([0x5a; 32]));
        let purpose = PURPOSES[usize::from(purpose) % PURPOSES.len()];
        let other_purpose = PURPOSES[usize::from(other_purpose) % PURPOSES.len()];
        let open = |purpose: &str, context: &[&[u8]], handle: &str| {
            handles.open_bound(purpose, context, handle)
        };

        // What we did not seal does not open.
        assert!(open(purpose, &context, text).is_err());
        let handle = handles
            .seal_bound(purpose, &context, plain)
            .expect("randomness");
        assert_eq!(open(purpose, &context, &handle).as_deref(), Ok(plain));

        // Whoever is not its owner, or wants it for something else.
        let is_own = purpose == other_purpose && context == other_context;
        assert_eq!(open(other_purpose, &other_context, &handle).is_ok(), is_own);
        let strangers = Handles::new(Secret::new([0xa5; 32]));
        assert!(strangers.open_bound(purpose, &context, &handle).is_err());

        // One character changed, one less, one more.
        let mut changed = handle.clone().into_bytes();
        let place = usize::from(place) % changed.len();
        changed[place] ^= flip;
        if let Ok(changed) = std::str::from_utf8(&changed)
            && changed != handle
        {
            assert!(open(purpose, &context, changed).is_err(), "{changed}");
        }
        assert!(open(purpose, &context, &handle[1..]).is_err());
        assert!(open(purpose, &context, &format!("{handle}A")).is_err());
    }
);

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn party() -> impl Strategy<Value = Party> {
    // Few, so that some occur more than once.
    let name = || prop_oneof![1..4_i64, Just(i64::MAX)];
    let if_any = || prop::option::of(name());
    (name(), if_any(), if_any(), if_any(), name(), name()).prop_map(
        |(workspace, server, server_slug, tool, token, revision)| Party {
            workspace,
            server,
            server_slug,
            tool,
            token,
            revision,
            source: Source::Gateway,
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    let number = || prop_oneof![0..300_u64, any::<u64>(), Just(u64::MAX)];
    let status = (0..13_i64).prop_filter_map("a status", codes::to_status);
    (
        [number(), number(), number(), number(), number()],
        status,
        any::<Option<i64>>(),
    )
        .prop_map(
            |([number, time_ms, duration_ms, bytes_in, bytes_out], status, error_code)| Call {
                number,
                time_ms,
                status,
                error_code,
                duration_ms,
                bytes_in,
                bytes_out,
            },
        )
}

proptest! {
    #[test]
    fn what_was_packed_comes_back(
        calls in prop::collection::vec(prop::option::weighted(0.9, (party(), call())), 0..100),
    ) {
        let mut packer = Packer::new();
        for call in &calls {
            match call {
                Some((party, call)) => packer.push(*party, call),
                None => packer.forget(),
            }
        }
        let parties = parties(packer.parties()).unwrap();
        let back: Vec<_> = Calls::of(packer.records())
            .map(|call| call.unwrap().map(|(place, call)| (parties[place], call)))
            .collect();
        prop_assert_eq!(&back, &calls);
        prop_assert_eq!(packer.count(), calls.len());
        let times = || calls.iter().flatten().map(|(_, call)| call.time_ms);
        if let (Some(oldest), Some(newest)) = (times().min(), times().max()) {
            prop_assert_eq!(packer.span_ms(), (oldest, newest));
        }
        let distinct: HashSet<_> = parties.iter().collect();
        prop_assert_eq!(distinct.len(), parties.len(), "each party once");
    }

    /// a damaged block is an error or other calls, never a panic.
    #[test]
    fn r08_damage_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parties(&bytes).map(|parties| parties.len());
        let read = Calls::of(&bytes).take_while(Result::is_ok).count();
        prop_assert!(read <= bytes.len());
    }
}

/// What a call of a busy installation takes: the file of ten million is 100 MB, not more than one of rows.
#[test]
fn a_usual_call_takes_ten_bytes() {
    let party = Party {
        workspace: 1,
        server: Some(2),
        server_slug: Some(3),
        tool: Some(4),
        token: 5,
        revision: 6,
        source: Source::Gateway,
    };
    let mut packer = Packer::new();
    for n in 0..1_000 {
        let call = Call {
            number: n,
            time_ms: 1_800_000_000_000 + n,
            status: CallStatus::Ok,
            error_code: None,
            duration_ms: 12,
            bytes_in: 300,
            bytes_out: 1_200,
        };
        packer.push(party, &call);
    }
    assert!(packer.records().len() < 10_000 && packer.parties().len() == 7);
}

//! F-14: whatever is done to an audit chain that a checkpoint has seen in full, the verifier finds it.
//!
//! The first byte is the length of the chain; then each five bytes do one thing to it. What is left is also read
//! as an export. Run with `cargo +nightly fuzz run audit_chain`.

#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use toolgate_store::{
    Actor, AuditHead, AuditKeys, AuditVerifier, ChainedRow, DataDir, Open, Store,
};
use toolgate_vault::MasterKey;

const LONGEST: u64 = 12;

/// A key, and a chain written under it.
fn chain() -> &'static (Arc<MasterKey>, Vec<ChainedRow>) {
    static CHAIN: OnceLock<(Arc<MasterKey>, Vec<ChainedRow>)> = OnceLock::new();
    CHAIN.get_or_init(|| {
        let key = Arc::new(MasterKey::generate().expect("random bytes"));
        let folder = std::env::temp_dir().join(format!("audit-chain-{}", std::process::id()));
        let store = Store::open(&DataDir::new(&folder), Open::CreateIfMissing)
            .and_then(|store| store.unlock(Arc::clone(&key), &Actor::gateway()))
            .expect("a store");
        for number in 1..LONGEST {
            let value = number.to_string();
            store
                .set_setting(&Actor::gateway(), "url", &value)
                .expect("a change");
        }
        let mut rows = Vec::new();
        store
            .export_audit(|row| {
                rows.push(row);
                true
            })
            .expect("an export");
        drop(std::fs::remove_dir_all(folder));
        (key, rows)
    })
}

fuzz_target!(|input: &[u8]| {
    let (key, rows) = chain();
    let Some((length, script)) = input.split_first() else {
        return;
    };
    let whole = &rows[..1 + usize::from(*length) % rows.len()];
    let last = &whole[whole.len() - 1];
    let head = AuditHead {
        sequence: last.sequence,
        mac: last.mac,
    };
    let mut changed = whole.to_vec();
    let (steps, rest) = script.as_chunks::<5>();
    for step in steps {
        apply(&mut changed, *step);
    }
    let holds = verify(key, &changed, head);
    assert_eq!(
        holds,
        changed == whole,
        "a change was not found, or a whole chain was refused"
    );

    // Text from outside: only rows that this key has signed, in their order, hold.
    let read: Vec<ChainedRow> = rest
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    if !read.is_empty() {
        assert_eq!(verify(key, &read, head), read == whole);
    }
});

fn verify(key: &MasterKey, rows: &[ChainedRow], head: AuditHead) -> bool {
    let mut verifier = AuditVerifier::new(AuditKeys::of(key), [head]);
    rows.iter().all(|row| verifier.check(row).is_ok()) && verifier.finish().is_ok()
}

/// Does one thing to the chain.
fn apply(rows: &mut Vec<ChainedRow>, [what, first, second, third, byte]: [u8; 5]) {
    if rows.is_empty() {
        return;
    }
    let at = usize::from(first) % rows.len();
    let other = usize::from(second) % rows.len();
    let bit = 1 << (byte % 8);
    let place = usize::from(third) % 32;
    let row = &mut rows[at];
    match what % 16 {
        0 => row.sequence ^= 1 << (byte % 64),
        1 => row.at ^= 1 << (byte % 64),
        2 => row.actor.push(char::from(byte)),
        3 => row.action.push(char::from(byte)),
        4 => row.workspace = Some(char::from(byte).to_string()),
        5 => row.object.push(char::from(byte)),
        6 => row.detail.push(char::from(byte)),
        7 => row.before = Some([byte; 32]),
        8 => row.after = row.after.xor(Some([byte; 32])),
        9 => row.key_id = row.key_id.take().xor(Some(char::from(byte).to_string())),
        10 => row.previous[place] ^= bit,
        11 => row.mac[place] ^= bit,
        12 => drop(rows.remove(at)),
        13 => rows.swap(at, other),
        14 => rows.insert(at, rows[other].clone()),
        _ => rows.truncate(at),
    }
}

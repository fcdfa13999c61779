//! S-84 `audit_tamper`: 10,000 edits, deletions, swaps, insertions and truncations, all found.

use toolgate_store::{AuditDamage, AuditHead, AuditKeys, AuditVerifier, ChainedRow, Checkpoints};
use toolgate_vault::MasterKey;

use crate::fixtures::{House, actor, refuses};

const TRIES: u64 = 10_000;

/// The same choices in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn chain(house: &House) -> Vec<ChainedRow> {
    let mut rows = Vec::new();
    house
        .store
        .export_audit(|row| {
            rows.push(row);
            true
        })
        .unwrap();
    rows
}

fn verify(
    rows: &[ChainedRow],
    key: &MasterKey,
    checkpoint: AuditHead,
) -> Result<AuditHead, AuditDamage> {
    let mut verifier = AuditVerifier::new(AuditKeys::of(key), [checkpoint]);
    for row in rows {
        verifier.check(row).map_err(|found| found.damage)?;
    }
    verifier.finish().map_err(|found| found.damage)
}

/// Changes one thing in one row; says what.
fn edit(row: &mut ChainedRow, dice: &mut Dice) -> &'static str {
    let flip = |digest: &mut [u8; 32], dice: &mut Dice| {
        digest[dice.below(32)] ^= 1 << dice.below(8);
    };
    let text = |text: &mut String, dice: &mut Dice| {
        if dice.below(2) == 0 || text.pop().is_none() {
            text.push('x');
        }
    };
    let digest = |state: &mut Option<[u8; 32]>, dice: &mut Dice| match state {
        Some(bytes) if dice.below(2) == 0 => flip(bytes, dice),
        Some(_) => *state = None,
        None => *state = Some([7; 32]),
    };
    match dice.below(11) {
        0 => row.at ^= 1 << dice.below(40),
        1 => text(&mut row.actor, dice),
        2 => text(&mut row.action, dice),
        3 => {
            row.workspace = match row.workspace.take() {
                Some(_) => None,
                None => Some("ws_x".to_owned()),
            }
        }
        4 => text(&mut row.object, dice),
        5 => text(&mut row.detail, dice),
        6 => digest(&mut row.before, dice),
        7 => digest(&mut row.after, dice),
        8 => row.key_id = None,
        9 => flip(&mut row.previous, dice),
        _ => flip(&mut row.mac, dice),
    }
    "edit"
}

/// Does one kind of damage to a chain that a checkpoint has seen in full.
fn tamper(rows: &mut Vec<ChainedRow>, dice: &mut Dice) -> &'static str {
    let at = dice.below(rows.len());
    match dice.below(8) {
        0..4 => edit(&mut rows[at], dice),
        4 => {
            let count = 1 + dice.below(rows.len() - at);
            rows.drain(at..at + count);
            "delete"
        }
        5 => {
            let other = (at + 1 + dice.below(rows.len() - 1)) % rows.len();
            rows.swap(at, other);
            // With and without the numbers put right again.
            if dice.below(2) == 0 {
                let (a, b) = (rows[at].sequence, rows[other].sequence);
                (rows[at].sequence, rows[other].sequence) = (b, a);
            }
            "swap"
        }
        6 => {
            let mut copy = rows[dice.below(rows.len())].clone();
            if dice.below(2) == 0 {
                copy.sequence = at as u64 + 1;
                rows[at..].iter_mut().for_each(|row| row.sequence += 1);
            }
            rows.insert(at, copy);
            "insert"
        }
        _ => {
            rows.truncate(at);
            "truncate"
        }
    }
}

#[test]
fn s84_audit_tamper() {
    let house = House::new();
    let scope = house.workspace("acme", 1);
    for n in 1..12 {
        house.add_token(&scope, n);
        house
            .store
            .set_setting(&actor(), "url", &n.to_string())
            .unwrap();
    }
    let whole = chain(&house);
    let head = house.store.audit_head().unwrap();
    assert_eq!(verify(&whole, &house.key, head), Ok(head));

    let mut dice = Dice(84);
    let mut tried = std::collections::BTreeMap::new();
    for number in 0..TRIES {
        let mut rows = whole.clone();
        let what = tamper(&mut rows, &mut dice);
        assert_ne!(rows, whole, "{what} {number} changed nothing");
        let found = verify(&rows, &house.key, head);
        assert!(found.is_err(), "{what} {number} was not found");
        *tried.entry(what).or_insert(0) += 1;
    }
    assert_eq!(tried.len(), 5, "{tried:?}");
}

#[test]
fn s84_a_row_does_not_verify_under_a_key_it_was_not_written_with() {
    let house = House::new();
    house.workspace("acme", 1);
    let other = MasterKey::generate().unwrap();
    refuses(
        house.store.verify_audit_with(AuditKeys::of(&other), None),
        "checking the audit chain: it breaks at row 1, the row was written under a key that was not given",
    );
    let both = AuditKeys::of(&other).with(&*house.key);
    house.store.verify_audit_with(both, None).unwrap();
}

#[test]
fn s84_a_row_that_cannot_be_read_is_a_changed_row() {
    let house = House::new();
    house.workspace("acme", 1);
    rusqlite::Connection::open(house.dir.control_db())
        .unwrap()
        .execute_batch("UPDATE audit SET before = x'00' WHERE sequence = 2")
        .unwrap();
    refuses(
        house.store.verify_audit(None),
        "checking the audit chain: it breaks at row 2, the row was changed",
    );
}

#[test]
fn s84_checkpoints_are_kept_once_and_survive_a_torn_line() {
    let house = House::new();
    let sink = Checkpoints::new(house.dir.checkpoints());
    assert_eq!(sink.read().unwrap().heads, []);
    let first = house.store.audit_head().unwrap();
    assert!(sink.keep(first).unwrap());
    assert!(!sink.keep(first).unwrap(), "nothing changed");
    let mut text = std::fs::read(sink.path()).unwrap();
    text.extend(b"{\"at\":1,\"sequ");
    std::fs::write(sink.path(), text).unwrap();

    house.store.set_setting(&actor(), "url", "x").unwrap();
    let second = house.store.audit_head().unwrap();
    assert!(sink.keep(second).unwrap());
    let read = sink.read().unwrap();
    assert_eq!(read.heads, [first, second]);
    assert_eq!(read.unreadable, Some(2));
    assert_eq!(
        house.store.verify_audit(read.heads.clone()).unwrap(),
        second
    );
    assert_eq!(house.store.lost_checkpoint(&read.heads).unwrap(), None);

    // A store that was put back to an earlier state is found without its key.
    rusqlite::Connection::open(house.dir.control_db())
        .unwrap()
        .execute_batch("DELETE FROM audit WHERE sequence = 2")
        .unwrap();
    assert_eq!(
        house.store.lost_checkpoint(&read.heads).unwrap(),
        Some(second)
    );
    refuses(
        house.store.verify_audit(read.heads),
        "checking the audit chain: it breaks at row 2, the end of the chain was cut off",
    );
}

#[test]
fn s84_two_checkpoints_that_contradict_each_other_fit_no_chain() {
    let house = House::new();
    let head = house.store.audit_head().unwrap();
    let forged = AuditHead {
        mac: [1; 32],
        ..head
    };
    for pair in [[head, forged], [forged, head]] {
        assert!(house.store.verify_audit(pair).is_err());
    }
}

//! How the calls of a block are packed: a few bytes each, cheap to write and to look through.
//!
//! Two streams of numbers, seven bits a byte. The *parties* are the combinations of names that occur in the block,
//! each once. A *record* is a call's status, the place of its party, what its number and its arrival differ by from
//! the record before, its duration and sizes, and its error code if it has one. A forgotten record is a 0 and keeps
//! its place, so that those after it keep their numbers. A released form is never changed: another is another table.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use toolgate_analytics::{CallRecord, CallStatus, Source};

use super::codes;
use crate::sql::Broken;

/// Who called what through which door: numbers of the dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Party {
    pub(super) workspace: i64,
    pub(super) server: Option<i64>,
    pub(super) server_slug: Option<i64>,
    pub(super) tool: Option<i64>,
    pub(super) token: i64,
    pub(super) revision: i64,
    pub(super) source: Source,
}

/// What else is remembered of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// Its number among the calls of its process run.
    pub(super) number: u64,
    pub(super) time_ms: u64,
    pub(super) status: CallStatus,
    pub(super) error_code: Option<i64>,
    pub(super) duration_ms: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

impl From<&CallRecord> for Call {
    fn from(record: &CallRecord) -> Self {
        // What the columns of a row can hold.
        let kept = |number: u64| number.min(i64::MAX.unsigned_abs());
        Self {
            number: record.number,
            time_ms: kept(record.time_ms),
            status: record.status,
            error_code: record.error_code,
            duration_ms: kept(record.duration_ms),
            bytes_in: kept(record.bytes_in),
            bytes_out: kept(record.bytes_out),
        }
    }
}

/// A record that is not there any more.
const FORGOTTEN: u64 = 0;

/// What a record's number and arrival are told by.
#[derive(Debug, Default)]
struct Before {
    number: u64,
    time_ms: u64,
}

/// Packs the calls of one block.
#[derive(Debug)]
pub(super) struct Packer {
    parties: Vec<u8>,
    places: HashMap<Party, u64, RandomState>,
    records: Vec<u8>,
    before: Before,
    count: usize,
    oldest_ms: u64,
    newest_ms: u64,
}

impl Packer {
    pub(super) fn new() -> Self {
        Self {
            parties: Vec::new(),
            places: HashMap::default(),
            records: Vec::new(),
            before: Before::default(),
            count: 0,
            oldest_ms: u64::MAX,
            newest_ms: 0,
        }
    }

    pub(super) fn push(&mut self, party: Party, call: &Call) {
        let next = self.places.len() as u64;
        let place = *self.places.entry(party).or_insert_with(|| {
            put_party(&mut self.parties, &party);
            next
        });
        let records = &mut self.records;
        let status = codes::of_status(call.status).unsigned_abs() + 1;
        put(records, status << 1 | u64::from(call.error_code.is_some()));
        put(records, place);
        put(records, difference(self.before.number, call.number));
        put(records, difference(self.before.time_ms, call.time_ms));
        put(records, call.duration_ms);
        put(records, call.bytes_in);
        put(records, call.bytes_out);
        if let Some(code) = call.error_code {
            put(records, zigzag(code));
        }
        self.before = Before {
            number: call.number,
            time_ms: call.time_ms,
        };
        self.count += 1;
        self.oldest_ms = self.oldest_ms.min(call.time_ms);
        self.newest_ms = self.newest_ms.max(call.time_ms);
    }

    /// Leaves the place of a call that is not to be remembered any more.
    pub(super) fn forget(&mut self) {
        put(&mut self.records, FORGOTTEN);
        self.count += 1;
    }

    /// Records in it, forgotten ones among them.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Arrival of its oldest and its newest call.
    pub(super) fn span_ms(&self) -> (u64, u64) {
        (self.oldest_ms, self.newest_ms)
    }

    pub(super) fn parties(&self) -> &[u8] {
        &self.parties
    }

    pub(super) fn records(&self) -> &[u8] {
        &self.records
    }
}

fn put_party(parties: &mut Vec<u8>, party: &Party) {
    let number = i64::unsigned_abs;
    // The dictionary counts from 1.
    let if_any = |name: Option<i64>| name.map_or(0, number);
    put(parties, number(party.workspace));
    put(parties, if_any(party.server));
    put(parties, if_any(party.server_slug));
    put(parties, if_any(party.tool));
    put(parties, number(party.token));
    put(parties, number(party.revision));
    put(parties, number(codes::of_source(party.source)));
}

/// Reads the parties of a block, in their places.
pub(super) fn parties(bytes: &[u8]) -> Result<Vec<Party>, Broken> {
    let mut numbers = Numbers(bytes);
    let mut parties = Vec::new();
    while !numbers.0.is_empty() {
        let mut next = || numbers.take().map(u64::cast_signed);
        let if_any = |number: i64| (number != 0).then_some(number);
        parties.push(Party {
            workspace: next()?,
            server: if_any(next()?),
            server_slug: if_any(next()?),
            tool: if_any(next()?),
            token: next()?,
            revision: next()?,
            source: codes::to_source(next()?).ok_or(Broken("a call's source is unknown"))?,
        });
    }
    Ok(parties)
}

/// Reads the records of a block in turn: the place of the call's party, and the call; `None` for a forgotten one.
#[derive(Debug)]
pub(super) struct Calls<'a> {
    numbers: Numbers<'a>,
    before: Before,
}

impl<'a> Calls<'a> {
    pub(super) fn of(records: &'a [u8]) -> Self {
        Self {
            numbers: Numbers(records),
            before: Before::default(),
        }
    }

    #[inline]
    fn read(&mut self) -> Result<Option<(usize, Call)>, Broken> {
        let numbers = &mut self.numbers;
        let head = numbers.take()?;
        if head == FORGOTTEN {
            return Ok(None);
        }
        let status = (head >> 1).cast_signed() - 1;
        let status = codes::to_status(status).ok_or(Broken("a call's status is unknown"))?;
        let place = usize::try_from(numbers.take()?).unwrap_or(usize::MAX);
        self.before.number = after(self.before.number, numbers.take()?);
        self.before.time_ms = after(self.before.time_ms, numbers.take()?);
        let call = Call {
            number: self.before.number,
            time_ms: self.before.time_ms,
            status,
            duration_ms: numbers.take()?,
            bytes_in: numbers.take()?,
            bytes_out: numbers.take()?,
            error_code: match head & 1 {
                1 => Some(unzigzag(numbers.take()?)),
                _ => None,
            },
        };
        Ok(Some((place, call)))
    }
}

impl Iterator for Calls<'_> {
    type Item = Result<Option<(usize, Call)>, Broken>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        (!self.numbers.0.is_empty()).then(|| self.read())
    }
}

/// Writes a number, seven bits a byte.
pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// What is left of a stream of numbers.
#[derive(Debug)]
pub(super) struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(super) fn take(&mut self) -> Result<u64, Broken> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Broken("a block ends early"))?;
            self.0 = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Broken("a number in a block is too long"))
    }
}

/// How to get from one number to another; small for numbers that lie close, whichever is greater.
fn difference(from: u64, to: u64) -> u64 {
    zigzag(to.wrapping_sub(from).cast_signed())
}

fn after(from: u64, difference: u64) -> u64 {
    from.wrapping_add_signed(unzigzag(difference))
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;

//! The inside of a string, 64 bytes at a time.
//!
//! Text inside JSON is often JSON or code itself, with a quote or line end to escape every few bytes; going
//! from escape to escape would cost more than all the rest. So a block is turned into bit masks (bit n for
//! byte n), and which bytes are escaped follows from the masks without a branch per backslash. (Langdale and
//! Lemire, "Parsing gigabytes of JSON per second", section 3.1; the carry-free form is that of simdjson 3.)

use wide::u8x16;

/// How many bytes are looked at together.
const BLOCK: usize = 64;

/// What stands in a block.
struct Masks {
    quotes: u64,
    backslashes: u64,
    controls: u64,
}

/// Where [`skip_blocks`] stopped.
pub(crate) enum Stop {
    /// At the closing quote.
    Quote(usize),
    /// At the end of the whole blocks, at a `\u` escape, or in a block that holds something wrong: from here
    /// on byte by byte.
    Slow(usize),
}

/// Goes through the inside of a string block by block. `at` is no escaped byte. Sets `escaped` when there
/// was an escape, and the high bits of `seen` when a byte was not ASCII.
pub(crate) fn skip_blocks(text: &[u8], mut at: usize, escaped: &mut bool, seen: &mut u64) -> Stop {
    // Whether the last byte of the block before was a backslash that escapes the first one of this.
    let mut carry = 0;
    while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        let Some(masks) = Masks::of(block, seen) else {
            // Nothing but plain bytes; the first one may still be escaped.
            if std::mem::take(&mut carry) == 1 {
                *escaped = true;
                if !is_simple_escape(block[0]) {
                    return Stop::Slow(at - 1);
                }
            }
            at += BLOCK;
            continue;
        };
        let start_carry = carry;
        let after_backslash = escaped_bytes(masks.backslashes, &mut carry);
        let quotes = masks.quotes & !after_backslash;
        // All bits below the closing quote, or all.
        let inside = quotes.wrapping_sub(1) & !quotes;
        if masks.controls & inside != 0 {
            // One byte back is the backslash that escapes the first byte.
            return Stop::Slow(at - usize::from(start_carry == 1));
        }
        let mut pending = after_backslash & inside;
        *escaped |= pending != 0;
        while pending != 0 {
            let byte = pending.trailing_zeros() as usize;
            if !is_simple_escape(block[byte]) {
                return Stop::Slow(at + byte - 1);
            }
            pending &= pending - 1;
        }
        if quotes != 0 {
            return Stop::Quote(at + quotes.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
    Stop::Slow(at - usize::from(carry == 1))
}

impl Masks {
    /// `None` when all bytes are plain.
    #[inline]
    fn of(block: &[u8; BLOCK], seen: &mut u64) -> Option<Self> {
        let (parts, _) = block.as_chunks::<16>();
        let parts: [u8x16; 4] = std::array::from_fn(|at| u8x16::new(parts[at]));
        let all = parts[0] | parts[1] | parts[2] | parts[3];
        if all.to_bitmask() != 0 {
            *seen = u64::MAX;
        }
        let quotes = parts.map(|part| part.simd_eq(u8x16::splat(b'"')));
        let backslashes = parts.map(|part| part.simd_eq(u8x16::splat(b'\\')));
        let controls = parts.map(|part| part.min(u8x16::splat(0x1f)).simd_eq(part));
        let stops: [u8x16; 4] =
            std::array::from_fn(|at| quotes[at] | backslashes[at] | controls[at]);
        if (stops[0] | stops[1] | stops[2] | stops[3]).to_bitmask() == 0 {
            return None;
        }
        Some(Self {
            quotes: bits(quotes),
            backslashes: bits(backslashes),
            controls: bits(controls),
        })
    }
}

#[inline]
fn bits(parts: [u8x16; 4]) -> u64 {
    parts
        .iter()
        .rev()
        .fold(0, |bits, part| bits << 16 | u64::from(part.to_bitmask()))
}

/// The bytes that stand after an odd run of backslashes. `carry` is 1 when the first byte does, and
/// afterwards when the first byte of the next block will.
#[inline]
fn escaped_bytes(backslashes: u64, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    let starts = backslashes & !*carry;
    // Subtracting runs from odd bits leaves each run's end marked by whether its length is odd or even.
    let runs = ((starts << 1) | ODD).wrapping_sub(starts) ^ ODD;
    let escaped = runs ^ (backslashes | *carry);
    *carry = (runs & backslashes) >> 63;
    escaped
}

/// Whether the byte makes an escape of two bytes.
#[inline]
fn is_simple_escape(byte: u8) -> bool {
    const SIMPLE: [bool; 256] = {
        let mut table = [false; 256];
        let bytes = br#""\/bfnrt"#;
        let mut at = 0;
        while at < bytes.len() {
            table[bytes[at] as usize] = true;
            at += 1;
        }
        table
    };
    SIMPLE[usize::from(byte)]
}

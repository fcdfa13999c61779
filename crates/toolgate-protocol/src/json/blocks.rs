//! The inside of a string, many bytes at a time.
//!
//! Most strings end within 16 bytes, and long ones are mostly plain, so both are told by a handful of
//! instructions. Text inside JSON is often JSON or code itself, with a quote or line end to escape every few
//! bytes; going from escape to escape would cost more than all the rest. So a block that is not plain is
//! turned into bit masks (bit n for byte n), and which bytes are escaped follows from the masks without a
//! branch per backslash. (Langdale and Lemire, "Parsing gigabytes of JSON per second", section 3.1; the
//! carry-free form is that of simdjson 3.)

use wide::u8x16;

/// How many bytes are looked at together.
const PIECE: usize = 16;
/// How many become one mask.
const BLOCK: usize = 64;
/// How many are passed at once where all are plain.
const PLAIN: usize = 128;

/// A quote or a control character, told by one comparison: this brings the quote next to the control
/// characters.
const FLIP: u8 = 2;
/// What they are at most when flipped.
const STOP_MAX: u8 = b'"' ^ FLIP;
const CONTROL_MAX: u8 = 0x1f;
/// With the high bit flipped too, bytes outside ASCII come below the control characters.
const HIGH: u8 = 0x80;

/// Where [`skip_blocks`] stopped.
pub(crate) enum Stop {
    /// At the closing quote.
    Quote(usize),
    /// At the end of the whole blocks, at a `\u` escape, or in a block that holds something wrong: from here
    /// on by smaller steps.
    Slow(usize),
}

/// Whether any byte was not ASCII. Bytes shortly after the end of a string may count too.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen(u8x16);

impl Seen {
    pub(crate) fn non_ascii(self) -> bool {
        self.0.to_bitmask() != 0
    }
}

/// Walks over characters that stand for themselves: up to a quote, a backslash, a control character or the end
/// of `text`, but over no more than `pieces` times 16 bytes.
#[inline]
pub(crate) fn plain_run(text: &[u8], mut at: usize, pieces: usize, seen: &mut Seen) -> usize {
    for _ in 0..pieces {
        let piece = piece_at(text, at);
        seen.0 |= piece;
        let stops = stops_in(piece).to_bitmask();
        if stops != 0 {
            return at + stops.trailing_zeros() as usize;
        }
        at += PIECE;
    }
    at
}

/// The next 16 bytes; what lies beyond the end is zero and so ends every run.
#[inline]
fn piece_at(text: &[u8], at: usize) -> u8x16 {
    match text.get(at..).and_then(<[u8]>::first_chunk::<PIECE>) {
        Some(piece) => u8x16::new(*piece),
        None => last_piece(text, at),
    }
}

#[cold]
fn last_piece(text: &[u8], at: usize) -> u8x16 {
    let rest = text.get(at..).unwrap_or_default();
    let mut piece = [0; PIECE];
    piece[..rest.len()].copy_from_slice(rest);
    u8x16::new(piece)
}

#[inline]
fn stops_in(piece: u8x16) -> u8x16 {
    let flipped = piece ^ u8x16::splat(FLIP);
    let quote_or_control = flipped.min(u8x16::splat(STOP_MAX)).simd_eq(flipped);
    quote_or_control | piece.simd_eq(u8x16::splat(b'\\'))
}

/// Goes through the inside of a string block by block. `at` is no escaped byte. Sets `escaped` when there
/// was an escape.
#[inline]
pub(crate) fn skip_blocks(text: &[u8], mut at: usize, escaped: &mut bool, seen: &mut Seen) -> Stop {
    loop {
        at = skip_plain(text, at);
        // Where one block is not plain, the next seldom are.
        loop {
            let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) else {
                return Stop::Slow(at);
            };
            let masks = Masks::of(block);
            if masks.non_ascii {
                seen.0 = u8x16::splat(HIGH);
            }
            if masks.quotes | masks.backslashes == 0 {
                if masks.some_control {
                    return Stop::Slow(at);
                }
                at += BLOCK;
                if masks.non_ascii {
                    continue;
                }
                break;
            }
            let (after_backslash, open) = escaped_bytes(masks.backslashes);
            let quotes = masks.quotes & !after_backslash;
            // All bits below the closing quote, or all.
            let inside = quotes.wrapping_sub(1) & !quotes;
            if masks.some_control && controls(block) & inside != 0 {
                return Stop::Slow(at);
            }
            let after_backslash = after_backslash & inside;
            *escaped |= after_backslash != 0 || open;
            let mut pending = after_backslash & !(masks.quotes | masks.backslashes);
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
            // A backslash at the end is looked at with what it escapes.
            at += BLOCK - usize::from(open);
        }
    }
}

/// Goes past ASCII that stands for itself, as far as it fills whole blocks.
#[inline]
fn skip_plain(text: &[u8], mut at: usize) -> usize {
    while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<PLAIN>) {
        let mut least = u8x16::splat(u8::MAX);
        let mut backslashes = u8x16::splat(0);
        for piece in block.as_chunks().0 {
            let piece = u8x16::new(*piece);
            backslashes |= piece.simd_eq(u8x16::splat(b'\\'));
            least = least.min(piece ^ u8x16::splat(FLIP | HIGH));
        }
        let others = least.min(u8x16::splat(STOP_MAX | HIGH)).simd_eq(least);
        if (backslashes | others).to_bitmask() != 0 {
            break;
        }
        at += PLAIN;
    }
    at
}

/// What stands in a block.
struct Masks {
    quotes: u64,
    backslashes: u64,
    some_control: bool,
    non_ascii: bool,
}

impl Masks {
    #[inline]
    fn of(block: &[u8; BLOCK]) -> Self {
        let pieces = pieces(block);
        let [a, b, c, d] = pieces;
        let least = a.min(b).min(c.min(d));
        let control = least.min(u8x16::splat(CONTROL_MAX)).simd_eq(least);
        Self {
            quotes: bits(pieces.map(|piece| piece.simd_eq(u8x16::splat(b'"')))),
            backslashes: bits(pieces.map(|piece| piece.simd_eq(u8x16::splat(b'\\')))),
            some_control: control.to_bitmask() != 0,
            non_ascii: (a | b | c | d).to_bitmask() != 0,
        }
    }
}

/// The control characters of a block; few strings hold one, so they are told apart only then.
#[cold]
fn controls(block: &[u8; BLOCK]) -> u64 {
    let is_control = |piece: u8x16| piece.min(u8x16::splat(CONTROL_MAX)).simd_eq(piece);
    bits(pieces(block).map(is_control))
}

#[inline]
fn pieces(block: &[u8; BLOCK]) -> [u8x16; 4] {
    let (pieces, _) = block.as_chunks::<PIECE>();
    std::array::from_fn(|at| u8x16::new(pieces[at]))
}

#[inline]
fn bits(pieces: [u8x16; 4]) -> u64 {
    let [a, b, c, d] = pieces.map(|piece| u64::from(piece.to_bitmask()));
    a | b << 16 | c << 32 | d << 48
}

/// The bytes that stand after an odd run of backslashes, and whether the byte after the block does. The block
/// does not begin with an escaped byte.
#[inline]
fn escaped_bytes(backslashes: u64) -> (u64, bool) {
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    // Subtracting runs from odd bits leaves each run's end marked by whether its length is odd or even.
    let runs = ((backslashes << 1) | ODD).wrapping_sub(backslashes) ^ ODD;
    (runs ^ backslashes, (runs & backslashes) >> 63 == 1)
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

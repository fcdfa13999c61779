//! F-19: whatever is decoded, no more comes out than the caller has room for, nor more than a hundred times what went in once
//! it is more than a mebibyte.
#![no_main]

use toolgate_http::egress::{Coding, Decoder, FREE_BYTES, RATIO_MAX};

libfuzzer_sys::fuzz_target!(|input: (u8, u8, u32, &[u8])| {
    let (coding, piece, max, bytes) = input;
    let coding = [Coding::Gzip, Coding::Brotli, Coding::Zstd][usize::from(coding) % 3];
    let max = max as usize % (4 << 20);
    let Ok(mut decoder) = Decoder::new(coding) else {
        return;
    };
    let (mut taken, mut out) = (0_u64, 0);
    for piece in bytes.chunks(usize::from(piece) + 1) {
        taken += piece.len() as u64;
        let Ok(decoded) = decoder.decode(piece, max - out) else {
            return;
        };
        out += decoded.len();
        assert!(out <= max);
        assert!(out as u64 <= FREE_BYTES.max(RATIO_MAX * taken));
    }
    if let Ok(rest) = decoder.finish(max - out) {
        assert!(out + rest.len() <= max);
    }
});

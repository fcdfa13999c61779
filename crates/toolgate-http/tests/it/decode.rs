//! S-68: compressed answers are decoded within bounds, and bombs end their own call only.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use toolgate_http::egress::{Coding, DecodeError, Decoder, FREE_BYTES, InBodyError, RATIO_MAX};

use crate::support::{RawServer, endpoint, exchange, post, soon};

const CODINGS: [(&str, Coding); 3] = [
    ("gzip", Coding::Gzip),
    ("br", Coding::Brotli),
    ("zstd", Coding::Zstd),
];

/// Text that compresses like JSON does.
fn json(length: usize) -> Vec<u8> {
    let mut seed = 7_u32;
    let mut text = Vec::with_capacity(length);
    while text.len() < length {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        write!(text, r#"{{"name":"tool_{seed:x}","value":{}}},"#, seed >> 7).unwrap();
    }
    text.truncate(length);
    text
}

fn compressed(coding: Coding, clear: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(clear).unwrap();
            encoder.finish().unwrap()
        }
        Coding::Brotli => stored_brotli(clear),
        Coding::Zstd => zstd::encode_all(clear, 3).unwrap(),
    }
}

/// Brotli without an encoder: meta-blocks that are not compressed (RFC 7932, section 9.2).
fn stored_brotli(clear: &[u8]) -> Vec<u8> {
    // A window of 16 bits is the one-bit stream header 0.
    let mut bits = Bits::default();
    bits.push(0, 1);
    for block in clear.chunks(65_536) {
        bits.push(0, 1); // not the last
        bits.push(0, 2); // the length has four nibbles
        bits.push(block.len() as u64 - 1, 16);
        bits.push(1, 1); // as it is
        bits.align();
        bits.bytes.extend_from_slice(block);
    }
    bits.push(0b11, 2); // the last one, and empty
    bits.align();
    bits.bytes
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    open: u64,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u64, count: u32) {
        self.open |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push((self.open & 0xff) as u8);
            self.open >>= 8;
            self.count -= 8;
        }
    }

    fn align(&mut self) {
        if self.count > 0 {
            self.bytes.push((self.open & 0xff) as u8);
        }
        (self.open, self.count) = (0, 0);
    }
}

/// Decodes piece by piece; what came out, or how it failed and how much had come out by then.
fn decode(
    coding: Coding,
    encoded: &[u8],
    piece: usize,
    max: usize,
) -> Result<Vec<u8>, (DecodeError, usize)> {
    let mut decoder = Decoder::new(coding).unwrap();
    let mut clear = Vec::new();
    for piece in encoded.chunks(piece) {
        let out = decoder.decode(piece, max - clear.len());
        clear.extend_from_slice(&out.map_err(|error| (error, clear.len()))?);
    }
    let rest = decoder.finish(max - clear.len());
    clear.extend_from_slice(&rest.map_err(|error| (error, clear.len()))?);
    Ok(clear)
}

#[test]
fn s68_what_is_decoded_is_what_was_encoded_however_it_is_cut() {
    for (name, coding) in CODINGS {
        for length in [0, 1, 100, 70_000, 3_000_000] {
            let clear = json(length);
            let encoded = compressed(coding, &clear);
            let cuts: &[usize] = if length > 1000 {
                &[1000, 16_384]
            } else {
                &[1, 7, 16_384]
            };
            for cut in cuts {
                let decoded = decode(coding, &encoded, *cut, 16 << 20).unwrap();
                assert!(
                    decoded == clear,
                    "{name}, {length} bytes in pieces of {cut}"
                );
            }
        }
    }
}

#[test]
fn s68_brotli_as_a_real_encoder_writes_it() {
    let encoded = b"\x1b\x6b\x00\x08\xac\x0a\x6c\x47\x32\x33\x71\x03\x01\xbb\x70\x98\x99\xe5\xb5\xaf\x45\xf6\xb6\x62\x66\x9a\x0c\x5d\x8b\xb0\xb8\xb4\x69\x9d\xbe\x2e\x96\x05\x43\xd6\x22\x63\x70\x72\x75\x72\xe0\xf0\xed\xf7\x2f\x68\x61\x5b\x92\x51\x0e\x79\xca\xb2\x75\x05\x93\x5e\x94\x72\x67\xaf\xcf\x17\x0a\x92\x49\x19\x22\x2c\xcf\x59\x05\xb9\x30\x5c\xde\xda\xb8\x28\x4a\xa2\xb9\xdd\xee\x05";
    let clear = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"the time and the place and the time"}]}}"#;
    for cut in [1, 3, 1000] {
        let decoded = decode(Coding::Brotli, encoded, cut, 1000).unwrap();
        assert_eq!(decoded, clear.as_bytes());
    }
}

#[test]
fn s68_the_limit_counts_decoded_bytes_at_every_edge() {
    for (name, coding) in CODINGS {
        let clear = json(50_000);
        let encoded = compressed(coding, &clear);
        assert!(decode(coding, &encoded, 512, 50_001).is_ok(), "{name}");
        assert!(decode(coding, &encoded, 512, 50_000).is_ok(), "{name}");
        let (error, _) = decode(coding, &encoded, 512, 49_999).unwrap_err();
        assert_eq!(error, DecodeError::TooLarge, "{name}");
    }
}

#[test]
fn s68_a_ratio_of_a_hundred_is_held_against_it_after_one_mebibyte_only() {
    for (name, coding) in CODINGS.into_iter().filter(|(_, c)| *c != Coding::Brotli) {
        let free = usize::try_from(FREE_BYTES).unwrap();
        // Zeros compress a thousandfold, which is nobody's business below the free mebibyte.
        let small = compressed(coding, &vec![0; free]);
        assert!(decode(coding, &small, 16_384, 16 << 20).is_ok(), "{name}");
        let big = compressed(coding, &vec![0; 10 * free]);
        assert!(RATIO_MAX * (big.len() as u64) < 10 * FREE_BYTES, "{name}");
        let (error, so_far) = decode(coding, &big, 16_384, 16 << 20).unwrap_err();
        assert_eq!(error, DecodeError::Expands, "{name}");
        assert!(so_far <= 3 * free, "{name}: {so_far}");
    }
}

/// CVE-2026-22776 and CVE-2023-23916: what a peer sends may expand, or be coded again and again, without an end.
#[test]
fn s68_bomb_matrix() {
    // 10 GiB of zeros (with br 64 MiB), made as the decoder asks for them: what comes out at once is bounded.
    let zeros = vec![0_u8; 1 << 20];
    for (name, coding) in CODINGS {
        let mut decoder = Decoder::new(coding).unwrap();
        let mut largest = 0;
        let mut bomb = bomb(coding, &zeros, 10 * 1024);
        let error = loop {
            let piece = bomb.next().expect("the bomb is refused before it is over");
            match piece.chunks(16_384).try_for_each(|piece| {
                let out = decoder.decode(piece, 64 << 20)?;
                largest = largest.max(out.len());
                Ok::<_, DecodeError>(())
            }) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error, DecodeError::Expands, "{name}");
        assert!(largest <= 4 << 20, "{name}: {largest} bytes at once");
    }
}

/// Pieces of a compressed stream of so many mebibytes of zeros.
fn bomb(coding: Coding, zeros: &[u8], mebibytes: u32) -> Box<dyn Iterator<Item = Vec<u8>> + '_> {
    match coding {
        Coding::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            Box::new((0..mebibytes).map(move |_| {
                encoder.write_all(zeros).unwrap();
                std::mem::take(encoder.get_mut())
            }))
        }
        Coding::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            Box::new((0..mebibytes).map(move |_| {
                encoder.write_all(zeros).unwrap();
                std::mem::take(encoder.get_mut())
            }))
        }
        Coding::Brotli => Box::new(std::iter::once(BROTLI_BOMB.to_vec())),
    }
}

/// 64 MiB of one letter in 51 bytes.
const BROTLI_BOMB: &[u8] = include_bytes!("bomb.br");

#[test]
fn s68_what_is_broken_or_cut_short_is_no_answer() {
    for (name, coding) in CODINGS {
        let encoded = compressed(coding, &json(5_000));
        for cut in [1, 2, encoded.len() / 2, encoded.len() - 1] {
            let (error, _) = decode(coding, &encoded[..cut], 512, 1 << 20).unwrap_err();
            assert_eq!(error, DecodeError::Broken, "{name} cut at {cut}");
        }
        assert!(
            decode(coding, b"{\"jsonrpc\":\"2.0\"}", 512, 1 << 20).is_err(),
            "{name}"
        );
        let mut longer = encoded.clone();
        longer.extend_from_slice(b"and more");
        assert!(decode(coding, &longer, 512, 1 << 20).is_err(), "{name}");
    }
    // A second layer inside is data, which then is no JSON.
    let inner = compressed(Coding::Gzip, &json(1000));
    let outer = compressed(Coding::Gzip, &inner);
    assert!(decode(Coding::Gzip, &outer, 512, 1 << 20).unwrap() == inner);
}

#[test]
fn s68_a_zstd_window_has_a_size() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&json(200_000)).unwrap();
    let wide = encoder.finish().unwrap();
    let (error, _) = decode(Coding::Zstd, &wide, 512, 1 << 20).unwrap_err();
    assert_eq!(error, DecodeError::Broken);
}

async fn answering(coding: &str, body: Vec<u8>) -> RawServer {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = Bytes::from([head.into_bytes(), body].concat());
    RawServer::start(move |_, mut connection| {
        let answer = answer.clone();
        async move {
            while connection.request().await.is_some() {
                connection.send(&answer).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn s68_a_compressed_answer_is_read_and_its_connection_is_kept() {
    for (name, coding) in CODINGS {
        let clear = json(300_000);
        let server = answering(name, compressed(coding, &clear)).await;
        let endpoint = endpoint(server.address);
        for _ in 0..2 {
            let response = soon(endpoint.send(post("{}"))).await.unwrap();
            assert!(!response.headers().contains_key("content-encoding"));
            assert!(!response.headers().contains_key("content-length"));
            let body = soon(response.into_body().collect()).await.unwrap();
            assert!(body == clear, "{name}");
        }
        assert_eq!(server.connections(), 1, "{name}");
    }
}

#[tokio::test]
async fn cve_2023_23916_a_bomb_ends_its_own_exchange_only() {
    // curl decoded as many layers as the header named. One is decoded here, and it may not expand.
    let bomb = compressed(Coding::Gzip, &vec![0; 12 << 20]);
    let server = answering("gzip", bomb).await;
    let endpoint = endpoint(server.address);
    let response = soon(endpoint.send(post("{}"))).await.unwrap();
    let error = soon(response.into_body().collect()).await.unwrap_err();
    assert!(
        matches!(error, InBodyError::Decode(DecodeError::Expands)),
        "{error:?}"
    );
    // The next exchange has a connection of its own.
    assert!(soon(endpoint.send(post("{}"))).await.is_ok());
    assert_eq!(server.connections(), 2);
    let fine = answering("gzip", compressed(Coding::Gzip, b"fine")).await;
    let fine = crate::support::endpoint(fine.address);
    assert_eq!(exchange(&fine, post("{}")).await.1, "fine");
}

#[tokio::test]
async fn s68_an_event_does_not_wait_for_the_next_one() {
    for (name, coding) in CODINGS.into_iter().filter(|(_, c)| *c != Coding::Brotli) {
        let server = RawServer::start(move |_, mut connection| async move {
            connection.request().await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\n\r\n");
            connection.send(head).await;
            let first: Vec<u8> = if coding == Coding::Gzip {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(b"data: 1\n\n").unwrap();
                encoder.flush().unwrap();
                encoder.get_ref().clone()
            } else {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
                encoder.write_all(b"data: 1\n\n").unwrap();
                encoder.flush().unwrap();
                encoder.get_ref().clone()
            };
            connection.send(first).await;
            // Silent from here on.
            tokio::time::sleep(Duration::from_mins(1)).await;
        })
        .await;
        let response = soon(endpoint(server.address).send(post("{}")))
            .await
            .unwrap();
        let mut body = response.into_body();
        let frame = soon(body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "data: 1\n\n", "{name}");
    }
}

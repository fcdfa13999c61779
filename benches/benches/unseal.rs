//! Secrets on the request path: opening one, masking what comes back, sealed handles.

use std::fmt::Write as _;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use toolgate_unseal::{Handles, Masker, Opener};
use toolgate_vault::{MasterKey, Secret, SecretContext};

/// As long as the tokens people have, and none of theirs.
const SECRETS: [&str; 3] = [
    "ghp_0123456789abcdefNotARealToken0123456",
    "sk-NotARealKeyEither-9876543210zyxwvutsrq",
    "xoxb-000000000000-NotAToken-qponmlkjihgfed",
];

fn open(criterion: &mut Criterion) {
    let (key, _) = MasterKey::generate()
        .and_then(|master| master.new_workspace_key("ws_0123456789abcdef"))
        .expect("the system has random bytes");
    let context = SecretContext {
        workspace: "ws_0123456789abcdef",
        server: Some("srv_0123456789abcdef"),
        name: "GITHUB_TOKEN",
        version: 3,
    };
    let sealed = key
        .seal(context, &Secret::new(SECRETS[0].to_owned()))
        .expect("the system has random bytes");
    let opener = Opener::new(&key);
    criterion.bench_function("secret/open", |bencher| {
        bencher.iter(|| opener.open(black_box(context), &sealed));
    });
}

fn handles(criterion: &mut Criterion) {
    let master = MasterKey::generate().expect("the system has random bytes");
    let handles = Handles::new(master.dangerous_handle_key());
    let plaintext = [0x5a; 200];
    let context: [&[u8]; 3] = [
        b"tok_0123456789abcdef",
        b"ws_0123456789abcdef",
        b"tools/call",
    ];
    let handle = handles
        .seal_bound("state", &context, &plaintext)
        .expect("the system has random bytes");
    let mut group = criterion.benchmark_group("handle");
    group.bench_function("seal", |bencher| {
        bencher.iter(|| handles.seal_bound("state", &context, black_box(&plaintext)));
    });
    group.bench_function("open", |bencher| {
        bencher.iter(|| handles.open_bound("state", &context, black_box(&handle)));
    });
    group.finish();
}

fn build(criterion: &mut Criterion) {
    // As long as a signed token of an identity provider.
    let long = std::str::from_utf8(&base64(2 << 10))
        .expect("base64 is text")
        .to_owned();
    let mut group = criterion.benchmark_group("masker/build");
    group.bench_function("1 secret", |bencher| {
        bencher.iter(|| Masker::new(black_box([SECRETS[0]])));
    });
    group.bench_function("3 secrets", |bencher| {
        bencher.iter(|| Masker::new(black_box(SECRETS)));
    });
    group.bench_function("1 secret of 2 KiB", |bencher| {
        bencher.iter(|| Masker::new(black_box([long.as_str()])));
    });
    group.finish();
}

/// What a server sends: JSON, escapes of another script, and base64, which looks most like a secret.
fn mask(criterion: &mut Criterion) {
    for (count, secrets) in [("1 secret", &SECRETS[..1]), ("3 secrets", &SECRETS[..])] {
        let masker = Masker::new(secrets.iter().copied());
        let mut group = criterion.benchmark_group(format!("masker/clean/{count}"));
        for (size, bytes) in [("1 KiB", 1 << 10), ("1 MiB", 1 << 20)] {
            group.throughput(Throughput::Bytes(bytes as u64));
            let bodies = [
                ("json", json(bytes)),
                ("escapes", escapes(bytes)),
                ("base64", base64(bytes)),
                ("blob", blob(bytes)),
            ];
            for (kind, body) in bodies {
                group.bench_function(format!("{kind} {size}"), |bencher| {
                    bencher.iter(|| masker.mask_message(black_box(body.clone())));
                });
            }
        }
        group.finish();
    }
    echoes(criterion);
}

/// A server that writes the secret into every line.
fn echoes(criterion: &mut Criterion) {
    let masker = Masker::new(SECRETS);
    let mut text = String::new();
    while text.len() < 1 << 20 {
        let line = text.len();
        writeln!(
            text,
            "{line} GET /repos authorization: Bearer {}",
            SECRETS[line % 3]
        )
        .expect("a string takes every line");
    }
    let text = Bytes::from(text);
    let mut group = criterion.benchmark_group("masker/echoes");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("1 MiB", |bencher| {
        bencher.iter(|| masker.mask(black_box(text.clone())));
    });
    group.finish();
}

fn json(bytes: usize) -> Bytes {
    repeated(
        br#"{"id":4711,"name":"The quick brown fox","path":"/usr/share/fox","text":"lorem ipsum dolor\n"},"#,
        bytes,
    )
}

fn escapes(bytes: usize) -> Bytes {
    repeated(br"\u0421\u044a\u0435\u0448\u044c \u0435\u0449\u0451 \u0444\u0440\u0430\u043d\u0446\u0443\u0437, ", bytes)
}

fn base64(bytes: usize) -> Bytes {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // George Marsaglia's xorshift: the same bytes on every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ALPHABET[usize::from(state.to_be_bytes()[0] & 63)]
        })
        .collect()
}

/// Decoded on the way.
fn blob(bytes: usize) -> Bytes {
    [b"{\"blob\":\"".as_slice(), &base64(bytes / 4 * 4), b"\"}"]
        .concat()
        .into()
}

fn repeated(pattern: &[u8], bytes: usize) -> Bytes {
    pattern.iter().copied().cycle().take(bytes).collect()
}

criterion_group!(benches, open, handles, build, mask);
criterion_main!(benches);

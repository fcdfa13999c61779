//! Tokens look like nothing else: even use of the alphabet, and no false accept (S-34).

use toolgate_policy::RawToken;

use crate::effort::Effort;
use crate::rng::Rng;
use crate::score::{Bar, Score};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// With 61 degrees of freedom chance exceeds it once in a million; 42 places are looked at.
const CHI_SQUARE: f64 = 125.0;

/// Runs it.
pub(crate) fn run(effort: &Effort, score: &mut Score) {
    let mut rng = Rng(effort.seed);
    even_alphabet(effort.size(50_000, 1_000_000), &mut rng, score);
    let strings = effort.size(300_000, 10_000_000);
    score.never(
        "a random string accepted",
        random_strings(strings, &mut rng),
    );
    score.never("one character off accepted", one_off(strings, &mut rng));
}

fn even_alphabet(tokens: u64, rng: &mut Rng, score: &mut Score) {
    let mut counts = vec![[0_u32; 128]; 43];
    for _ in 0..tokens {
        let token = RawToken::from_random(rng.bytes());
        for (place, character) in token.expose().bytes().skip(4).take(43).enumerate() {
            counts[place][usize::from(character)] += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of tokens")]
    let expected = tokens as f64 / 62.0;
    // The first place is left out: 62^43 is 2.8 % above 2^256, so it never holds the last letters.
    let chi_square = counts.iter().skip(1).map(|counts| {
        let deviation = BASE62
            .iter()
            .map(|c| (f64::from(counts[usize::from(*c)]) - expected).powi(2));
        deviation.sum::<f64>() / expected
    });
    let worst = chi_square.fold(0.0, f64::max);
    score.figure(
        "chi-square of the worst place",
        worst,
        "",
        Bar::AtMost(CHI_SQUARE),
    );
}

fn random_strings(strings: u64, rng: &mut Rng) -> u64 {
    let mut text = *b"mwt_0000000000000000000000000000000000000000000000000";
    let mut accepted = 0;
    for _ in 0..strings {
        for character in &mut text[4..] {
            *character = BASE62[rng.below(62)];
        }
        let text = std::str::from_utf8(&text).expect("ASCII");
        accepted += u64::from(RawToken::digest_of(text).is_ok());
    }
    accepted
}

fn one_off(strings: u64, rng: &mut Rng) -> u64 {
    let mut accepted = 0;
    let mut token = RawToken::from_random(rng.bytes());
    for number in 0..strings {
        if number % 1_000 == 0 {
            token = RawToken::from_random(rng.bytes());
        }
        let mut text = token.expose().as_bytes().to_vec();
        let place = rng.below(text.len());
        let right = text[place];
        // Any printable character but the right one.
        while text[place] == right {
            text[place] = b' ' + u8::try_from(rng.below(95)).expect("below 95");
        }
        let text = std::str::from_utf8(&text).expect("ASCII");
        accepted += u64::from(RawToken::digest_of(text).is_ok());
    }
    accepted
}

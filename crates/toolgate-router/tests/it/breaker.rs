//! The circuit breaker against a model of R-16, on a clock of the test's own.

use toolgate_router::{Breaker, Circuit, Pass, Verdict};
use toolgate_upstream::UpstreamErrorKind;

/// A `SplitMix64`, so that a failing walk can be walked again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n
    }
}

/// R-16 word by word, with every call remembered.
#[derive(Debug)]
struct Model {
    /// When each call ended since the circuit last closed, and whether it failed.
    calls: Vec<(u64, bool)>,
    openings: u64,
    closed_at: u64,
    /// Until when the circuit is open, as the breaker said.
    until: Option<u64>,
    probe: Option<Pass>,
}

impl Model {
    /// Whether the circuit has to open after the call that was just added.
    fn must_open(&self, now: u64) -> bool {
        let last = self.calls.iter().rev();
        let in_a_row = last.take_while(|(_, failed)| *failed).count();
        let recent = self
            .calls
            .iter()
            .filter(|(at, _)| at / 1_000 + 10 > now / 1_000);
        let (all, failed) = recent.fold((0, 0), |(all, failed), (_, f)| {
            (all + 1, failed + u64::from(*f))
        });
        in_a_row >= 5 || all >= 20 && failed * 2 >= all
    }
}

#[test]
fn r16_breaker_model() {
    for seed in 0..400 {
        walk(seed);
    }
}

fn walk(seed: u64) {
    let mut dice = Dice(seed);
    let breaker = Breaker::new(seed);
    let failing = dice.below(100);
    let mut now = 1_000;
    let mut passes: Vec<Pass> = Vec::new();
    let mut model = Model {
        calls: Vec::new(),
        openings: 0,
        closed_at: 0,
        until: None,
        probe: None,
    };
    for step in 0..1_500 {
        let place = format!("seed {seed}, step {step}");
        now += match dice.below(100) {
            0 => 400_000,
            1..4 => 31_000,
            4..30 => dice.below(3_000),
            _ => dice.below(200),
        };
        match (breaker.admit(|| now), model.until) {
            (Ok(pass), None) => {
                assert!(!pass.is_probe(), "{place}");
                passes.push(pass);
            }
            (Ok(pass), Some(until)) => {
                assert!(
                    pass.is_probe() && now >= until,
                    "let through while open: {place}"
                );
                assert!(model.probe.is_none(), "two probes: {place}");
                model.probe = Some(pass);
            }
            (Err(retry), until) => {
                let until = until.unwrap_or_else(|| panic!("refused while closed: {place}"));
                let right = now < until && retry == until - now;
                assert!(right || now >= until && model.probe.is_some(), "{place}");
            }
        }
        let verdict = match dice.below(100) {
            n if n < failing => Verdict::Failed,
            99 => Verdict::Nothing,
            _ => Verdict::Answered,
        };
        if let Some(probe) = model.probe.filter(|_| dice.below(3) == 0) {
            breaker.settle(probe, verdict, now);
            model.probe = None;
            match verdict {
                Verdict::Answered => {
                    model.until = None;
                    model.calls.clear();
                    model.closed_at = now;
                }
                Verdict::Failed => opened(&mut model, &breaker, now, &place),
                Verdict::Nothing => {}
            }
        } else if !passes.is_empty() && dice.below(4) != 0 {
            let at = usize::try_from(dice.below(passes.len() as u64)).unwrap();
            breaker.settle(passes.swap_remove(at), verdict, now);
            if model.until.is_none() && verdict != Verdict::Nothing {
                model.calls.push((now, verdict == Verdict::Failed));
                if verdict == Verdict::Failed && model.must_open(now) {
                    if now - model.closed_at >= 300_000 {
                        model.openings = 0;
                    }
                    opened(&mut model, &breaker, now, &place);
                }
            }
        }
        let expected = match (model.until, model.probe) {
            (None, _) => Circuit::Closed,
            (Some(_), Some(_)) => Circuit::Probing,
            (Some(until), None) => Circuit::Open {
                retry_after_ms: until.saturating_sub(now),
            },
        };
        assert_eq!(breaker.circuit(now), expected, "{place}");
    }
}

/// The circuit opened: for 30 s times the openings, at most 5 min, less up to a tenth of jitter.
#[track_caller]
fn opened(model: &mut Model, breaker: &Breaker, now: u64, place: &str) {
    model.openings += 1;
    let most = (30_000 * model.openings).min(300_000);
    let Circuit::Open { retry_after_ms } = breaker.circuit(now) else {
        panic!("it should have opened: {place}");
    };
    assert!(
        retry_after_ms <= most && retry_after_ms >= most - most / 10,
        "open for {retry_after_ms} ms of {most}: {place}"
    );
    model.until = Some(now + retry_after_ms);
}

#[test]
fn r16_tool_errors_and_refusals_of_a_client_do_not_count() {
    use UpstreamErrorKind as Kind;
    for status in [400, 401, 403, 404, 429, 500, 501, 505] {
        assert_eq!(
            Verdict::of(&Kind::Refused(status)),
            Verdict::Answered,
            "{status}"
        );
    }
    for status in 502..=504 {
        assert_eq!(
            Verdict::of(&Kind::Refused(status)),
            Verdict::Failed,
            "{status}"
        );
    }
    assert_eq!(Verdict::of(&Kind::TimedOut), Verdict::Failed);
    assert_eq!(Verdict::of(&Kind::Unreachable("x")), Verdict::Failed);
    assert_eq!(Verdict::of(&Kind::Exited), Verdict::Failed);
    assert_eq!(
        Verdict::of(&Kind::SecretMissing("X".into())),
        Verdict::Nothing
    );
}

#[test]
fn r16_a_reset_overtakes_a_probe() {
    let breaker = Breaker::new(1);
    for _ in 0..5 {
        let pass = breaker.admit(|| 0).unwrap();
        breaker.settle(pass, Verdict::Failed, 1_000);
    }
    let probe = breaker.admit(|| 40_000).unwrap();
    assert!(probe.is_probe());
    breaker.reset(41_000);
    breaker.settle(probe, Verdict::Failed, 42_000);
    assert_eq!(breaker.circuit(42_000), Circuit::Closed);
}

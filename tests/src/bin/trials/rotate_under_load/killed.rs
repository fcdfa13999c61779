//! Whoever works on a rotation dies: at each of its steps, by name, and at any moment, by chance.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use super::house::House;
use crate::effort::Effort;
use crate::score::{Bar, Score};

/// Steps of the admin program, with what is rotated.
const ADMIN: &[(&str, &[&str])] = &[
    ("master.file_written", &["--master"]),
    ("master.before_commit", &["--master"]),
    ("master.committed", &["--master"]),
    ("master.old_kept", &["--master"]),
    ("master.renamed", &["--master"]),
    ("master.completed", &["--master"]),
    ("master.cleaned", &["--master"]),
    ("data_key.before_commit", &["--workspace", "team"]),
    ("data_key.rotated", &["--workspace", "team"]),
];
/// Steps of the gateway.
const GATEWAY: &[&str] = &[
    "data_key.before_reseal_commit",
    "data_key.resealed",
    "data_key.before_destroy",
    "data_key.destroyed",
];

/// At each step, in the order of the rotation. The steps have names in debug builds only.
pub(super) async fn at_each_step(score: &mut Score) {
    if !cfg!(debug_assertions) {
        score.figure("steps with a name in this build", 0.0, "steps", Bar::Told);
        return;
    }
    let house = House::new().await;
    let (mut alive, mut broken) = (0, 0);
    let mut gateway = house.installation.start();
    for (step, which) in ADMIN {
        let ended = house.rotate(which, Some(step)).status().expect("it starts");
        if ended.signal().is_none() {
            println!("   {step}: the admin program did not die there");
            alive += 1;
        }
        // The gateway that runs goes on, and so does one that is killed now and started again.
        broken += u64::from(!house.answers(&gateway).await);
        gateway.process.signal("KILL");
        gateway = house.installation.start();
        broken += u64::from(!house.answers(&gateway).await);
        house.finished();
    }
    drop(gateway);
    for step in GATEWAY {
        let mut gateway = house.doomed(step);
        let rotated = house.rotate(&["--workspace", "team"], None).status();
        assert!(rotated.expect("it starts").success(), "{step}");
        if gateway.process.wait().signal().is_none() {
            println!("   {step}: the gateway did not die there");
            alive += 1;
        }
        let gateway = house.installation.start();
        broken += u64::from(!house.answers(&gateway).await);
        house.finished();
    }
    let steps = ADMIN.len() + GATEWAY.len();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    score.figure(
        "steps at which somebody died",
        steps as f64,
        "steps",
        Bar::Told,
    );
    score.never("steps nobody died at", alive);
    score.never("secrets not readable after a step", broken);
    audit_holds(&house, score);
}

/// At a moment drawn from the seed, either of the two.
pub(super) async fn at_random(effort: &Effort, score: &mut Score) {
    let house = House::new().await;
    let mut random = effort.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let rounds = effort.size(6, 300);
    let mut broken = 0;
    for _ in 0..rounds {
        let gateway = house.installation.start();
        let mut admin = house.rotate(&["--all"], None).spawn().expect("it starts");
        let wait = Duration::from_micros(draw(120_000));
        tokio::time::sleep(wait).await;
        if draw(2) == 0 {
            // It may have ended by itself already.
            drop(admin.kill());
        } else {
            gateway.process.signal("KILL");
        }
        drop(admin.wait());
        drop(gateway);
        let gateway = house.installation.start();
        if !house.answers(&gateway).await {
            println!("   no answer after a kill at {wait:?}");
            broken += 1;
        }
        house.finished();
    }
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    score.figure("kills at random", rounds as f64, "times", Bar::Told);
    score.never("secrets not readable after a kill", broken);
    audit_holds(&house, score);
}

fn audit_holds(house: &House, score: &mut Score) {
    let told = house.installation.ctl(&["doctor", "--json"]).stdout;
    let holds = told.contains("the audit chain holds");
    score.never("audit chains broken by a kill", u64::from(!holds));
}

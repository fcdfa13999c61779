//! What becomes of a call when an installation grows: calls a second and CPU of a call against connections, servers,
//! tools, tokens, workspaces, open streams, and what a start costs then.
//!
//! ```text
//! just growth                       # everything, three rounds; writes docs/growth/*.svg
//! just growth --quick               # one short round and small sizes; writes below target/
//! just growth --only tokens
//! just growth --plot records "records a second" 0=81000 1000000=80000   # a curve from another bench's figures
//! ```
//!
//! Every point is a gateway of its own with everything on, and calls of 1 KiB to one server over 32 connections. Flat
//! is what a curve should be. Seeding writes each change to disk before it goes on, so a temporary directory in memory
//! makes it quick: `TMPDIR=/dev/shm`, which `just growth` sets where there is one.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod curves;
mod plot;
mod seeds;

use std::path::PathBuf;

use curves::Effort;
use plot::{Panel, Plot};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if toolgate_benches::run_part(&args) {
        return;
    }
    if cfg!(not(target_os = "linux")) {
        println!("the growth bench reads CPU times from /proc and needs Linux");
        return;
    }
    let quick = args.iter().any(|arg| arg == "--quick");
    let folder = folder(quick);
    if let Some(at) = args.iter().position(|arg| arg == "--plot") {
        plot_given(&args[at + 1..], &folder);
        return;
    }
    let only = args.iter().skip_while(|arg| *arg != "--only").nth(1);
    let effort = Effort { quick };
    println!("{}\n", toolgate_benches::machine());
    for curve in curves::CURVES {
        if only.is_some_and(|only| !curve.name.contains(only.as_str())) {
            continue;
        }
        let points = (curve.measure)(&effort);
        curves::print(curve, &points);
        let file = folder.join(format!("{}.svg", curve.name));
        std::fs::write(file, curves::plot(curve, &points).to_svg()).expect("it can be written");
    }
    println!("Curves: {}", folder.display());
}

/// `docs/growth`, or below the target directory for figures that are only a trial.
fn folder(trial: bool) -> PathBuf {
    let folder = if trial {
        toolgate_benches::target_dir().join("growth")
    } else {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/growth")
    };
    std::fs::create_dir_all(&folder).expect("it can be made");
    folder
}

/// `NAME UNIT X=Y …`
fn plot_given(args: &[String], folder: &std::path::Path) {
    let [name, unit, points @ ..] = args else {
        println!("--plot NAME UNIT X=Y X=Y …");
        return;
    };
    let parse = |point: &String| -> Option<(f64, f64)> {
        let (x, y) = point.split_once('=')?;
        Some((x.parse().ok()?, y.parse().ok()?))
    };
    let (xs, ys) = points.iter().filter_map(parse).unzip();
    let plot = Plot {
        label: name.clone(),
        xs,
        panels: vec![Panel {
            unit: unit.clone(),
            ys,
        }],
    };
    let file = folder.join(format!("{name}.svg"));
    std::fs::write(&file, plot.to_svg()).expect("it can be written");
    println!("{}", file.display());
}

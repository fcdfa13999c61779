//! Criterion benches of the pieces, and what drives whole gateways: load, growth and the cost of a request.
//!
//! Here is what the benches that drive whole processes share: a server, a relay, a load, and how they are weighed. A
//! bench starts itself again for the parts that have to be processes of their own: [`run_part`] is the first thing
//! its `main` calls. [`House`] is an installation of the gateway with servers and tokens, [`Subject`] what is measured,
//! [`Load`] what is asked of it, [`Measured`] what came of it.

#![expect(
    clippy::missing_panics_doc,
    clippy::print_stdout,
    reason = "a bench panics where an answer is wrong, and prints its figures"
)]

mod busy;
mod drive;
mod house;
mod job;
mod memory;
mod outcome;
mod process;
mod relay;
mod request;
mod stdio;
mod subject;
mod text;
mod upstream;
mod wire;
mod wire2;

pub use busy::{Busy, NOW_MS};
pub use house::House;
pub use job::{Ask, Load, Measured, Target, median};
pub use process::{cpu_time, forget_peak, machine, peak_kib, resident_kib, target_dir};
pub use request::{Request, call, initialize, initialized, list, listen};
pub use subject::{Helper, LOAD_CORE, SUBJECT_CORE, Subject, pin};
pub use upstream::SECRET;
pub use wire::Connection;

/// Runs the part of a bench that these arguments name, and says whether there was one.
pub fn run_part(args: &[String]) -> bool {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["upstream"] => upstream::run(),
        ["stdio-server"] => stdio::run(),
        ["relay", upstream] => relay::run(upstream, false),
        ["relay2", upstream] => relay::run(upstream, true),
        ["memory", file] => memory::run(file),
        ["drive", job] => drive::run(job),
        _ => return false,
    }
    true
}

/// A count as a number to divide by.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts, bytes and nanoseconds of a bench are far below 2^52"
)]
pub fn precise(number: u64) -> f64 {
    number as f64
}

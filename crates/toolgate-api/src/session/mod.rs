//! Signing in with a browser: cookies, sessions, forgery, guessing, the first claim (S-76, S-77, S-78).

mod book;
mod clock;
mod cookie;
mod door;
#[cfg(test)]
mod door_tests;
mod draw;
mod forgery;
mod refused;
mod setup;
mod throttle;
mod visit;
mod who;

pub(crate) use clock::Clock;
pub(crate) use door::Door;
pub(crate) use visit::{answer, caller};

//! The few system calls std lacks (no core dumps, process groups); the only `unsafe`.
//!
//! Every function is a safe wrapper of one or a few calls, for Linux and macOS. Each block has a
//! safety comment and each function a test (S-86). Where macOS has no such call the function says
//! what happens instead.

mod child;
mod group;
mod kept_count;
mod listeners;
mod outcome;
mod peer;
mod process;

pub use child::{ChildLimits, confine_child, limit_child};
pub use group::{Signal, child_pids, reap, reap_group, signal_group};
pub use kept_count::{KeptCount, left_count};
pub use listeners::passed_listeners;
pub use peer::peer_uid;
pub use process::{become_subreaper, current_uid, fd_limit, harden_process, raise_fd_limit};

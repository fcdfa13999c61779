//! The few system calls std lacks (no core dumps, process groups); the only `unsafe`.
//!
//! Every function is a safe wrapper of one or a few calls, for Linux and macOS. Each block has a
//! safety comment and each function a test (S-86). Where macOS has no such call the function says
//! what happens instead.

mod child;
mod descriptor;
mod environment;
mod group;
mod kept_count;
mod listeners;
mod outcome;
mod peer;
mod process;

pub use child::{ChildLimits, confine_child, confine_keeper, limit_child};
pub use descriptor::{detach_standard_streams, hand_down, receive};
pub use environment::take_variable;
pub use group::{
    Signal, child_pids, children_of, reap, reap_group, signal_group, signal_process, wait_for_any,
};
pub use kept_count::{KeptCount, left_count};
pub use listeners::passed_listeners;
pub use peer::peer_uid;
pub use process::{
    become_subreaper, current_uid, fd_limit, harden_process, hold_back_signals, raise_fd_limit,
};

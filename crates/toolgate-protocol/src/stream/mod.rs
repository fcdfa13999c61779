//! Large results, read as they come: validated, watched and changed at their top level without ever being whole.
//!
//! `scan` is the strict scan of [`crate::json`] in a form that can stop at any byte. [`ResultPass`] stands on it:
//! it takes the answer to one request in chunks and gives out its result in chunks. What is changed for clients of
//! another revision are a few small members; those are changed by the same rules as in a result that is whole, and
//! put at the end.

mod blocks;
mod names;
mod result;
mod scan;
mod utf8;

pub use result::{Audience, NoPass, PassEnd, ResultPass};
pub use scan::StreamScan;

//! Judges definitions: what changed in one, what is suspicious in one, and how both are shown (S-50, S-51, S-53).
//!
//! A definition is text that a model obeys, written by a server. [`judge`] compares what a server offers with what
//! was pinned, [`Scanner`] looks for what people cannot see and models can, [`differences`] shows a change character
//! by character with the invisible made visible. All of it is pure and takes time in proportion to the text.

mod change;
mod diff;
mod letters;
mod names;
mod phrases;
mod scan;
mod schema;

pub use change::{Change, judge};
pub use diff::{Difference, Part, differences};
pub use letters::reveal;
pub use scan::{Class, Finding, MAX_DEFINITION_BYTES, MAX_TEXT_BYTES, Scanner};

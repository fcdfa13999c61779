//! One strict JSON scanner and zero-copy views of what it accepted (S-31, P3.7, P3.15–P3.17).
//!
//! [`Json::parse`] and [`Object::parse`] validate; everything they hand out is a slice of the same
//! buffer. Numbers keep their text, members their order, unknown members their bytes. Validation is one
//! pass without recursion that allocates only for the levels it indexes; deeper objects are indexed when
//! somebody asks, by a walk that trusts what the scan has checked.

mod blocks;
mod edit;
mod index;
mod limits;
mod members;
mod number;
mod object;
mod parts;
mod scan;
mod string;
mod value;
mod walk;

pub use edit::ObjectEdit;
pub use limits::{JsonError, JsonLimits};
pub use object::Object;
pub use value::{Json, JsonKind};

pub(crate) use blocks::{Seen, Stop, plain_run, skip_blocks};
pub(crate) use number::{Decimal, same_number};
pub(crate) use object::MemberRef;
pub(crate) use parts::Parts;
pub(crate) use scan::Scanner;
pub(crate) use string::{decode_bytes, decode_value, quote_into};
pub(crate) use value::is_integer;

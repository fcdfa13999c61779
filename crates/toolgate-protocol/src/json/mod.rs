//! One strict JSON scanner and zero-copy views of what it accepted (S-31, P3.7, P3.15–P3.17).
//!
//! [`Json::parse`] and [`Object::parse`] validate; everything they hand out is a slice of the same
//! buffer. Numbers keep their text, members their order, unknown members their bytes. Validation is one
//! pass without recursion that allocates only for the levels it indexes; deeper objects are indexed when
//! somebody asks, by a walk that trusts what the scan has checked.

mod blocks;
mod edit;
mod keys;
mod limits;
mod number;
mod object;
mod scan;
mod string;
mod value;
mod walk;

pub use edit::ObjectEdit;
pub use limits::{JsonError, JsonLimits};
pub use object::Object;
pub use value::{Json, JsonKind};

pub(crate) use blocks::{Stop, skip_blocks};
pub(crate) use number::{Decimal, same_number};
pub(crate) use object::MemberRef;
pub(crate) use scan::{Index, Scanner};
pub(crate) use string::{decode_bytes, decode_value, plain_run, quote_into, saw_non_ascii};
pub(crate) use value::is_integer;

//! Who runs this process.

use toolgate_store::Actor;

/// The operator: whoever runs this process on the host, by user id.
pub fn operator() -> Actor {
    Actor::operator(&format!("uid {}", toolgate_sys::current_uid()))
}

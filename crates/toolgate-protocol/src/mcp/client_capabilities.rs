//! What servers are told of the client's abilities (P9.29).

use super::canonical;
use crate::{Era, Json, Object, ObjectEdit};

/// The capabilities that can be bridged, in canonical order.
const BRIDGED: [&str; 3] = ["elicitation", "roots", "sampling"];

/// The client's capabilities as far as they can be bridged to a server (P9.29): `roots` (without `listChanged`
/// from modern clients), `sampling` and `elicitation` with their members; nothing else. Canonical text, so
/// that equal capabilities are equal bytes (P11.2).
pub fn forwarded_capabilities(client: &Object, from: Era) -> Json {
    let bridged = BRIDGED
        .into_iter()
        .filter_map(|kind| Some((kind, client.object(kind)?)));
    bridged
        .fold(ObjectEdit::new(), |edit, (kind, declared)| {
            let declared = match (kind, from) {
                ("roots", Era::Modern) => declared.edit().remove("listChanged").json(),
                _ => declared.into_json(),
            };
            edit.set(kind, Json::trusted(canonical::canonical(&declared).into()))
        })
        .json()
}

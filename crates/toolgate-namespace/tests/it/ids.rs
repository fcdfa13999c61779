//! Identifiers made by the exported macro behave like those made here.

use toolgate_namespace::InvalidId;

toolgate_namespace::id! {
    /// An identifier of another crate.
    CallId, "call_"
}

#[test]
fn an_id_declared_elsewhere_checks_its_own_prefix() {
    let id = CallId::from_random([9; 16]);
    assert_eq!(CallId::PREFIX, "call_");
    assert_eq!(id.as_str().len(), "call_".len() + 20);
    assert_eq!(CallId::try_from(id.to_string()), Ok(id.clone()));
    assert_eq!(String::from(id.clone()), format!("{id:?}"));
    assert_eq!(
        CallId::try_from("srv_1"),
        Err(InvalidId {
            text: "srv_1".into(),
            prefix: "call_"
        })
    );
}

use crate::process::alone;

/// S-07: the value is gone from this process, from its children and from where the system shows it.
#[test]
fn s07_a_taken_variable_is_nowhere_any_more() {
    const NAME: &str = "SYS_TEST_TAKEN";
    const VALUE: &str = "1";
    if std::env::var_os(NAME).is_some() {
        let at_start = std::fs::read("/proc/self/environ").unwrap_or_default();
        assert_eq!(toolgate_sys::take_variable(NAME).as_deref(), Some(VALUE));
        assert_eq!(toolgate_sys::take_variable(NAME), None);
        assert!(std::env::var_os(NAME).is_none());
        let now = std::fs::read("/proc/self/environ").unwrap_or_default();
        let holds = |bytes: &[u8]| {
            let entry = format!("{NAME}={VALUE}");
            bytes
                .split(|byte| *byte == 0)
                .any(|one| one == entry.as_bytes())
        };
        assert!(at_start.is_empty() || holds(&at_start));
        assert!(!holds(&now));
        return;
    }
    let output = alone(
        "environment::s07_a_taken_variable_is_nowhere_any_more",
        NAME,
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(toolgate_sys::take_variable("SYS_TEST_NEVER_SET"), None);
    assert_eq!(toolgate_sys::take_variable("WITH\0NUL"), None);
}

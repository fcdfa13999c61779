//! F-05: what a secret becomes in a header is the secret itself, or nothing; never a line break, a NUL or a second header.
#![no_main]
libfuzzer_sys::fuzz_target!(|secret: &[u8]| {
    if let Some(value) = toolgate_http::egress::secret_header_value(secret) {
        assert_eq!(value.as_bytes(), secret);
        assert!(!secret.iter().any(u8::is_ascii_control));
        assert!(value.is_sensitive());
    }
});

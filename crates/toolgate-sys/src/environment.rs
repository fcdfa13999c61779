use std::ffi::CString;

/// Takes a variable out of this process's environment: its value is overwritten where the system put it, so that
/// `/proc/PID/environ` does not show it either, and children do not inherit it (S-07).
///
/// For the beginning of `main`: no other thread may read or change the environment at the same time. A value that
/// is no UTF-8 comes with replacement characters.
pub fn take_variable(name: &str) -> Option<String> {
    let c_name = CString::new(name).ok()?;
    #[expect(unsafe_code, reason = "std does not give access to the value in place")]
    // SAFETY: `c_name` is a valid C string. getenv returns null or a C string inside the environment, which stays
    // where it is while no other thread changes the environment; the caller promises that there is none.
    let value = unsafe {
        let start = libc::getenv(c_name.as_ptr());
        if start.is_null() {
            return None;
        }
        let length = libc::strlen(start);
        let bytes = std::slice::from_raw_parts(start.cast::<u8>(), length).to_vec();
        for at in 0..length {
            start.add(at).write_volatile(0);
        }
        std::env::remove_var(name);
        bytes
    };
    match String::from_utf8(value) {
        Ok(text) => Some(text),
        Err(error) => Some(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

use std::ffi::{CString, c_char};

/// Takes a variable out of this process's environment: its value is overwritten where the system put it, so that
/// `/proc/PID/environ` does not show it either, and children do not inherit it (S-07).
///
/// For the beginning of `main`: no other thread may read or change the environment at the same time. A value that
/// is no UTF-8 comes with replacement characters.
pub fn take_variable(name: &str) -> Option<String> {
    let c_name = CString::new(name).ok()?;
    #[expect(unsafe_code, reason = "std does not give access to the value in place")]
    // SAFETY: `c_name` is a valid C string, and nobody changes the environment meanwhile.
    let start = unsafe { libc::getenv(c_name.as_ptr()) };
    if start.is_null() {
        return None;
    }
    let bytes = take_text(start);
    #[expect(unsafe_code, reason = "other threads could read the environment")]
    // SAFETY: no other thread does, as the caller promises.
    unsafe {
        std::env::remove_var(name);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => Some(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

/// Copies a value of the environment and leaves zeros in its place.
fn take_text(start: *mut c_char) -> Vec<u8> {
    #[expect(unsafe_code, reason = "the length is where the text ends")]
    // SAFETY: getenv gave a C string inside the environment, which stays where it is.
    let length = unsafe { libc::strlen(start) };
    #[expect(unsafe_code, reason = "the text lies where the system put it")]
    // SAFETY: `length` bytes from there are the text, in memory that belongs to this process and may be written;
    // nobody else refers to it while this slice lives.
    let text = unsafe { std::slice::from_raw_parts_mut(start.cast::<u8>(), length) };
    let bytes = text.to_vec();
    text.fill(0);
    // The writes must not be left out because nobody here reads them.
    std::hint::black_box(text);
    bytes
}

use std::io;

/// Turns a C return value into a result: -1 means that `errno` has the reason.
pub(crate) fn outcome(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(returned)
    }
}

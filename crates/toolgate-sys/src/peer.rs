use std::io;
use std::os::fd::{AsFd, AsRawFd};

use crate::outcome::outcome;

/// The effective user id of the process at the other end of a connected Unix socket, as it was
/// when it connected. The kernel says so, not the peer.
pub fn peer_uid(socket: &impl AsFd) -> io::Result<u32> {
    let descriptor = socket.as_fd().as_raw_fd();
    #[cfg(target_os = "linux")]
    {
        let mut peer = libc::ucred {
            pid: 0,
            uid: libc::uid_t::MAX,
            gid: libc::gid_t::MAX,
        };
        let size = size_of::<libc::ucred>();
        let mut length = libc::socklen_t::try_from(size).map_err(io::Error::other)?;
        #[expect(unsafe_code, reason = "SO_PEERCRED has no stable wrapper in std")]
        // SAFETY: `peer` and `length` are valid and outlive the call; it writes at most `length`
        // bytes, the size of `peer`, of which any bytes are a valid value.
        outcome(unsafe {
            libc::getsockopt(
                descriptor,
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                (&raw mut peer).cast(),
                &raw mut length,
            )
        })?;
        // A socket that isn't a connected Unix socket has no peer: pid 0, and no user.
        if peer.pid == 0 || length as usize != size {
            return Err(io::Error::from(io::ErrorKind::NotConnected));
        }
        Ok(peer.uid)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let (mut uid, mut gid) = (libc::uid_t::MAX, libc::gid_t::MAX);
        #[expect(unsafe_code, reason = "getpeereid has no safe wrapper in std")]
        // SAFETY: `uid` and `gid` are valid and outlive the call, which writes only to them.
        outcome(unsafe { libc::getpeereid(descriptor, &raw mut uid, &raw mut gid) })?;
        Ok(uid)
    }
}

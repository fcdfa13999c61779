//! What a child finds in its environment (S-72).

use std::ffi::OsString;
use std::path::PathBuf;

/// What children inherit; everything else of ours stays here, our own secrets among it.
const INHERITED: [&str; 9] = [
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "USER", "LOGNAME",
];

/// The variables every child gets, as far as we have them.
pub(super) fn inherited() -> impl Iterator<Item = (&'static str, OsString)> {
    INHERITED
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// Where a program is, the way the child's start will look for it.
pub(super) fn find_program(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|file| file.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

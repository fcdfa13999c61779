//! The command line of a stdio server: a full path, then its arguments as they are (S-71).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::InvalidServer;

/// Resolves the program of `argv` to a full path, as a shell would with the search path `search`.
///
/// Links are kept: programs such as `npx` look at the name they were started by.
pub(super) fn resolve(
    argv: &[String],
    search: Option<&OsStr>,
) -> Result<Vec<String>, InvalidServer> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(InvalidServer::NoCommand);
    };
    if argv.iter().any(|part| part.contains('\0')) {
        return Err(InvalidServer::NulInCommand);
    }
    let path = find(program, search).ok_or_else(|| InvalidServer::NoProgram {
        program: program.clone(),
    })?;
    let path = path
        .into_os_string()
        .into_string()
        .map_err(|_| InvalidServer::NoProgram {
            program: program.clone(),
        })?;
    let mut resolved = vec![path];
    resolved.extend_from_slice(arguments);
    Ok(resolved)
}

fn find(program: &str, search: Option<&OsStr>) -> Option<PathBuf> {
    if program.contains('/') {
        let path = std::path::absolute(program).ok()?;
        return is_executable(&path).then_some(path);
    }
    std::env::split_paths(search?)
        // A relative entry would make the meaning of the command depend on where we stand.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn s71_the_program_becomes_a_full_path_and_arguments_stay() {
        let found = resolve(
            &argv(&["sh", "-c", "$HOME {X}"]),
            Some(OsStr::new("rel:/nowhere:/bin")),
        )
        .unwrap();
        assert_eq!(found, ["/bin/sh", "-c", "$HOME {X}"]);
        let found = resolve(&argv(&["/bin/sh"]), None).unwrap();
        assert_eq!(found, ["/bin/sh"]);
    }

    #[test]
    fn s71_what_cannot_be_started_is_refused_at_once() {
        let path = Some(OsStr::new("/bin"));
        for parts in [
            &[][..],
            &["no-such-program"],
            &["/etc/passwd"],
            &["/bin"],
            &["sh", "a\0b"],
        ] {
            assert!(resolve(&argv(parts), path).is_err(), "{parts:?}");
        }
        assert!(resolve(&argv(&["sh"]), None).is_err());
    }
}

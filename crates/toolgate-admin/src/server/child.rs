//! What the operator settles about a child process: checked, and made independent of where we stand (S-73).

use std::ffi::OsStr;

use toolgate_namespace::ChildSettings;
use toolgate_vault::SecretName;

use super::{InvalidServer, command};

/// Full paths for the wrapper's program and the working directory, names of secrets as they are stored.
pub(super) fn resolve(
    asked: &ChildSettings,
    search: Option<&OsStr>,
) -> Result<ChildSettings, InvalidServer> {
    let wrapper = if asked.wrapper.is_empty() {
        Vec::new()
    } else {
        command::resolve(&asked.wrapper, search)?
    };
    let steering_env = asked
        .steering_env
        .iter()
        .map(|name| Ok(SecretName::normalise(name)?.as_str().to_owned()))
        .collect::<Result<_, InvalidServer>>()?;
    Ok(ChildSettings {
        wrapper,
        cwd: asked.cwd.as_deref().map(folder).transpose()?,
        steering_env,
        ..asked.clone()
    })
}

fn folder(given: &str) -> Result<String, InvalidServer> {
    let path = std::path::absolute(given).ok().filter(|path| path.is_dir());
    let path = path.and_then(|path| path.into_os_string().into_string().ok());
    path.ok_or_else(|| InvalidServer::NoFolder {
        given: given.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s73_a_wrapper_and_a_directory_become_full_paths() {
        let asked = ChildSettings {
            wrapper: vec!["sh".into(), "-c".into(), "exec \"$@\"".into()],
            cwd: Some(".".into()),
            steering_env: vec!["node-options".into()],
            max_files: None,
            ..ChildSettings::default()
        };
        let settled = resolve(&asked, Some(OsStr::new("/bin"))).unwrap();
        assert_eq!(settled.wrapper, ["/bin/sh", "-c", "exec \"$@\""]);
        assert!(settled.cwd.unwrap().starts_with('/'));
        assert_eq!(settled.steering_env, ["NODE_OPTIONS"]);
        assert_eq!(settled.max_files, None);
    }

    #[test]
    fn s73_what_is_not_there_is_refused_at_once() {
        let wrapper = ChildSettings {
            wrapper: vec!["no-such-wrapper".into()],
            ..ChildSettings::default()
        };
        assert!(resolve(&wrapper, Some(OsStr::new("/bin"))).is_err());
        let cwd = ChildSettings {
            cwd: Some("/no/such/folder".into()),
            ..ChildSettings::default()
        };
        assert!(resolve(&cwd, None).is_err());
    }
}

//! `--env NAME`: secrets a child process is given as environment variables (S-72).

use toolgate_namespace::Injection;
use toolgate_vault::SecretName;

use super::InvalidServer;

/// The injection for `--env name`; `allowed` are names the operator accepts although they steer loaders.
pub(super) fn parse(name: &str, allowed: &[String]) -> Result<Injection, InvalidServer> {
    let name = SecretName::normalise(name)?;
    let is_allowed = allowed
        .iter()
        .any(|given| SecretName::normalise(given).is_ok_and(|given| given == name));
    if steers(name.as_str()) && !is_allowed {
        return Err(InvalidServer::SteeringName {
            name: name.as_str().to_owned(),
        });
    }
    Ok(Injection::Env {
        secret: name.as_str().to_owned(),
    })
}

/// Whether loaders and interpreters act on a variable of that name, so that its value could run code.
fn steers(name: &str) -> bool {
    const PREFIXES: [&str; 6] = ["LD_", "DYLD_", "GIT_", "PYTHON", "NODE_", "JAVA_"];
    const SUFFIXES: [&str; 3] = ["_OPTIONS", "PATH", "_PROXY"];
    const NAMES: [&str; 6] = ["BASH_ENV", "ENV", "IFS", "SHELL", "HOME", "PERL5OPT"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
        || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, allowed: &[&str], accepted: Option<&str>) {
        let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let parsed = parse(name, &allowed).ok();
        let found = match &parsed {
            Some(Injection::Env { secret }) => Some(secret.as_str()),
            _ => None,
        };
        assert_eq!(found, accepted, "{name:?}");
    }

    #[test]
    fn s72_names_that_steer_loaders_need_a_word_of_the_operator() {
        check("github-token", &[], Some("GITHUB_TOKEN"));
        check("DATABASE_URL", &[], Some("DATABASE_URL"));
        check("LD_PRELOAD", &[], None);
        check("PATH", &[], None);
        check("NODE_OPTIONS", &[], None);
        check("HTTPS_PROXY", &[], None);
        check("bash_env", &[], None);
        check("NODE_AUTH_TOKEN", &[], None);
        check(
            "NODE_AUTH_TOKEN",
            &["node_auth_token"],
            Some("NODE_AUTH_TOKEN"),
        );
        check("NODE_AUTH_TOKEN", &["NODE_OPTIONS"], None);
        check("", &[], None);
    }
}

//! `--env NAME`: secrets a child process is given as environment variables (S-72).

use toolgate_namespace::{ChildSettings, Injection};
use toolgate_vault::SecretName;

use super::InvalidServer;

/// The injection for `--env name`, if the child may be given it.
pub(super) fn parse(name: &str, child: &ChildSettings) -> Result<Injection, InvalidServer> {
    let name = SecretName::normalise(name)?;
    if !child.permits_variable(name.as_str()) {
        return Err(InvalidServer::SteeringName {
            name: name.as_str().to_owned(),
        });
    }
    Ok(Injection::Env {
        secret: name.as_str().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, allowed: &[&str], accepted: Option<&str>) {
        let child = ChildSettings {
            steering_env: allowed.iter().map(|name| (*name).to_owned()).collect(),
            ..ChildSettings::default()
        };
        let parsed = parse(name, &child).ok();
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
            &["NODE_AUTH_TOKEN"],
            Some("NODE_AUTH_TOKEN"),
        );
        check("NODE_AUTH_TOKEN", &["NODE_OPTIONS"], None);
        check("", &[], None);
    }
}

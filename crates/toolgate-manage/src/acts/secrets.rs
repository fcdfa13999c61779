//! Secrets of the workspace: set and named, never shown.

use toolgate_admin::{Role, Secret, SecretListed, SecretOwner};

use super::servers::{said, shown};
use crate::answer::{Answer, count, lines};
use crate::desk::Desk;
use crate::params::{Arguments, Kind, Param};
use crate::refusal::Refusal;
use crate::table::{Effect, FLAG, LIST, NUMBER, TEXT, Tool};

const NAME: Param = Param::must("name", Kind::Text, "Its name, such as GITHUB_TOKEN.");
const OWNER: Param = Param::may(
    "server",
    Kind::Text,
    "The only server that gets it. Default: any of the workspace that names it.",
);

pub(crate) static LIST_SECRETS: Tool = Tool {
    name: "list_secrets",
    title: "List secrets",
    about: "Lists the names of the secrets of this workspace, when each was set, and which servers are given it. \
            Values are never shown to anybody.",
    effect: Effect::Reads,
    reaches_out: false,
    least: Role::Admin,
    params: &[Param::may(
        "server",
        Kind::Text,
        "Only those that this server is given.",
    )],
    output: &[("secrets", LIST)],
    act: list,
};

pub(crate) static SET_SECRET: Tool = Tool {
    name: "set_secret",
    title: "Set a secret",
    about: "Sets the value of a secret and overwrites an older one; it cannot be read back. Careful: a value that you \
            pass here has gone through the model and its transcript. Safer: have a person type \
            `toolgatectl secrets set NAME` or use the dashboard, and use this tool only for values that may be seen \
            by the model's provider.",
    effect: Effect::Changes,
    reaches_out: true,
    least: Role::Admin,
    params: &[
        NAME,
        Param::must(
            "value",
            Kind::Text,
            "The value. It is sealed at once and shown nowhere.",
        ),
        OWNER,
    ],
    output: &[("name", TEXT), ("version", NUMBER), ("used_by", LIST)],
    act: set,
};

pub(crate) static DELETE_SECRET: Tool = Tool {
    name: "delete_secret",
    title: "Delete a secret",
    about: "Deletes a secret. Servers that are given it fail until it is set again. There is no way back.",
    effect: Effect::Changes,
    reaches_out: false,
    least: Role::Admin,
    params: &[NAME, OWNER],
    output: &[("name", TEXT), ("deleted", FLAG)],
    act: delete,
};

fn owner(given: &Arguments) -> SecretOwner<'_> {
    given
        .maybe("server")
        .map_or(SecretOwner::Workspace, SecretOwner::Server)
}

fn list(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let secrets = desk
        .admin
        .list_secrets(&desk.scope, given.maybe("server"))?;
    let text = lines(
        format!(
            "{}. Values are never shown.",
            count(secrets.len(), "secret")
        ),
        secrets.iter().map(line),
    );
    Ok(Answer::list(text, "secrets", &secrets))
}

fn line(secret: &SecretListed) -> String {
    let used = match secret.used_by.as_slice() {
        [] => "no server".to_owned(),
        servers => servers.join(", "),
    };
    let only = secret
        .server
        .as_ref()
        .map_or_else(String::new, |server| format!(" (only for {server})"));
    format!(
        "{}{only}: set at {}, given to {used}",
        secret.name, secret.created_at
    )
}

fn set(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let value = Secret::new(given.take("value"));
    let set = desk
        .admin
        .set_secret(&desk.scope, owner(given), given.text("name"), &value)?;
    let used = match set.used_by.as_slice() {
        [] => "No server is given it yet; name it when you add one.".to_owned(),
        servers => format!("It is given to {}.", servers.join(", ")),
    };
    let mut text = format!("Set {}. {used}", set.name);
    let answer = match &set.probe {
        Some(probe) => {
            text.push(' ');
            text.push_str(&said(probe));
            Answer::report(text, &set).with("probe", shown(probe))
        }
        None => Answer::report(text, &set),
    };
    Ok(answer)
}

fn delete(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let deleted = desk
        .admin
        .delete_secret(&desk.scope, owner(given), given.text("name"))?;
    Ok(Answer::report(
        format!("Deleted {}.", deleted.name),
        &deleted,
    ))
}

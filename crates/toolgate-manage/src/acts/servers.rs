//! Servers of the workspace.

use serde_json::{Value, json};
use toolgate_admin::{
    Baseline, EraSetting, HttpKind, Isolation, NewServer, NewTransport, Prefix, Probe, Role,
    ServerListed, ServerSwitched, Trust,
};

use crate::answer::{Answer, count, lines};
use crate::desk::Desk;
use crate::params::{Arguments, Kind, Param};
use crate::refusal::Refusal;
use crate::table::{Effect, FLAG, LIST, OBJECT, TEXT, Tool};

const SERVER: Param = Param::must(
    "server",
    Kind::Text,
    "Its name, as toolgate__list_servers has it.",
);

pub(crate) static LIST_SERVERS: Tool = Tool {
    name: "list_servers",
    title: "List servers",
    about: "Lists the MCP servers of this workspace: where each is, whether it is switched on, how many tools it has, \
            which secrets it still misses, and whether tools of it wait for an approval.",
    effect: Effect::Reads,
    reaches_out: false,
    least: Role::Admin,
    params: &[],
    output: &[("servers", LIST)],
    act: list,
};

pub(crate) static ADD_SERVER: Tool = Tool {
    name: "add_server",
    title: "Add a server",
    about: "Adds a remote MCP server by its URL and contacts it. Its tools then appear in this workspace as \
            `name__tool`. Secrets are named here and set with set_secret. Only public https addresses, or ones that \
            the operator allowed; programs on the gateway's host are the operator's to add.",
    effect: Effect::Adds,
    reaches_out: true,
    least: Role::Admin,
    params: &[
        Param::must(
            "name",
            Kind::Text,
            "The prefix of its tools: up to 24 lower-case letters, digits and single hyphens, starting with a letter.",
        ),
        Param::must(
            "url",
            Kind::Text,
            "Its endpoint, such as https://mcp.example.com/mcp. `{NAME}` stands for a secret.",
        ),
        Param::may(
            "bearer",
            Kind::Text,
            "Name of the secret to send as `Authorization: Bearer`. The name, never the value.",
        ),
        Param::may(
            "headers",
            Kind::Texts,
            "Further headers, such as `X-Api-Key: {API_KEY}`, with names of secrets in braces.",
        ),
        Param::may(
            "review",
            Kind::Flag,
            "Hold its tools until they are approved one by one. Default false: what it lists now is approved.",
        ),
    ],
    output: &[
        ("server", TEXT),
        ("enabled", FLAG),
        ("missing_secrets", LIST),
        ("probe", OBJECT),
    ],
    act: add,
};

pub(crate) static TEST_SERVER: Tool = Tool {
    name: "test_server",
    title: "Test a server",
    about: "Has the gateway contact a server now and ask it for its tools; says whether it answered.",
    effect: Effect::Adds,
    reaches_out: true,
    least: Role::Admin,
    params: &[SERVER],
    output: &[("server", TEXT), ("probe", OBJECT)],
    act: test,
};

pub(crate) static ENABLE_SERVER: Tool = Tool {
    name: "enable_server",
    title: "Switch a server on",
    about: "Switches a server on: its tools are listed and can be called again.",
    effect: Effect::Adds,
    reaches_out: false,
    least: Role::Admin,
    params: &[SERVER],
    output: &[("server", TEXT), ("enabled", FLAG)],
    act: |desk, given| switch(desk, given, true),
};

pub(crate) static DISABLE_SERVER: Tool = Tool {
    name: "disable_server",
    title: "Switch a server off",
    about: "Switches a server off: nobody sees or calls its tools until it is switched on again. Its settings and \
            secrets stay.",
    effect: Effect::Changes,
    reaches_out: false,
    least: Role::Admin,
    params: &[SERVER],
    output: &[("server", TEXT), ("enabled", FLAG)],
    act: |desk, given| switch(desk, given, false),
};

pub(crate) static REMOVE_SERVER: Tool = Tool {
    name: "remove_server",
    title: "Remove a server",
    about: "Removes a server with its tools and its own secrets, for everybody in this workspace. There is no way back.",
    effect: Effect::Changes,
    reaches_out: false,
    least: Role::Admin,
    params: &[SERVER],
    output: &[("server", TEXT), ("removed", FLAG)],
    act: remove,
};

fn list(desk: &Desk, _: &mut Arguments) -> Result<Answer, Refusal> {
    let mut servers = desk.admin.list_servers(&desk.scope)?;
    for server in &mut servers {
        // Paths of the host are the operator's.
        server.command = None;
    }
    let text = lines(
        format!("{} in this workspace.", count(servers.len(), "server")),
        servers.iter().map(line),
    );
    Ok(Answer::list(text, "servers", &servers))
}

fn line(server: &ServerListed) -> String {
    let place = server.url.as_deref();
    let place = place.unwrap_or("a program on the gateway's host");
    let mut parts = vec![
        format!("{}: {place}", server.server),
        count(server.tools, "tool"),
    ];
    if !server.enabled {
        parts.push("switched off".to_owned());
    }
    if !server.missing_secrets.is_empty() {
        let names = server.missing_secrets.join(" and ");
        parts.push(format!("misses the secrets {names}"));
    }
    if server.waiting > 0 {
        parts.push(format!("{} waiting for an approval", server.waiting));
    }
    if let Some(what) = &server.quarantined {
        parts.push(format!("held: {what} since it was approved"));
    }
    parts.join(", ")
}

fn add(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let baseline = if given.flag("review") {
        Baseline::Review
    } else {
        Baseline::First
    };
    let added = desk.admin.add_server(
        &desk.scope,
        &NewServer {
            slug: given.text("name").to_owned(),
            transport: NewTransport::Http {
                url: given.text("url").to_owned(),
                http: HttpKind::Auto,
                bearer: given.maybe("bearer").map(ToOwned::to_owned),
                headers: given.texts("headers"),
                allow_metadata: false,
            },
            prefix: Prefix::Slug,
            era: EraSetting::Auto,
            isolation: Isolation::Auto,
            timeout: None,
            trust: Trust {
                baseline,
                ..Trust::default()
            },
        },
    )?;
    let server = &added.server.server;
    let mut said = vec![format!("Added `{server}`. {}", said(&added.probe))];
    if !added.server.missing_secrets.is_empty() {
        said.push(format!(
            "Set {} with toolgate__set_secret, then call toolgate__test_server.",
            added.server.missing_secrets.join(", ")
        ));
    }
    if given.flag("review") {
        said.push(
            "Its tools are held until they are approved: see toolgate__review_tools.".to_owned(),
        );
    }
    said.extend(added.findings.iter().map(|finding| {
        format!(
            "Suspicious in `{}`, {}: {}.",
            finding.tool, finding.place, finding.meaning
        )
    }));
    let probe = shown(&added.probe);
    Ok(Answer::report(said.join("\n"), &added).with("probe", probe))
}

fn test(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let tested = desk.admin.probe_server(&desk.scope, given.text("server"))?;
    let text = format!("`{}`: {}", tested.server, said(&tested.probe));
    let probe = shown(&tested.probe);
    Ok(Answer::report(text, &tested).with("probe", probe))
}

fn switch(desk: &Desk, given: &Arguments, on: bool) -> Result<Answer, Refusal> {
    let switched = desk
        .admin
        .switch_server(&desk.scope, given.text("server"), on)?;
    let ServerSwitched { server, .. } = &switched;
    let word = if on { "on" } else { "off" };
    Ok(Answer::report(
        format!("`{server}` is switched {word}."),
        &switched,
    ))
}

fn remove(desk: &Desk, given: &mut Arguments) -> Result<Answer, Refusal> {
    let removed = desk
        .admin
        .remove_server(&desk.scope, given.text("server"))?;
    let text = format!(
        "Removed `{}` with its tools and its own secrets.",
        removed.server
    );
    Ok(Answer::report(text, &removed))
}

/// What came of contacting a server. Why it could not be reached is for operators: a caller could map a network by it
/// (S-67).
pub(crate) fn said(probe: &Probe) -> String {
    match probe {
        Probe::Ok { tools, .. } => {
            let names: Vec<&str> = tools.iter().map(|tool| tool.exposed.as_str()).collect();
            let count = count(tools.len(), "tool");
            if names.is_empty() {
                format!("It answered and has {count}.")
            } else {
                format!("It answered and has {count}: {}.", names.join(", "))
            }
        }
        Probe::Failed { .. } => "It could not be reached, or does not answer as an MCP server. Check its address and \
                                 whether it wants a secret; an operator sees the cause with `toolgatectl workspace test`."
            .to_owned(),
        Probe::GatewayNotRunning => "It was not contacted.".to_owned(),
        Probe::SecretsMissing => "It was not contacted yet, since it misses secrets.".to_owned(),
    }
}

pub(crate) fn shown(probe: &Probe) -> Value {
    match probe {
        Probe::Failed { .. } => json!({"state": "failed"}),
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}

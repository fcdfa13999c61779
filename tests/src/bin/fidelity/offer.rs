//! What a server offers: the answers to everything but the calls.

use crate::json;
use crate::odd::Odd;
use crate::pair::{MODERN, Named};
use crate::rng::Rng;

/// Names that are hard to expose.
const NAMES: [&str; 6] = [
    "plain",
    "dots.and-dashes_9",
    "two words",
    "na\u{ef}ve/\u{3bb}",
    "a_rather_long_name_that_does_not_fit_into_the_sixty_four_bytes_of_most_clients",
    "\"quoted\\\"",
];
/// How many further tools and prompts there are, and resources.
const FURTHER: usize = 60;
const RESOURCES: usize = 40;

/// A tool, prompt, resource or template.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    pub(crate) named: Named,
    /// The definition, as the server lists it.
    pub(crate) text: String,
}

/// A server, and what it offers.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) slug: &'static str,
    /// Whether it speaks 2026-07-28; else it speaks 2025-11-25.
    pub(crate) modern: bool,
    pub(crate) tools: Vec<Offered>,
    pub(crate) prompts: Vec<Offered>,
    pub(crate) resources: Vec<Offered>,
    /// For completion.
    pub(crate) templates: Vec<Offered>,
}

impl Offer {
    pub(crate) fn new(seed: u64, slug: &'static str, modern: bool) -> Self {
        let mut rng = Rng::new(seed, slug, 0);
        let further = (0..FURTHER).map(|number| format!("tool_{number}"));
        let names: Vec<String> = NAMES
            .map(str::to_owned)
            .into_iter()
            .chain(further)
            .collect();
        let uris = (0..RESOURCES).map(|number| format!("file:///{slug}/{number}"));
        let uris: Vec<String> = uris.collect();
        let templates = [format!("template://{slug}/{{name}}")];
        let mut offered =
            |names: &[String], define: fn(&mut Rng, &str) -> String| -> Vec<Offered> {
                let one = |name: &String| Offered {
                    named: Named::same(name),
                    text: define(&mut rng, name),
                };
                names.iter().map(one).collect()
            };
        Self {
            slug,
            modern,
            tools: offered(&names, tool),
            prompts: offered(&names, prompt),
            resources: offered(&uris, |rng, uri| resource(rng, "uri", uri)),
            templates: offered(&templates, |rng, uri| resource(rng, "uriTemplate", uri)),
        }
    }

    /// What the list of this method holds.
    pub(crate) fn listed(&self, method: &str) -> &[Offered] {
        match method {
            "tools/list" => &self.tools,
            "prompts/list" => &self.prompts,
            "resources/list" => &self.resources,
            _ => &self.templates,
        }
    }

    /// The answer to a message that is no call; nothing for a notification.
    pub(crate) fn answer(&self, message: &str) -> Option<String> {
        let id = json::member(message, "id")?;
        let method = json::member(message, "method").and_then(json::decoded)?;
        let result = match &*method {
            "initialize" if !self.modern => self.introduction("\"protocolVersion\":\"2025-11-25\""),
            "server/discover" if self.modern => {
                let versions = format!("\"supportedVersions\":[\"{MODERN}\"]");
                self.introduction(&versions)
            }
            "tools/list" => self.list("tools", &self.tools),
            "prompts/list" => self.list("prompts", &self.prompts),
            "resources/list" => self.list("resources", &self.resources),
            "resources/templates/list" => self.list("resourceTemplates", &self.templates),
            "logging/setLevel" | "ping" => "{}".to_owned(),
            _ => {
                return Some(format!(
                    "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":-32601,\"message\":\"unknown\"}}}}"
                ));
            }
        };
        Some(format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}"
        ))
    }

    fn introduction(&self, versions: &str) -> String {
        format!(
            "{{{versions},{}\"capabilities\":{{\"tools\":{{}},\"prompts\":{{}},\"resources\":{{}},\
             \"completions\":{{}},\"logging\":{{}}}},\"serverInfo\":{{\"name\":\"fidelity\",\"version\":\"1\"}}}}",
            self.hints()
        )
    }

    fn list(&self, member: &str, offered: &[Offered]) -> String {
        let definitions: Vec<&str> = offered.iter().map(|offered| &*offered.text).collect();
        format!(
            "{{{}\"{member}\":[{}]}}",
            self.hints(),
            definitions.join(",")
        )
    }

    fn hints(&self) -> &'static str {
        if self.modern {
            "\"resultType\":\"complete\",\"ttlMs\":3600000,\"cacheScope\":\"private\","
        } else {
            ""
        }
    }
}

/// How deep a definition may be: it lies in a message, a result, a member and an array.
const LEVELS: usize = 58;

fn tool(rng: &mut Rng, name: &str) -> String {
    let mut odd = Odd::new(rng, true);
    let mut members = common(&mut odd, "name", name);
    let mut schema = odd.unknown(4, LEVELS);
    schema.push(("\"type\"".to_owned(), "\"object\"".to_owned()));
    members.push(("\"inputSchema\"".to_owned(), odd.shuffled(schema)));
    if odd.rng.once_in(3) {
        let root = odd.rng.pick(&["object", "array", "string"]);
        let mut schema = odd.unknown(3, LEVELS);
        schema.push(("\"type\"".to_owned(), json::quoted(root)));
        members.push(("\"outputSchema\"".to_owned(), odd.shuffled(schema)));
    }
    if odd.rng.once_in(4) {
        members.push(("\"annotations\"".to_owned(), odd.object(LEVELS)));
    }
    if odd.rng.once_in(8) {
        let support = "{\"taskSupport\":\"optional\"}".to_owned();
        members.push(("\"execution\"".to_owned(), support));
    }
    odd.shuffled(members)
}

fn prompt(rng: &mut Rng, name: &str) -> String {
    let mut odd = Odd::new(rng, true);
    let mut members = common(&mut odd, "name", name);
    let mut argument = odd.unknown(3, LEVELS);
    argument.push((odd.spelt("name"), odd.string()));
    if odd.rng.once_in(3) {
        argument.push((odd.spelt("title"), odd.string()));
    }
    let arguments = [odd.shuffled(argument)];
    members.push((odd.spelt("arguments"), odd.list(&arguments)));
    odd.shuffled(members)
}

fn resource(rng: &mut Rng, member: &str, uri: &str) -> String {
    let mut odd = Odd::new(rng, true);
    let mut members = common(&mut odd, member, uri);
    members.push((odd.spelt("name"), odd.string()));
    odd.shuffled(members)
}

/// What all definitions have.
fn common(odd: &mut Odd<'_>, member: &str, name: &str) -> Vec<(String, String)> {
    let mut members = odd.unknown(4, LEVELS);
    members.push((odd.spelt(member), odd.spelt(name)));
    members.push((odd.spelt("description"), odd.string()));
    if odd.rng.once_in(3) {
        members.push((odd.spelt("title"), odd.string()));
    }
    if odd.rng.once_in(3) {
        members.push((odd.spelt("_meta"), odd.object(LEVELS)));
    }
    if odd.rng.once_in(3) {
        let safe = "{\"src\":\"https:\\/\\/icons.example\\/a.png\",\"n\":1.0}".to_owned();
        let unsafe_one = "{ \"src\":\"http://icons.example/b.png\"}".to_owned();
        let icons = match odd.rng.below(3) {
            0 => odd.list(&[safe]),
            1 => odd.list(&[safe, unsafe_one]),
            _ => odd.list(&[unsafe_one]),
        };
        members.push((odd.spelt("icons"), icons));
    }
    members
}

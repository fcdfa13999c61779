//! The judge: for each difference, the rule that explains it, or none.

use crate::case::{Case, Method};
use crate::failure;
use crate::json;
use crate::pair::Pair;
use crate::rule::Rule;

/// Where in a message a difference was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Envelope,
    Params,
    RequestMeta,
    Reference,
    Result,
    ResultMeta,
    /// `content` of a tool result.
    Block,
    /// `messages` of a prompt.
    Message,
    /// `contents` of a resource.
    Content,
    Completion,
    /// `inputRequests`, an element of it, and what it asks.
    Questions,
    Question,
    Asked,
    ProgressEnvelope,
    Progress,
    LogEnvelope,
    Log,
    Tool,
    Prompt,
    Resource,
    /// `arguments` of a prompt's definition.
    Argument,
}

/// What follows from a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Rule(Rule),
    /// The members have to be looked at; the rule is for the case that the whole appeared or vanished.
    Inside(Place, Rule),
    /// The elements have to be looked at.
    Elements(Place),
    Unexplained,
}

impl From<Option<Rule>> for Verdict {
    fn from(rule: Option<Rule>) -> Self {
        rule.map_or(Self::Unexplained, Self::Rule)
    }
}

/// Who says what the gateway may change.
pub(crate) trait Judge {
    /// Judges a member that was sent, arrived, or both, otherwise.
    fn judge(&self, place: Place, name: &str, sent: Option<&str>, arrived: Option<&str>)
    -> Verdict;

    /// Judges an element of an array that arrived otherwise.
    fn element(&self, place: Place, sent: &str, arrived: &str) -> Verdict;
}

/// What is known of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) pair: Pair<'a>,
    pub(crate) case: &'a Case,
    /// The id that the server was given.
    pub(crate) upstream_id: &'a str,
    /// Who the gateway says it is.
    pub(crate) gateway: &'a str,
    /// The result that was sent, for rules that look at several members.
    pub(crate) result: &'a str,
}

/// What the names begin with that the protocol keeps for itself.
const RESERVED: &str = "io.modelcontextprotocol/";
/// Revisions that know fewer members and kinds of block.
pub(crate) const OLD: [&str; 2] = ["2024-11-05", "2025-03-26"];

impl Place {
    /// Whether the gateway writes this member itself, so that it may stand elsewhere and be spelt otherwise.
    pub(crate) fn is_own(self, name: &str) -> bool {
        match self {
            Self::Envelope | Self::ProgressEnvelope | Self::LogEnvelope => true,
            Self::Params => ["name", "uri", "ref", "_meta"].contains(&name),
            Self::Reference => ["name", "uri"].contains(&name),
            Self::RequestMeta => name.starts_with(RESERVED) || name == "progressToken",
            Self::Result => ["_meta", "resultType", "ttlMs", "cacheScope"].contains(&name),
            Self::ResultMeta => name.starts_with(RESERVED),
            Self::Progress => name == "progressToken",
            _ => false,
        }
    }
}

impl Judge for Scene<'_> {
    fn judge(
        &self,
        place: Place,
        name: &str,
        sent: Option<&str>,
        arrived: Option<&str>,
    ) -> Verdict {
        match place {
            Place::Envelope => self.envelope(Place::Params, name, sent, arrived),
            Place::ProgressEnvelope => self.envelope(Place::Progress, name, sent, arrived),
            Place::LogEnvelope => self.envelope(Place::Log, name, sent, arrived),
            Place::Params => self.params(name, sent, arrived),
            Place::RequestMeta => self.request_meta(name, sent, arrived).into(),
            Place::Reference => self.target(name, Rule::Completion, sent, arrived).into(),
            Place::Result => self.result(name, sent, arrived),
            Place::ResultMeta => self.result_meta(name, sent, arrived).into(),
            Place::Completion => self.completion(name, sent, arrived).into(),
            Place::Message if name == "content" => match (sent, arrived) {
                (Some(sent), Some(arrived)) => self.block(sent, arrived).into(),
                _ => Verdict::Unexplained,
            },
            Place::Questions => Verdict::Inside(Place::Question, Rule::Question),
            Place::Question if name == "params" => Verdict::Inside(Place::Asked, Rule::Question),
            Place::Asked => self.asked(name, sent, arrived).into(),
            Place::Content => self.shown(name, sent, arrived).into(),
            Place::Progress => self.progress(name, sent, arrived).into(),
            Place::Log => self.log(name, sent, arrived).into(),
            _ => Verdict::Unexplained,
        }
    }

    fn element(&self, place: Place, sent: &str, arrived: &str) -> Verdict {
        match place {
            Place::Block => self.block(sent, arrived).into(),
            Place::Message | Place::Content => Verdict::Inside(place, Rule::Edited),
            _ => Verdict::Unexplained,
        }
    }
}

impl Scene<'_> {
    fn is_modern_client(&self) -> bool {
        self.pair.is_modern_client()
    }

    fn is_old_client(&self) -> bool {
        OLD.contains(&self.pair.client)
    }

    // === requests ===

    /// `params` says what the params of this message are.
    fn envelope(
        &self,
        params: Place,
        name: &str,
        sent: Option<&str>,
        arrived: Option<&str>,
    ) -> Verdict {
        match (name, sent, arrived) {
            ("params", Some(_), Some(_)) => Verdict::Inside(params, Rule::Envelope),
            ("result", Some(_), Some(_)) => Verdict::Inside(Place::Result, Rule::Envelope),
            ("error", Some(sent), Some(arrived)) => failure::is_explained(self, sent, arrived)
                .then_some(Rule::Error)
                .into(),
            // A response: the server's side comes first.
            ("id", Some(sent), Some(arrived)) if sent == self.upstream_id => {
                (arrived == self.case.id).then_some(Rule::Id).into()
            }
            ("id", Some(_), Some(arrived)) => (arrived == self.upstream_id
                && arrived.parse::<u64>().is_ok())
            .then_some(Rule::Id)
            .into(),
            ("method", Some(sent), Some(arrived)) => (json::decoded(sent)
                == json::decoded(arrived))
            .then_some(Rule::Envelope)
            .into(),
            ("x-envelope", Some(_), None) => Verdict::Rule(Rule::Envelope),
            _ => Verdict::Unexplained,
        }
    }

    fn params(&self, name: &str, sent: Option<&str>, arrived: Option<&str>) -> Verdict {
        match (self.case.method, name, arrived) {
            (_, "_meta", _) if self.pair.server.modern => {
                Verdict::Inside(Place::RequestMeta, Rule::ModernMeta)
            }
            (_, "_meta", _) => Verdict::Inside(Place::RequestMeta, Rule::RequestMeta),
            (_, "inputResponses" | "requestState" | "task", None) => Verdict::Rule(Rule::Params),
            (Method::CallTool, "name", _) => self.target(name, Rule::Name, sent, arrived).into(),
            (Method::GetPrompt, "name", _) => self.target(name, Rule::Prompt, sent, arrived).into(),
            (Method::ReadResource, "uri", _) => self.target(name, Rule::Uri, sent, arrived).into(),
            (Method::Complete, "ref", Some(_)) => {
                Verdict::Inside(Place::Reference, Rule::Completion)
            }
            _ => Verdict::Unexplained,
        }
    }

    /// What the request is for, under the client's name and the server's.
    fn target(
        &self,
        name: &str,
        rule: Rule,
        sent: Option<&str>,
        arrived: Option<&str>,
    ) -> Option<Rule> {
        let said =
            |text: Option<&str>, what: &str| text.and_then(json::decoded).as_deref() == Some(what);
        let target = &self.case.target;
        let ok = ["name", "uri"].contains(&name)
            && said(sent, &target.shown)
            && said(arrived, &target.own);
        ok.then_some(rule)
    }

    fn request_meta(&self, name: &str, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        if name == "progressToken" {
            let ours = arrived == Some(self.upstream_id) && sent == self.case.token.as_deref();
            return (sent.is_some() && ours).then_some(Rule::Token);
        }
        if name == "baggage" {
            return (sent.is_some() && arrived.is_none()).then_some(Rule::Trace);
        }
        let reserved = name.strip_prefix(RESERVED)?;
        let Some(arrived) = arrived else {
            return Some(Rule::RequestMeta);
        };
        let right = match reserved {
            "protocolVersion" => arrived == "\"2026-07-28\"",
            "clientInfo" => arrived == self.gateway,
            "clientCapabilities" if self.is_modern_client() => arrived == "{\"elicitation\":{}}",
            "clientCapabilities" => arrived == "{}",
            "logLevel" => json::decoded(arrived).as_deref() == self.case.log_level,
            _ => false,
        };
        (self.pair.server.modern && right).then_some(Rule::ModernMeta)
    }

    // === results ===

    fn result(&self, name: &str, sent: Option<&str>, arrived: Option<&str>) -> Verdict {
        let modern = self.is_modern_client();
        match (self.case.method, name) {
            (_, "_meta") if modern => Verdict::Inside(Place::ResultMeta, Rule::Complete),
            (_, "_meta") => Verdict::Inside(Place::ResultMeta, Rule::ResultMeta),
            (_, "resultType" | "ttlMs" | "cacheScope" | "inputRequests" | "requestState")
                if !modern && arrived.is_none() =>
            {
                Verdict::Rule(Rule::Reserved)
            }
            (_, "inputRequests") if sent.is_some() && arrived.is_some() => {
                Verdict::Inside(Place::Questions, Rule::Question)
            }
            (_, "requestState") => {
                let strings = sent.and(arrived).and_then(json::decoded);
                strings.is_some().then_some(Rule::State).into()
            }
            (_, "resultType") if modern => self.result_type(sent, arrived).into(),
            (Method::ReadResource, "ttlMs") if modern => {
                let unusable = sent.is_none_or(|ttl| ttl.parse::<u64>().is_err());
                (unusable && arrived == Some("0"))
                    .then_some(Rule::Caching)
                    .into()
            }
            (Method::ReadResource, "cacheScope") if modern => (arrived == Some("\"private\""))
                .then_some(Rule::Private)
                .into(),
            (Method::ReadResource, "contents") => Verdict::Elements(Place::Content),
            (Method::CallTool, "structuredContent") => self.structured(sent, arrived).into(),
            (Method::CallTool, "content") => self.content(sent, arrived),
            (Method::GetPrompt, "messages") if self.is_old_client() => {
                Verdict::Elements(Place::Message)
            }
            (Method::Complete, "completion") if arrived.is_some() => {
                Verdict::Inside(Place::Completion, Rule::Cut)
            }
            _ => Verdict::Unexplained,
        }
    }

    /// The client reads which server asks.
    fn asked(&self, name: &str, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        let expected = format!("\"[{}] {}", self.pair.server.slug, sent?.strip_prefix('"')?);
        (name == "message" && arrived == Some(&expected)).then_some(Rule::Question)
    }

    fn result_type(&self, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        let missing = sent.is_none() || !self.pair.server.modern;
        (missing && arrived == Some("\"complete\"")).then_some(Rule::Complete)
    }

    fn result_meta(&self, name: &str, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        if self.is_modern_client() {
            let server_info = name.strip_prefix(RESERVED) == Some("serverInfo");
            let ours = sent.is_none() && arrived == Some(self.gateway);
            return (server_info && ours).then_some(Rule::Complete);
        }
        let reserved = name.strip_prefix(RESERVED)?;
        let known = reserved == "related-task" && self.pair.client == "2025-11-25";
        (arrived.is_none() && !known).then_some(Rule::ResultMeta)
    }

    /// Whether the client's revision has no such structured content.
    fn is_text_instead(&self) -> bool {
        let structured = json::member(self.result, "structuredContent");
        let foreign = |text: &str| self.is_old_client() || !text.starts_with('{');
        !self.is_modern_client() && structured.is_some_and(foreign)
    }

    fn structured(&self, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        let gone = sent.is_some() && arrived.is_none();
        (gone && self.is_text_instead()).then_some(Rule::Structured)
    }

    fn content(&self, sent: Option<&str>, arrived: Option<&str>) -> Verdict {
        let blocks = |text: Option<&str>| -> Option<Vec<String>> {
            let blocks = json::elements(text?)?;
            Some(blocks.into_iter().map(str::to_owned).collect())
        };
        let (Some(before), Some(mut after)) = (blocks(sent), blocks(arrived)) else {
            return Verdict::Unexplained;
        };
        let is_text = |block: &String| kind(block).as_deref() == Some("text");
        let wants_text = self.is_text_instead() && !before.iter().any(is_text);
        if !wants_text {
            // Only old revisions have blocks looked into.
            return if self.is_old_client() {
                Verdict::Elements(Place::Block)
            } else {
                Verdict::Unexplained
            };
        }
        let structured = json::member(self.result, "structuredContent").unwrap_or_default();
        let added = after.pop();
        let says = added
            .as_deref()
            .and_then(|block| json::member(block, "text"));
        let alike = before.len() == after.len()
            && before
                .iter()
                .zip(&after)
                .all(|(before, after)| before == after || self.block(before, after).is_some());
        (alike && says.and_then(json::decoded).as_deref() == Some(structured))
            .then_some(Rule::Structured)
            .into()
    }

    /// A block that the client's revision does not know says what it was.
    fn block(&self, sent: &str, arrived: &str) -> Option<Rule> {
        let foreign = match kind(sent)?.as_str() {
            "text" | "image" | "resource" => false,
            "audio" => self.pair.client == "2024-11-05",
            _ => self.is_old_client(),
        };
        let members = json::members(arrived)?;
        let names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        let text = json::decoded(json::member(arrived, "text")?)?;
        let said = |name: &str| json::member(sent, name).and_then(json::decoded);
        let names_it = match kind(sent)?.as_str() {
            "audio" => text.contains("audio") && text.contains(&said("mimeType")?),
            "resource_link" => text.contains(&said("uri")?),
            other => text.contains(other),
        };
        let plain = names == ["type", "text"] && kind(arrived).as_deref() == Some("text");
        (foreign && plain && names_it).then_some(Rule::Blocks)
    }

    fn shown(&self, name: &str, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        let target = &self.case.target;
        let said =
            |text: Option<&str>, what: &str| text.and_then(json::decoded).as_deref() == Some(what);
        (name == "uri" && said(sent, &target.own) && said(arrived, &target.shown))
            .then_some(Rule::Shown)
    }

    fn completion(&self, name: &str, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        let values = json::member(self.result, "completion")
            .and_then(|completion| json::member(completion, "values"))
            .and_then(json::elements)?;
        if values.len() <= 100 {
            return None;
        }
        let right = match name {
            "values" => {
                sent.is_some() && arrived == Some(&format!("[{}]", values[..100].join(",")))
            }
            "hasMore" => arrived == Some("true"),
            _ => false,
        };
        right.then_some(Rule::Cut)
    }

    // === notices ===

    fn progress(&self, name: &str, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        let right =
            name == "progressToken" && sent.is_some() && arrived == self.case.token.as_deref();
        right.then_some(Rule::Token)
    }

    fn log(&self, name: &str, sent: Option<&str>, arrived: Option<&str>) -> Option<Rule> {
        let slug = self.pair.server.slug;
        let expected = match sent {
            Some(logger) => format!("\"{slug}/{}", logger.strip_prefix('"')?),
            None => format!("\"{slug}\""),
        };
        let right = name == "logger" && arrived == Some(&expected);
        right.then_some(Rule::Logger)
    }
}

fn kind(block: &str) -> Option<String> {
    json::decoded(json::member(block, "type")?)
}

//! The tools, one row each.

use serde_json::{Map, Value, json};
use toolgate_admin::Role;
use toolgate_protocol::{Json, JsonLimits, Revision, ToolDefinition};

use crate::acts::{calls, explain, secrets, servers, tokens, tools, who};
use crate::answer::Answer;
use crate::desk::Desk;
use crate::params::{Arguments, Param, schema};
use crate::refusal::Refusal;

/// One tool.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) effect: Effect,
    /// Whether it makes the gateway contact a server.
    pub(crate) reaches_out: bool,
    /// The least role that may have it.
    pub(crate) least: Role,
    pub(crate) params: &'static [Param],
    /// Fields that every answer has, with their JSON types.
    pub(crate) output: &'static [(&'static str, &'static [&'static str])],
    pub(crate) act: fn(&Desk, &mut Arguments) -> Result<Answer, Refusal>,
}

/// What a tool does to the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Changes nothing.
    Reads,
    /// Adds something, and takes nothing away.
    Adds,
    /// Replaces or takes away.
    Changes,
}

pub(crate) const TEXT: &[&str] = &["string"];
pub(crate) const NUMBER: &[&str] = &["integer"];
pub(crate) const FLAG: &[&str] = &["boolean"];
pub(crate) const LIST: &[&str] = &["array"];
pub(crate) const OBJECT: &[&str] = &["object"];
pub(crate) const MAYBE_OBJECT: &[&str] = &["object", "null"];

/// Every tool, in list order.
pub(crate) static TOOLS: &[&Tool] = &[
    &who::WHOAMI,
    &calls::MY_CALLS,
    &servers::LIST_SERVERS,
    &servers::ADD_SERVER,
    &servers::TEST_SERVER,
    &servers::ENABLE_SERVER,
    &servers::DISABLE_SERVER,
    &servers::REMOVE_SERVER,
    &tools::LIST_TOOLS,
    &tools::CLASSIFY_TOOL,
    &tools::SET_TOOL_ENABLED,
    &tools::REVIEW_TOOLS,
    &tools::APPROVE_TOOL,
    &secrets::LIST_SECRETS,
    &secrets::SET_SECRET,
    &secrets::DELETE_SECRET,
    &tokens::LIST_TOKENS,
    &tokens::CREATE_TOKEN,
    &tokens::REVOKE_TOKEN,
    &calls::QUERY_CALLS,
    &calls::CALL_STATISTICS,
    &explain::EXPLAIN_REFUSAL,
    &who::AUDIT,
];

/// The tool of that name.
pub(crate) fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().copied().find(|tool| tool.name == name)
}

impl Tool {
    /// As it is listed; `None` never, since every row is read by a test.
    pub(crate) fn definition(&self) -> Option<ToolDefinition> {
        let properties: Map<String, Value> = self
            .output
            .iter()
            .map(|(name, types)| ((*name).to_owned(), json!({"type": one_or_all(types)})))
            .collect();
        let required: Vec<&str> = self.output.iter().map(|(name, _)| *name).collect();
        let definition = json!({
            "name": self.name,
            "title": self.title,
            "description": self.about,
            "inputSchema": schema(self.params),
            "outputSchema": {
                "type": "object",
                "properties": properties,
                "required": required,
            },
            "annotations": {
                "title": self.title,
                "readOnlyHint": self.effect == Effect::Reads,
                "destructiveHint": self.effect == Effect::Changes,
                "openWorldHint": self.reaches_out,
            },
        });
        let text = definition.to_string().into();
        let json = Json::parse(text, &JsonLimits::UPSTREAM).ok()?;
        ToolDefinition::parse(json, Revision::LATEST).ok()
    }
}

fn one_or_all(types: &[&str]) -> Value {
    match types {
        [only] => json!(only),
        all => json!(all),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_is_a_definition_and_no_name_is_taken_twice() {
        let mut names = HashSet::new();
        for tool in TOOLS {
            let definition = tool.definition().unwrap_or_else(|| panic!("{}", tool.name));
            assert_eq!(*definition.name, *tool.name);
            assert!(names.insert(tool.name), "{} twice", tool.name);
            assert!(tool.about.len() > 20, "{} says what it does", tool.name);
        }
        assert_eq!(crate::Manage::tools().len(), TOOLS.len());
    }

    /// S-40: what is for every role changes nothing.
    #[test]
    fn s40_whoever_may_not_manage_gets_what_reads_only() {
        let open: Vec<_> = TOOLS
            .iter()
            .filter(|tool| tool.least < Role::Admin)
            .collect();
        let names: Vec<_> = open.iter().map(|tool| tool.name).collect();
        assert_eq!(names, toolgate_admin::OWN_TOOLS_FOR_ALL);
        assert!(open.iter().all(|tool| tool.effect == Effect::Reads));
    }

    /// S-70: no argument can name a command.
    #[test]
    fn s70_no_tool_takes_a_command() {
        for param in TOOLS.iter().flat_map(|tool| tool.params) {
            let name = param.name;
            assert!(!["command", "argv", "args", "cwd", "env"].contains(&name));
        }
    }

    /// S-45: no argument can name a workspace.
    #[test]
    fn s45_no_tool_takes_a_workspace() {
        for param in TOOLS.iter().flat_map(|tool| tool.params) {
            assert!(!param.name.contains("workspace"));
        }
    }
}

//! Why a tool did not do what it was asked, and what to do next, in words for a model.

use bytes::Bytes;
use serde_json::json;
use toolgate_admin::AdminError;

/// A tool's failure. Nothing was changed.
#[derive(Debug)]
pub(crate) struct Refusal {
    what: String,
    hint: Option<String>,
}

impl Refusal {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What a tool above the caller's role reads as.
    pub(crate) fn unknown_tool() -> Self {
        Self::new("no such tool, or this token may not use it")
            .hint("toolgate__whoami says what this token may do")
    }

    /// The result of the call.
    pub(crate) fn result(self) -> Bytes {
        let text = match self.hint {
            Some(hint) => format!("Not done: {}.\nWhat to do: {hint}.", self.what),
            None => format!("Not done: {}.", self.what),
        };
        let result = json!({"content": [{"type": "text", "text": text}], "isError": true});
        result.to_string().into()
    }
}

impl From<AdminError> for Refusal {
    fn from(error: AdminError) -> Self {
        let hint = hint(&error);
        let mut what = error.to_string();
        // What it says itself is often only what was attempted.
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !what.ends_with(&cause_text) {
                what = format!("{what}: {cause_text}");
            }
            source = cause.source();
        }
        Self { what, hint }
    }
}

/// What an agent can do, by the tools it has; else what a person can.
fn hint(error: &AdminError) -> Option<String> {
    let listed = |known: &[String], tool: &str| match known {
        [] => format!("there is none yet; see {tool}"),
        known => format!("there is {}; see {tool}", known.join(", ")),
    };
    match error {
        AdminError::UnknownServer { known, .. } => Some(listed(known, "toolgate__list_servers")),
        AdminError::UnknownToken { .. } => Some("see toolgate__list_tokens".to_owned()),
        AdminError::UnknownTool { .. } => Some(
            "see toolgate__list_tools; a server that was never reached has none yet (toolgate__test_server)"
                .to_owned(),
        ),
        AdminError::UnknownSecret { .. } => Some("see toolgate__list_secrets".to_owned()),
        AdminError::AmbiguousToken { .. } => {
            Some("use the id of the one you mean, from toolgate__list_tokens".to_owned())
        }
        AdminError::ServerTaken { slug, .. } => Some(format!(
            "choose another name, or remove `{slug}` first with toolgate__remove_server"
        )),
        AdminError::NotAlone { other, .. } => Some(format!(
            "switch `{other}` off with toolgate__disable_server; a server without a prefix has to be alone"
        )),
        AdminError::Changed { .. } => Some(
            "look at it again with toolgate__review_tools, then approve the hash that it shows"
                .to_owned(),
        ),
        AdminError::NotAHash => {
            Some("toolgate__review_tools shows it with each tool".to_owned())
        }
        AdminError::CommandOverApi | AdminError::NotAllowedHere { .. } => Some(
            "ask whoever has the gateway's host to add it there with `toolgatectl mcp add`; \
             private addresses, plain http and programs are the operator's to allow"
                .to_owned(),
        ),
        other => other.hint(),
    }
}

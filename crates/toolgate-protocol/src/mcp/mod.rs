//! MCP's own shapes, carried from one revision to another (sections 1.1, 4, 6.3 and 9).

mod adapt_error;
mod adapt_result;
mod canonical;
mod content;
mod handshake;
mod icons;
mod interaction;
mod list;
mod merge;
pub(crate) mod meta;
mod prompt;
mod resource;
mod schema;
mod tool;

pub use adapt_error::adapt_error;
pub use adapt_result::{ResultType, adapt_result, adapt_result_parts, is_error, result_type};
pub use handshake::{
    InitializeParams, InvalidSnapshot, ServerSnapshot, discover_result, initialize_result,
};
pub use interaction::{
    InputRequired, Question, answer_fits, canonical_by_value, forwarded_capabilities,
    input_required_result, may_ask, question_for_client, required_capability, url_questions,
};
pub use list::{ListPage, ListResult};
pub use merge::{Contribution, merged_capabilities, merged_instructions};
pub use prompt::prompt_for_client;
pub use resource::{
    CompletionRef, ResourceDefinition, cut_completion, explicit_uri, linked_uris,
    read_result_shown_as, split_explicit_uri, template_matches,
};
pub use tool::{HeaderParam, HeaderParamType, InvalidTool, ToolDefinition};

//! MCP's own shapes, carried from one revision to another (sections 1.1, 4, 6.3 and 9 to 11).

mod adapt_error;
mod adapt_result;
pub(crate) mod canonical;
mod client_capabilities;
mod completion;
pub(crate) mod content;
mod handshake;
mod icons;
mod input_required;
mod list;
mod merge;
pub(crate) mod meta;
mod prompt;
mod question;
mod resource;
mod schema;
mod tool;
mod uri;
mod uri_template;

pub use adapt_error::{adapt_error, adapt_error_for};
pub use adapt_result::{ResultType, adapt_result, adapt_result_parts, is_error, result_type};
pub use canonical::canonical_by_value;
pub use client_capabilities::forwarded_capabilities;
pub use completion::{CompletionRef, cut_completion};
pub use handshake::{
    InitializeParams, InvalidSnapshot, ServerSnapshot, discover_result, initialize_result,
};
pub use input_required::{InputRequired, input_required_result};
pub use list::{ListPage, ListResult};
pub use merge::{Contribution, merged_capabilities, merged_instructions};
pub use prompt::prompt_for_client;
pub use question::{
    Question, answer_fits, may_ask, question_for_client, required_capability, url_questions,
};
pub use resource::{ResourceDefinition, read_result_shown_as};
pub use tool::{HeaderParam, HeaderParamType, InvalidTool, ToolDefinition};
pub(crate) use uri::LINKED_MAX;
pub use uri::{explicit_uri, linked_uris, split_explicit_uri};
pub use uri_template::template_matches;

//! MCP's own shapes, carried from one revision to another (sections 1.1, 4, 6.3 and 9).

mod adapt_error;
mod adapt_result;
mod canonical;
mod content;
mod handshake;
mod icons;
mod list;
pub(crate) mod meta;
mod prompt;
mod schema;
mod tool;

pub use adapt_error::adapt_error;
pub use adapt_result::{ResultType, adapt_result, adapt_result_parts, is_error, result_type};
pub use handshake::{
    InitializeParams, InvalidSnapshot, ServerSnapshot, discover_result, initialize_result,
};
pub use list::{ListPage, ListResult};
pub use prompt::prompt_for_client;
pub use tool::{HeaderParam, HeaderParamType, InvalidTool, ToolDefinition};

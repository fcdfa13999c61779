//! Tests of the public surface: tokens, roles, tool rules, decisions and rate limits.

mod deny_by_default;
mod least_role;
mod people;
mod permission_matrix;
mod rate_exact;
mod support;
mod token_format;
mod token_state;
mod tool_rules;

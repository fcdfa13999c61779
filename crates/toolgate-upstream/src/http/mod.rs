//! Servers reached over HTTP.

pub(crate) mod answer;
pub(crate) mod exchange;
pub(crate) mod large;
pub(crate) mod legacy;
pub(crate) mod link;
pub(crate) mod listen;
pub(crate) mod modern;
pub(crate) mod old;
pub(crate) mod reader;

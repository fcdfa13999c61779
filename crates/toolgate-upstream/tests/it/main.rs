//! Conversations with scriptable servers on real sockets and pipes.

mod credentials;
mod detect;
mod isolation;
mod legacy;
mod list;
mod modern;
mod old_sse;
mod stdio;
mod support;
mod time;

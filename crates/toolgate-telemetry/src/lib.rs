//! Calls, told to whoever watches.

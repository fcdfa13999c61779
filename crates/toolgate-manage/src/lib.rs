//! Toolgate's own tools.

//! Criterion benches of the pieces, and the load bench against a bare relay.

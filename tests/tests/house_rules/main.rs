//! The house rules that no compiler knows: who may import whom, where each dangerous dependency lives, what every
//! manifest says. The plan they keep is drawn in ARCHITECTURE.md; changing it there and here is one commit.

mod dependencies;
mod imports;
mod links;
mod logs;
mod packages;
mod processes;
mod secrets;
mod sql;
mod tree;
mod words;

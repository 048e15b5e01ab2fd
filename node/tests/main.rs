//! The tests of the node through its methods: one program, as each takes a link and disk.

mod common;
mod data_fee;
mod development;
mod devnet;
mod fork;
mod fork_answers;
mod hostile;
mod layer1;
mod limits;
mod methods;
mod network;
mod pending;
mod proofs;
mod scripts;
mod tools;
mod trace_memory;
mod traces;

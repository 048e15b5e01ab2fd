//! Random inputs for whatever reads bytes that nobody vouches for, and a second
//! opinion on what the kernel makes of transactions.
//!
//! A target is a function of bytes. `cargo run -p fuzz --release -- TARGET` runs
//! it on random bytes with stable Rust.

pub mod bytes;
pub mod case;
pub mod choice;
pub mod differential;
pub mod inbox;
pub mod other;
pub mod program;
pub mod targets;

//! Random inputs for whatever reads bytes that nobody vouches for, and a second
//! opinion on what the kernel makes of transactions.
//!
//! A target is a function of bytes. `cargo run -p fuzz --release -- TARGET` runs
//! it on random bytes with stable Rust. `fuzz/libfuzzer` has the same targets for
//! libFuzzer, which keeps inputs that reach new code. That takes nightly Rust, a C++
//! compiler and `cargo install cargo-fuzz`:
//!
//! ```sh
//! cp Cargo.lock fuzz/libfuzzer/
//! cargo +nightly fuzz run --fuzz-dir fuzz/libfuzzer TARGET
//! ```

pub mod bytes;
pub mod case;
pub mod differential;
pub mod evm_crate;
pub mod inbox;
pub mod kernel;
pub mod opinion;
pub mod precompiles;
pub mod program;
pub mod random;
pub mod targets;

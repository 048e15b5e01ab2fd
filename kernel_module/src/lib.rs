//! Reads, checks and rewrites the wasm modules of kernels.
//!
//! | module | what |
//! | --- | --- |
//! | [`check`] | which modules the machine accepts |
//! | [`report`] | every rule, one by one, and what the bytes are made of |
//! | [`imports`], [`version`] | the host functions, and since when |
//! | [`metering`] | counts instructions and open calls |
//! | [`call_graph`], [`stack_guard`] | who calls whom; a bound on open calls |
//! | [`strip`] | the module without custom sections |

pub mod call_graph;
pub mod check;
pub mod imports;
pub mod metering;
pub mod report;
pub mod stack_guard;
pub mod version;

mod strip;

pub use check::KernelError;
pub use metering::Counted;
pub use strip::strip;
pub use version::Version;

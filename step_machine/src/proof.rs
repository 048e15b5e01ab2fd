//! Proofs of steps: of the state what a step looks at, and hashes in place of all else.
//!
//! | bytes | what |
//! | --- | --- |
//! | 64 | the registers before the step |
//! | each of the ten regions in turn | its part |
//!
//! A part is `00`: zeros; `01`: a hash (32 bytes); `02`: a leaf, its length without zeros at its end (1
//! byte) and the bytes; `03`: two parts, one half as high each.

mod partial;
mod record;

pub use partial::{MAX_PROOF, Partial, ProofError, check};
pub(crate) use partial::{Parts, Reader};
pub(crate) use record::encode;
pub use record::{Recorded, Recording};

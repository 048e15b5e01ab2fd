//! What a node asks of the kernel's own code, off chain.

pub mod impersonate;
pub mod simulate;

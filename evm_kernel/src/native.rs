//! What a node asks of the kernel's own code, off chain.

pub mod governance;
pub mod impersonate;
pub mod simulate;

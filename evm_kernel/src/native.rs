//! Functions of the kernel's own code for nodes, off chain.

pub mod code_size;
pub mod governance;
pub mod impersonate;
pub mod interrupt;
pub mod moves;
pub mod simulate;
pub mod trace;
pub mod trial;

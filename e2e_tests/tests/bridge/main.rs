//! The bridge, through the compiled kernel: inbox bytes in, balances, events and
//! outbox bytes out.

mod conservation;
mod fa;
mod forced;
mod governed;
mod native;
mod receivers;
mod reverts;
mod scene;

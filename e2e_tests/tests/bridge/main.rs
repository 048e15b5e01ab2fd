//! The bridge, through the compiled kernel: inbox bytes in, balances, events and
//! outbox bytes out.

mod native;
mod scene;

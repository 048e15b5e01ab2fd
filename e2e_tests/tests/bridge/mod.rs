//! The bridge, through the compiled kernel: inbox bytes in, balances, events and
//! outbox bytes out.

mod before;
mod conservation;
mod fa;
mod forced;
mod governed;
mod native;
mod price;
mod receivers;
mod reverts;
mod scene;
mod scripts;
mod settings;
mod tickets;

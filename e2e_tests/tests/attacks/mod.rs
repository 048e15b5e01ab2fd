//! Attacks that anybody can try against the rollup, through the compiled kernel. Each test
//! states what the attack costs whoever makes it, and bounds what it does.

mod bridged;
mod chunks;
mod claims;
mod dearest;
mod hash_maps;
mod lanes;
mod outbox;
mod places;
mod tickets;
mod work;

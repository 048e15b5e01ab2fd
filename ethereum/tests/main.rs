//! Against other implementations and official vectors: one program, as each takes a link and disk.

mod against_alloy;
mod known_keys;
mod second_opinions;

//! The tests of the command but those in `pages.rs`. One program: each takes a link and disk.

mod batch;
mod configuration;
mod crashes;
mod debug;
mod dispute;
mod follower_page;
mod govern;
mod guard;
mod https;
mod l1;
mod misconfigured;
mod node;
mod originate;
mod origination;
mod process;
mod run;
mod support;
mod transactions;
mod witnesses;

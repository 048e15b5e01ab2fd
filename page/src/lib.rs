#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

mod ask;
mod format;
mod frame;
mod names;
mod query;
mod site;
mod views;

pub use site::Pages;

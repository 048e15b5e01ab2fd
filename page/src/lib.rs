#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

mod ask;
mod format;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod names;
mod query;
mod site;
mod slice;
mod views;

pub use names::error_words;
pub use site::Pages;

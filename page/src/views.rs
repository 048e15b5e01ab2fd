//! A file for each view.

pub(crate) mod account;
pub(crate) mod block;
pub(crate) mod bridge;
mod calls;
mod changes;
pub(crate) mod code;
pub(crate) mod control;
pub(crate) mod dispute;
mod forms;
mod found;
pub(crate) mod home;
pub(crate) mod level;
pub(crate) mod logs;
pub(crate) mod message;
pub(crate) mod named;
pub(crate) mod proof;
pub(crate) mod search;
pub(crate) mod source;
pub(crate) mod storage;
pub(crate) mod tokens;
pub(crate) mod transaction;
pub(crate) mod workbench;

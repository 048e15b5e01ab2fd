//! A file for each view.

pub(crate) mod account;
pub(crate) mod block;
pub(crate) mod bridge;
pub(crate) mod calls;
pub(crate) mod changes;
pub(crate) mod code;
pub(crate) mod control;
pub(crate) mod dispute;
pub(crate) mod dropped;
mod forms;
mod found;
pub(crate) mod home;
pub(crate) mod layer1;
pub(crate) mod level;
pub(crate) mod logs;
pub(crate) mod message;
pub(crate) mod named;
pub(crate) mod parts;
pub(crate) mod posted;
pub(crate) mod proof;
mod recognised;
pub(crate) mod search;
pub(crate) mod source;
pub(crate) mod storage;
pub(crate) mod tokens;
pub(crate) mod transaction;
pub(crate) mod workbench;

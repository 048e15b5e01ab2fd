//! JSON-RPC: bytes ⇄ calls ⇄ answers, in go-ethereum's words.

pub mod access;
pub mod dispatch;
mod error;
pub mod json;
mod layer1_json;
pub(crate) mod listener;
mod load;
mod meter;
mod methods;
pub mod micheline;
mod objects;
mod outgoing;
pub mod params;
mod past;
pub mod protocol;
pub mod server;
pub mod site;
mod subscriptions;
mod text;
pub(crate) mod texts;
mod typed_data;
pub mod websocket;
mod words;

pub use dispatch::{call, call_within};
pub use error::RpcError;
pub use layer1_json::outbox_message;
pub(crate) use words::{halt as halt_words, revert as revert_words};

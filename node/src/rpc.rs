//! JSON-RPC: bytes ⇄ calls ⇄ answers, in go-ethereum's words.

pub mod access;
mod blocking;
pub mod dispatch;
mod error;
pub mod json;
mod layer1_json;
mod methods;
pub mod micheline;
mod objects;
pub mod params;
pub mod protocol;
pub mod server;
mod subscriptions;
pub mod websocket;
mod words;

pub use dispatch::call;
pub use error::RpcError;

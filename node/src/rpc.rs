//! JSON-RPC: bytes ⇄ calls ⇄ answers.

pub mod access;
pub mod json;
pub mod methods;
pub mod micheline;
pub mod params;
pub mod protocol;
pub mod server;
pub mod websocket;

pub use protocol::RpcError;

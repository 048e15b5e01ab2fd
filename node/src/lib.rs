//! Ethereum JSON-RPC over a running kernel.

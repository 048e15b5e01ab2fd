//! The devnet's output at its start.

use alloy_primitives::U256;
use node::Handle;
use serde_json::json;
use std::fmt;

/// The wei of a unit.
pub(super) const UNIT: u128 = 1_000_000_000_000_000_000;

/// The devnet's facts as a JSON object, for programs.
pub(super) fn start(devnet: &Handle, mnemonic: &str) -> serde_json::Value {
    let accounts = devnet.accounts().iter();
    let accounts = accounts.map(
        |account| json!({ "address": account.address, "privateKey": account.key.to_string() }),
    );
    let fork = devnet.node().fork();
    let fork = fork.map(
        |fork| json!({ "chainId": fork.chain_id(), "block": fork.number(), "hash": fork.hash() }),
    );
    json!({
        "fork": fork,
        "version": env!("CARGO_PKG_VERSION"),
        "url": devnet.url(),
        "chainId": devnet.node().chain_id(),
        "accounts": accounts.collect::<serde_json::Value>(),
        "mnemonic": mnemonic,
        "balance": devnet.balance().to_string(),
    })
}

/// The first output: accounts, keys, addresses.
pub(super) struct Banner<'d> {
    pub(super) devnet: &'d Handle,
    pub(super) mnemonic: &'d str,
    /// It has pages for browsers.
    pub(super) page: bool,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            devnet,
            mnemonic,
            page,
        } = self;
        writeln!(f, "\nevm-rollup {} devnet\n", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "Available Accounts\n==================")?;
        let tez = devnet.balance() / U256::from(UNIT);
        for (index, account) in devnet.accounts().iter().enumerate() {
            writeln!(f, "({index}) {} ({tez} tez)", account.address)?;
        }
        writeln!(f, "\nPrivate Keys\n==================")?;
        for (index, account) in devnet.accounts().iter().enumerate() {
            writeln!(f, "({index}) {}", account.key)?;
        }
        writeln!(f, "\nWallet\n==================")?;
        writeln!(f, "Mnemonic:          {mnemonic}")?;
        writeln!(f, "Derivation path:   m/44'/60'/0'/0/")?;
        writeln!(
            f,
            "\nChain ID\n==================\n{}",
            devnet.node().chain_id()
        )?;
        if let Some(fork) = devnet.node().fork() {
            writeln!(f, "\nFork\n==================")?;
            writeln!(f, "Node:              {}", fork.remote().shown())?;
            writeln!(f, "Chain ID:          {}", fork.chain_id())?;
            writeln!(f, "Block:             {} ({})", fork.number(), fork.hash())?;
        }
        if let Ok(latest) = devnet.node().latest() {
            writeln!(
                f,
                "\nBase Fee\n==================\n{}",
                latest.header.base_fee_per_gas
            )?;
            writeln!(
                f,
                "\nGas Limit\n==================\n{}",
                latest.header.gas_limit
            )?;
        }
        writeln!(f, "\nThese keys are public: use them for tests only.")?;
        writeln!(
            f,
            "\nListening on {} (HTTP and WebSocket)",
            devnet.address()
        )?;
        // Behind the line that programs wait for.
        if *page {
            writeln!(f, "Pages for browsers: {}/", devnet.url())?;
        }
        Ok(())
    }
}

//! The node as a library: starts a devnet in this process, sends a transaction, prints its receipt.
//!
//! `make kernel && cargo run --example devnet`

use alloy_primitives::{Address, Bytes, TxKind, U256};
use ethereum::Transaction;
use ethereum::transaction::Eip1559;
use node::rpc::params::Params;
use node::{Handle, Options};
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let receipt = receipt(Path::new("target/kernel/evm_kernel.wasm")).await?;
    println!("{receipt:#}");
    Ok(())
}

/// Sends 1 unit from the first account; gives the receipt.
///
/// # Errors
/// No kernel at the path, or no receipt within ten seconds.
pub(crate) async fn receipt(kernel: &Path) -> Result<Value, Box<dyn Error>> {
    let mut options = Options::new(kernel);
    options.port = 0; // any free one
    let devnet = node::devnet(options).await?;

    let transaction = Transaction::DynamicFee(Eip1559 {
        chain_id: 1337,
        max_fee_per_gas: U256::from(10_000_000_000_u64),
        gas_limit: 21_000,
        to: TxKind::Call(Address::repeat_byte(0x11)),
        value: U256::from(10).pow(U256::from(18)),
        ..Eip1559::default()
    });
    let signed = devnet.accounts()[0].sign(transaction)?;
    let raw = Bytes::from(signed.encode());
    let hash = call(&devnet, "eth_sendRawTransaction", json!([raw])).await?;

    // A block has it at once; the receipt is there a moment later.
    for _ in 0..100 {
        let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await?;
        if !receipt.is_null() {
            devnet.stop();
            return Ok(receipt);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("no receipt".into())
}

/// Calls a method without HTTP. Other programs reach the same methods at `devnet.url()`.
async fn call(devnet: &Handle, method: &str, params: Value) -> Result<Value, Box<dyn Error>> {
    let Value::Array(params) = params else {
        return Err("the parameters must be a list".into());
    };
    let answer = node::rpc::call(devnet.miner(), method, Params::new(params)).await;
    answer.map_err(|error| format!("{method}: {error:?}").into())
}

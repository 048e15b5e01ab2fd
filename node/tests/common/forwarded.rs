//! A contract that calls another one, and a transaction in which it does.

use super::{COUNTER, call, deploy, devnet};
use alloy_primitives::{Address, hex};
use node::Handle;
use serde_json::{Value, json};

/// Calls the contract in its call data, with the rest of the data and half the value, and
/// reverts if that fails.
const FORWARDER: &[u8] = &hex!(
    "602036036020600037" // copies the data behind the address
    "60006000602036036000600234046000355af1" // calls
    "602357600080fd5b00"
);

pub(crate) async fn send(devnet: &Handle, to: Address, data: &[u8], value: &str) -> Value {
    let from = devnet.accounts()[0].address;
    let data = hex::encode_prefixed(data);
    let request = json!([{
        "from": from, "to": to, "data": data, "value": value, "gas": "0x30000",
    }]);
    call(devnet, "eth_sendTransaction", request).await
}

/// A devnet with a contract that calls a counter, and the transaction in which it does.
pub(crate) async fn scene() -> (Handle, Address, Address, Value) {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    let forwarder = deploy(&devnet, &[], FORWARDER).await;
    let data = [counter.into_word().as_slice(), &[1, 2, 3, 4]].concat();
    let hash = send(&devnet, forwarder, &data, "0x0").await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    (devnet, counter, forwarder, hash)
}

//! Helpers of the devnet's tests.

pub(crate) mod forwarded;

use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use ethereum::Transaction;
use ethereum::transaction::Eip1559;
use node::accounts::Account;
use node::rpc::RpcError;
use node::rpc::params::Params;
use node::{Handle, Options};
use serde_json::{Value, json};
use std::path::Path;

/// A devnet on the kernel that `make kernel` wrote.
pub(crate) async fn devnet(change: impl FnOnce(&mut Options)) -> Handle {
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel/evm_kernel.wasm");
    assert!(
        kernel.is_file(),
        "no kernel at {}; `make kernel` builds it",
        kernel.display()
    );
    let mut options = Options::new(kernel);
    change(&mut options);
    node::devnet(options).await.expect("the devnet starts")
}

pub(crate) async fn try_call(
    devnet: &Handle,
    method: &str,
    params: Value,
) -> Result<Value, RpcError> {
    let Value::Array(params) = params else {
        panic!("params are a list")
    };
    node::rpc::call(devnet.miner(), method, Params::new(params)).await
}

pub(crate) async fn call(devnet: &Handle, method: &str, params: Value) -> Value {
    match try_call(devnet, method, params.clone()).await {
        Ok(result) => result,
        Err(error) => panic!("{method} {params}: {error:?}"),
    }
}

pub(crate) fn number(value: &Value) -> u64 {
    let text = value.as_str().expect("a quantity");
    u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("a quantity")
}

pub(crate) fn raw(account: &Account, nonce: u64, change: impl FnOnce(&mut Eip1559)) -> String {
    let mut transaction = Eip1559 {
        chain_id: 1337,
        nonce,
        max_fee_per_gas: U256::from(10_000_000_000_u64),
        gas_limit: 21_000,
        to: TxKind::Call(Address::repeat_byte(0x11)),
        value: U256::from(1),
        ..Eip1559::default()
    };
    change(&mut transaction);
    hex::encode_prefixed(
        account
            .sign(Transaction::DynamicFee(transaction))
            .unwrap()
            .encode(),
    )
}

/// Initcode that runs `prelude` and gives `runtime` as the code.
pub(crate) fn initcode(prelude: &[u8], runtime: &[u8]) -> Bytes {
    let (length, offset) = (
        u16::try_from(runtime.len()).unwrap(),
        u8::try_from(prelude.len() + 12).unwrap(),
    );
    let [high, low] = length.to_be_bytes();
    let copy = [
        0x61, high, low, 0x80, 0x60, offset, 0x60, 0, 0x39, 0x60, 0, 0xf3,
    ];
    [prelude, &copy, runtime].concat().into()
}

/// Counts in slot 0, logs the count under topic 0xaa, returns it.
pub(crate) const COUNTER: &[u8] = &hex!("6000546001018060005560005260aa60206000a160206000f3");

pub(crate) async fn deploy(devnet: &Handle, prelude: &[u8], runtime: &[u8]) -> Address {
    let from = devnet.accounts()[0].address;
    let request = json!([{ "from": from, "data": initcode(prelude, runtime) }]);
    let hash = call(devnet, "eth_sendTransaction", request).await;
    let receipt = call(devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    receipt["contractAddress"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

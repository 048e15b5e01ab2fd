//! A fee for the bytes of transactions: a wallet that sends what it is told is included.

use crate::common::{call, devnet, number, raw, try_call};
use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use ethereum::Transaction;
use ethereum::transaction::Legacy;
use node::BlockTime;
use node::accounts::{self, Account};
use serde_json::{Value, json};

/// A mutez a byte: 1,000 units of gas at the lowest base fee.
const FEE: u64 = 1_000_000_000_000;

const RECIPIENT: Address = Address::repeat_byte(0xfe);

async fn with_fee() -> node::Handle {
    devnet(|options| {
        options.genesis.config.data_fee = FEE;
        options.genesis.config.fee_recipient = RECIPIENT;
    })
    .await
}

fn word(value: &Value) -> U256 {
    value.as_str().expect("a number").parse().expect("a number")
}

fn quantity(number: U256) -> String {
    format!("{number:#x}")
}

/// Somebody with nothing.
fn newcomer(index: usize) -> Account {
    accounts::derive(30).unwrap().remove(20 + index)
}

async fn receipt(devnet: &node::Handle, raw: &str) -> Value {
    let hash = call(devnet, "eth_sendRawTransaction", json!([raw])).await;
    call(devnet, "eth_getTransactionReceipt", json!([hash])).await
}

fn paid(receipt: &Value) -> U256 {
    word(&receipt["gasUsed"]) * word(&receipt["effectiveGasPrice"])
}

#[tokio::test]
async fn what_estimate_and_price_ask_for_is_enough() {
    let devnet = with_fee().await;
    let to = Address::repeat_byte(0x11);
    for (index, input) in [vec![], vec![7; 40], vec![1; 5_000]]
        .into_iter()
        .enumerate()
    {
        let wallet = newcomer(index);
        let from = wallet.address;
        let request = json!({
            "from": from, "to": to, "value": "0x7", "input": hex::encode_prefixed(&input),
        });
        let rich = json!([from, quantity(U256::from(10).pow(U256::from(18)))]);
        call(&devnet, "hardhat_setBalance", rich).await;
        let gas = number(&call(&devnet, "eth_estimateGas", json!([request])).await);
        let price = word(&call(&devnet, "eth_gasPrice", json!([])).await);
        let asked = U256::from(gas) * price + U256::from(7);
        // Exactly what that comes to.
        let set = json!([from, quantity(asked)]);
        call(&devnet, "hardhat_setBalance", set).await;
        let transaction = Transaction::Legacy(Legacy {
            chain_id: Some(1337),
            nonce: 0,
            gas_price: price,
            gas_limit: gas,
            to: TxKind::Call(to),
            value: U256::from(7),
            input: Bytes::from(input),
        });
        let raw = hex::encode_prefixed(wallet.sign(transaction).unwrap().encode());
        let bytes = (raw.len() - 2) / 2;
        let before = word(&call(&devnet, "eth_getBalance", json!([RECIPIENT, "latest"])).await);
        let receipt = receipt(&devnet, &raw).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        // Under a unit of gas more than the bytes' price.
        let fee = word(&receipt["l1Fee"]);
        let wanted = U256::from(FEE) * U256::from(bytes);
        assert!(fee >= wanted && fee < wanted + price, "{fee} {wanted}");
        let left = word(&call(&devnet, "eth_getBalance", json!([from, "latest"])).await);
        assert_eq!(left, asked - U256::from(7) - paid(&receipt));
        let after = word(&call(&devnet, "eth_getBalance", json!([RECIPIENT, "latest"])).await);
        assert!(after - before >= fee);
    }
}

/// A wallet of EIP-1559 asks while the chain is busy, and sends when it is quiet: the
/// base fee fell, so the bytes want more gas.
#[tokio::test]
async fn an_estimate_holds_while_the_base_fee_falls() {
    let devnet = with_fee().await;
    let floor = 1_000_000_000_u64;
    let set = json!([quantity(U256::from(20 * floor))]);
    call(&devnet, "hardhat_setNextBlockBaseFeePerGas", set).await;
    let account = accounts::derive(1).unwrap().remove(0);
    let to = Address::repeat_byte(0x11);
    let request = json!({ "from": account.address, "to": to, "value": "0x1" });
    let gas = number(&call(&devnet, "eth_estimateGas", json!([request])).await);
    call(&devnet, "hardhat_mine", json!(["0x32"])).await;
    let block = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(number(&block["baseFeePerGas"]), floor);
    let raw = raw(&account, 0, |fields| {
        fields.gas_limit = gas;
        fields.to = TxKind::Call(to);
        fields.max_fee_per_gas = U256::from(40 * floor);
    });
    let receipt = receipt(&devnet, &raw).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    // What was not needed is not paid for.
    assert!(number(&receipt["gasUsed"]) < gas);
}

/// The base fee fell while it waited, so its bytes want more gas: it waits for a higher one, after
/// a restart as before.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_higher_base_fee_is_there_after_a_restart() {
    let folder = std::env::temp_dir().join(format!("data-fee-{}", std::process::id()));
    let start = || {
        devnet(|options| {
            options.genesis.config.data_fee = FEE;
            options.genesis.config.fee_recipient = RECIPIENT;
            options.data_dir = Some(folder.clone());
            options.block_time = BlockTime::Manual;
        })
    };
    let node = start().await;
    let floor = 1_000_000_000_u64;
    let base_fee = |fee: u64| json!([quantity(U256::from(fee))]);
    let busy = base_fee(20 * floor);
    call(&node, "hardhat_setNextBlockBaseFeePerGas", busy).await;
    let account = accounts::derive(1).unwrap().remove(0);
    let raw = raw(&account, 0, |fields| {
        fields.gas_limit = 21_000 + 60 * 120;
        fields.max_fee_per_gas = U256::from(40 * floor);
    });
    let hash = call(&node, "eth_sendRawTransaction", json!([raw])).await;
    let quiet = base_fee(floor);
    call(&node, "hardhat_setNextBlockBaseFeePerGas", quiet).await;
    tokio::task::block_in_place(|| node.stop());
    let node = start().await;
    let waits = call(&node, "eth_getTransactionByHash", json!([hash])).await;
    assert_eq!(waits["hash"], hash, "{waits}");
    tokio::task::block_in_place(|| node.stop());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn too_little_gas_is_refused_in_the_fields_words() {
    let devnet = with_fee().await;
    let account = accounts::derive(1).unwrap().remove(0);
    let raw = raw(&account, 0, |_| {});
    let refused = try_call(&devnet, "eth_sendRawTransaction", json!([raw])).await;
    let error = format!("{:?}", refused.unwrap_err());
    let bytes = (raw.len() as u64 - 2) / 2;
    let want = 21_000 + 1_000 * bytes;
    let words = format!("intrinsic gas too low: gas 21000, minimum needed {want}");
    assert!(error.contains(&words), "{error}");
    // What the node sends itself has enough.
    let request = json!({ "from": account.address, "to": RECIPIENT, "value": "0x1" });
    let hash = call(&devnet, "eth_sendTransaction", json!([request])).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x1");
    assert!(receipt["l1Fee"].is_string());
    // It is executed again with what it paid, or the trace would be an error.
    let tracer = json!([hash, { "tracer": "callTracer" }]);
    let traced = call(&devnet, "debug_traceTransaction", tracer).await;
    assert_eq!(traced["value"], "0x1");
    // The share of the block's gas is that of execution.
    let history = call(&devnet, "eth_feeHistory", json!(["0x1", "latest", []])).await;
    let ratio = history["gasUsedRatio"][0].as_f64().unwrap();
    assert!((ratio - 21_000.0 / 30_000_000.0).abs() < 1e-9, "{ratio}");
}

#[tokio::test]
async fn without_the_fee_nothing_is_said_of_it() {
    let devnet = devnet(|_| {}).await;
    let account = accounts::derive(1).unwrap().remove(0);
    let request = json!({ "from": account.address, "to": RECIPIENT, "value": "0x1" });
    let gas = call(&devnet, "eth_estimateGas", json!([request])).await;
    assert_eq!(number(&gas), 21_000);
    let receipt = receipt(&devnet, &raw(&account, 0, |_| {})).await;
    assert_eq!(number(&receipt["gasUsed"]), 21_000);
    assert_eq!(receipt.get("l1Fee"), None);
}
